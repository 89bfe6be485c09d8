//! A7, A14: cores that go while others work, and that come late.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use alloc::{boxed::Box, vec::Vec};

use framekeeper::{Core, Owner};
use spin::Mutex;

use crate::{
    Machine,
    ground::{Ground, leaving_no_trace},
    map::{ME, give_all, take_all},
    mix::{Blocks, Objects, Place, held_on},
};

/// Operations of each core in a run with the default budget.
const STEPS: u64 = 2_000;
/// Whose the blocks of core 0 are; those of the others follow.
const FIRST_OWNER: u8 = 60;

/// Blocks and objects of the machine, taken and given by this core, which has none of them afterwards.
fn churn<M: Machine>(machine: &M, core: Core, salt: u64) {
    let (dice, owner) = (machine.dice(salt + core.index() as u64), Owner::new(FIRST_OWNER + core.number()));
    let mut blocks = Blocks::new(machine.frames(), machine.map(), owner, Place::Thread, dice.split(1));
    let mut objects = Objects::new(machine.heap(), core.number(), Place::Thread, dice);
    for _ in 0..machine.rounds(STEPS) {
        held_on(core, objects.step());
        held_on(core, blocks.step());
    }
    held_on(core, blocks.give_all());
    held_on(core, objects.give_all());
}

/// A core goes off with full caches while the others work. They go on, and have what lies in them.
pub fn a7_a_core_goes_off_while_others_work<M: Machine>(machine: &M) {
    let all = machine.cores();
    if all < 2 {
        machine.log(format_args!("one core: there is none to go off"));
        return;
    }
    let last = Core::new(all - 1);
    leaving_no_trace(machine, || {
        let free = machine.frames().free().total();
        let done = AtomicU64::new(0);
        machine.on_each(&|core| {
            churn(machine, core, 1_100);
            if core == last {
                done.store(1, SeqCst);
            } else if core == Core::new(0) {
                while done.load(SeqCst) == 0 {
                    core::hint::spin_loop();
                }
                machine.switch_off(last);
                churn(machine, core, 1_120);
            } else {
                churn(machine, core, 1_140);
            }
        });
        assert_eq!(machine.cores(), all - 1);
        machine.heap().shrink();
        assert_eq!(
            take_all(&Ground::whole(machine), ME, |_, _| ()),
            free,
            "what the core had in its caches is had"
        );
        assert_eq!(give_all(&Ground::whole(machine), ME), free);
        machine.switch_on(last);
        machine.on_each(&|core| churn(machine, core, 1_160));
    });
}

/// What cores find that come late: objects of the first one.
type Left = Mutex<Vec<(Core, Box<[u64; 9]>)>>;

/// Cores come up while the first one is at work already, and give back what it took.
pub fn a14_cores_come_late<M: Machine>(machine: &M) {
    let all = machine.cores();
    leaving_no_trace(machine, || {
        (1..all).map(Core::new).for_each(|core| machine.switch_off(core));
        let left = Left::default();
        machine.on_each(&|core| {
            assert_eq!(core, Core::new(0), "the only one");
            left.lock().extend((0..1_000).map(|_| (core, Box::new([7; 9]))));
            for late in (1..all).map(Core::new) {
                churn(machine, core, 1_180 + u64::from(late.number()) * 16);
                machine.switch_on(late);
            }
            churn(machine, core, 1_200);
        });
        assert_eq!(machine.cores(), all);
        machine.on_each(&|core| {
            while let Some((first, object)) = { left.lock().pop() } {
                assert_eq!((first, *object), (Core::new(0), [7; 9]));
            }
            churn(machine, core, 1_220);
        });
        drop(left);
    });
}
