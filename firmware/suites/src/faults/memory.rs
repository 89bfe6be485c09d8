//! A9, A10, A11: memory that moves while all cores work: caches that are emptied, frames that are added, and frames that
//! turn bad.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use framekeeper::{
    AddError, Core, CpuLocal, FRAME_SIZE, Order, Owner, PhysAddr, PhysRange, Request, State,
    slabs::{DirectMap, Standard},
};

use super::{
    nth::{LATE, keep_late},
    refusing::{self, Plan, Refusing},
    worker::Worker,
};
use crate::{
    Machine,
    arena::{self, Arena, Course},
    mix::{Place, Refusals},
    tags::{self, Tag},
};

/// Operations of all cores but the first together in a run with the default budget.
const STEPS: u64 = 40_000;
/// Operations of the core that does something else between two times that it does it.
const BETWEEN: u64 = 16;
/// How often core 0 works before it gives a frame back that turned bad.
const BEFORE_GIVEN: u64 = 20;
/// How often at least the caches of all cores are emptied while those are at work.
const ALL_EMPTIED: u64 = 2;
/// Whose frames are that turned bad.
const BAD: Owner = Owner::new(27);

type Ground<'a, 'r, C> = Arena<'a, 'a, &'r Refusing<C>, Standard>;

/// All cores work on an arena of which one request in ten is refused; core 0 also does `meanwhile`, again and again, until
/// all others are done and it says that it is.
fn while_all_work<M: Machine>(
    machine: &M,
    salt: u64,
    arena: &Ground<'_, '_, M::Cpu>,
    meanwhile: impl Fn() -> Progress + Sync,
) {
    let cores = u64::from(machine.cores());
    let steps = machine.rounds(STEPS).div_ceil(cores);
    let done = AtomicU64::new(1);
    machine.on_each(&|core| {
        let dice = machine.dice(salt + core.index() as u64);
        let mut worker = Worker::new(arena, core, Place::Thread, dice).refused(Refusals::Any);
        if core == Core::new(0) {
            while meanwhile() == Progress::Unfinished || done.load(SeqCst) < cores {
                worker.work(BETWEEN);
            }
        } else {
            worker.work(steps);
        }
        worker.give_all();
        done.fetch_add(1, SeqCst);
    });
}

/// Whether what is done meanwhile has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Unfinished,
    Finished,
}

/// Runs `work` on an arena of all cores of which one request in ten is refused.
fn ground<M: Machine>(machine: &M, work: impl for<'a> FnOnce(&Ground<'a, '_, M::Cpu>, &Refusing<M::Cpu>)) {
    let plan = Plan::Random { one_in: 10, seed: machine.parameters().seed };
    let refusing = refusing::all_cores(machine, plan);
    let plan = arena::Plan { cpu: &refusing, cores: machine.cores(), hook: None, course: Course::Chance };
    arena::run::<_, _, Standard, _>(machine, plan, |arena| {
        refusing.begin();
        work(arena, &refusing);
        refusing.end();
    });
    assert!(refusing.refused() > 0, "something is refused");
}

/// Caches and magazines are emptied while their cores fill them.
pub fn a9_caches_are_emptied_while_they_are_refilled<M: Machine>(machine: &M) {
    let rounds = machine.rounds(200);
    ground(machine, |arena, _| {
        let [times, all] = [const { AtomicU64::new(0) }; 2];
        while_all_work(machine, 1_000, arena, || {
            // This core's are emptied each time, and those of the others when they can be held.
            all.fetch_add(u64::from(arena.frames.drain_all()), SeqCst);
            arena.heap.shrink();
            let is_enough = times.fetch_add(1, SeqCst) >= rounds && all.load(SeqCst) >= ALL_EMPTIED;
            if is_enough { Progress::Finished } else { Progress::Unfinished }
        });
        let [times, all] = [times, all].map(AtomicU64::into_inner);
        machine.log(format_args!("a core's caches were emptied {times} times, and {all} times those of all"));
    });
}

/// Memory is added frame by frame while all cores take and give, and all of it can be had afterwards.
pub fn a10_memory_is_added_while_all_cores_allocate<M: Machine>(machine: &M) {
    ground(machine, |arena, refusing| {
        let next = AtomicU64::new(LATE.start().0);
        while_all_work(machine, 1_020, arena, || {
            let start = next.load(SeqCst);
            let frame = PhysRange::new(PhysAddr(start), PhysAddr(start + FRAME_SIZE));
            if start >= LATE.end().0 {
                return Progress::Finished;
            }
            match arena.frames.add(frame) {
                Ok(added) => {
                    assert_eq!(added, 1);
                    next.store(start + FRAME_SIZE, SeqCst);
                }
                Err(AddError::Refused(asked)) => assert_eq!(asked.frames, 1),
                Err(error) => panic!("{error}"),
            }
            Progress::Unfinished
        });
        refusing.end();
        let again = arena.frames.add(LATE);
        assert!(matches!(again, Err(AddError::NotReserved { .. })), "{again:?}");
        arena.heap.shrink();
        keep_late(arena.frames);
    });
}

/// What stands in a frame that turned bad, by its number.
fn mark<C: CpuLocal>(arena: &Ground<'_, '_, C>, frame: PhysAddr) -> Tag {
    let tag = Tag::of(BAD.number(), frame.0 / FRAME_SIZE);
    if let Err(tagged) = tags::tag(arena.window.pointer(frame), FRAME_SIZE as usize, tag) {
        panic!("{frame}: {tagged}");
    }
    tag
}

/// Keeps a frame that is free wherever it lies: in a zone, in this core's cache, or in another's.
fn retire<C: CpuLocal>(arena: &Ground<'_, '_, C>, frame: PhysAddr) -> bool {
    arena.frames.alloc_at(frame, Order::FRAME, BAD) == Ok(frame)
}

fn alloc<C: CpuLocal>(arena: &Ground<'_, '_, C>, order: Order) -> PhysAddr {
    match arena.frames.alloc(Request::order(order)) {
        Ok(block) => block,
        Err(error) => panic!("there is enough, and nothing is refused: {error}"),
    }
}

/// A frame in the middle of a large free block, one in a cache, and one inside a block that somebody has.
fn three<C: CpuLocal>(arena: &Ground<'_, '_, C>) -> [PhysAddr; 3] {
    let free = PhysAddr(LATE.end().0 + 0x34_5000);
    let cached = alloc(arena, Order::FRAME);
    assert_eq!(arena.frames.free_frame(cached), Ok(1));
    let block = alloc(arena, Order::new(4).unwrap_or_default());
    let inside = PhysAddr(block.0 + 5 * FRAME_SIZE);
    // Whoever has the block keeps what lies below, and the rest goes back.
    assert!(!retire(arena, inside), "somebody has it");
    assert_eq!(arena.frames.resize(block, 5), Ok(16));
    let bad = [free, cached, inside];
    bad.iter().for_each(|&frame| assert!(retire(arena, frame), "{frame} is free"));
    assert_eq!(arena.frames.free_frame(block), Ok(5));
    bad
}

/// A frame that turned bad is kept under an owner of its own: it is never handed out again, nobody writes to it, and what
/// lies beside it is used as before. One that somebody has is kept as soon as it comes back, while all cores allocate.
pub fn a11_a_frame_that_turns_bad_never_comes_back<M: Machine>(machine: &M) {
    ground(machine, |arena, refusing| {
        refusing.end();
        let bad = three(arena);
        let used = alloc(arena, Order::FRAME);
        let tags = bad.map(|frame| mark(arena, frame));
        refusing.begin();
        let given = AtomicU64::new(0);
        while_all_work(machine, 1_040, arena, || {
            if given.fetch_add(1, SeqCst) == BEFORE_GIVEN {
                assert_eq!(arena.frames.free_frame(used), Ok(1));
            }
            let is_kept = given.load(SeqCst) > BEFORE_GIVEN && (is_bad(arena, used) || retire(arena, used));
            if is_kept { Progress::Finished } else { Progress::Unfinished }
        });
        for (frame, tag) in bad.into_iter().zip(tags) {
            assert!(is_bad(arena, frame), "{frame}: {}", arena.frames.state(frame));
            assert_eq!(tags::untag(arena.window.pointer(frame), FRAME_SIZE as usize, tag), Ok(()));
        }
        assert_eq!(arena.frames.owners().frames(BAD), 4);
        bad.into_iter().chain([used]).for_each(|frame| assert_eq!(arena.frames.free_frame(frame), Ok(1)));
    });
}

fn is_bad<C: CpuLocal>(arena: &Ground<'_, '_, C>, frame: PhysAddr) -> bool {
    matches!(arena.frames.state(frame), State::Allocated { owner, frames: 1, .. } if owner == BAD)
}
