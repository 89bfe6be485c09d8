//! Objects of all sizes, taken, changed and given at random, at each level of checking.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use framekeeper::{
    Core, CpuLocal,
    slabs::{Debug, Hardening, Off, Paranoid, Standard},
};

use crate::{
    Machine,
    arena::{self, Course, Plan},
    mix::{Objects, Place, held},
};

/// Steps of a storm in a run with the default budget.
const STEPS: u64 = 200_000;

/// A storm with the default's checks ends with the same slabs on every machine, and reports nothing.
pub fn a_storm_of_objects_leaves_no_trace<M: Machine>(machine: &M) {
    arena::run::<_, _, Standard, _>(machine, Plan::ONE_CORE, |arena| {
        let mut objects = Objects::new(arena.heap, 1, Place::Thread, machine.dice(3));
        for _ in 0..machine.rounds(STEPS) {
            held(objects.step());
        }
        arena.mark();
        held(objects.give_all());
        assert_eq!(arena.slabs().reports(), 0);
    });
}

/// Storms at the other levels: legal use is never reported, whatever is in memory.
pub fn m22_legal_use_is_never_reported_at_any_level<M: Machine>(machine: &M) {
    storm::<M, Off>(machine);
    storm::<M, Standard>(machine);
    storm::<M, Paranoid>(machine);
    storm::<M, Debug>(machine);
}

fn storm<M: Machine, H: Hardening>(machine: &M) {
    arena::run::<_, _, H, _>(machine, Plan::ONE_CORE, |arena| {
        let mut objects = Objects::new(arena.heap, 1, Place::Thread, machine.dice(4));
        for _ in 0..machine.rounds(STEPS / 4) {
            held(objects.step());
        }
        held(objects.give_all());
        assert_eq!(arena.slabs().reports(), 0, "{:?}", H::LEVEL);
    });
}

/// Objects where now and then no core can be told, as in a handler that nothing masks: there no magazine is used and no lock
/// is waited for.
pub fn objects_come_and_go_where_no_core_can_be_told<M: Machine>(machine: &M) {
    let cpu = Sometimes { part: AtomicU64::new(0), is_known: AtomicBool::new(false) };
    let plan = Plan { cpu: &cpu, cores: 1, hook: None, course: Course::Fixed };
    arena::run::<_, _, Standard, _>(machine, plan, |arena| {
        let mut objects = Objects::new(arena.heap, 1, Place::Handler, machine.dice(7));
        for _ in 0..machine.rounds(STEPS / 4) {
            held(objects.step());
        }
        held(objects.give_all());
        assert_eq!(arena.slabs().report().allocated(), 0);
        cpu.is_known.store(true, Relaxed);
    });
}

/// One core, which until it is known cannot be told in every third of its pinned parts.
#[derive(Debug)]
struct Sometimes {
    part: AtomicU64,
    is_known: AtomicBool,
}

impl CpuLocal for Sometimes {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        let is_told = self.is_known.load(Relaxed) || !self.part.fetch_add(1, Relaxed).is_multiple_of(3);
        work(is_told.then_some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        true
    }
}

/// Some objects stay for long between many that come and go; when all have gone, so have their slabs.
pub fn r000_7_slabs_grow_and_shrink_around_objects_that_stay<M: Machine>(machine: &M) {
    arena::run::<_, _, Standard, _>(machine, Plan::ONE_CORE, |arena| {
        let mut stay = Objects::new(arena.heap, 1, Place::Thread, machine.dice(5));
        let before = arena.heap.usage().slabs;
        for generation in 0..8 {
            (0..200).for_each(|_| held(stay.step()));
            let mut go = Objects::new(arena.heap, 2, Place::Thread, machine.dice(6 + generation));
            (0..machine.rounds(5_000)).for_each(|_| held(go.step()));
            let grown = arena.heap.usage().slabs;
            held(go.give_all());
            arena.heap.shrink();
            assert!((before..grown).contains(&arena.heap.usage().slabs), "generation {generation}");
        }
        held(stay.give_all());
        arena.heap.shrink();
        assert_eq!(arena.heap.usage().slabs, before);
    });
}
