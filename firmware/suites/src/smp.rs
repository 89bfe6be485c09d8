//! All cores at once.
//!
//! What each of them was handed is tagged in the memory itself: a block that was handed out twice is seen in the operation
//! that hands it out.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use framekeeper::{
    AllocError, Core, Order, Owner, PhysAddr, PhysRange, Request,
    slabs::{Slabs, Standard},
};
use spin::Mutex;

use crate::{
    Machine,
    arena::{self, Course, Plan},
    ground::{Ground, leaving_no_trace},
    map::{for_each_block, take_all},
    mix::{Blocks, Objects, Place, held_on},
    picture,
};

/// Operations of each core in a run with the default budget.
const STEPS: u64 = 40_000;
/// Whose the blocks of core 0 are; those of the others follow.
const FIRST_OWNER: u8 = 100;

const fn owner(core: Core) -> Owner {
    Owner::new(FIRST_OWNER + core.number())
}

/// Blocks of all sizes, taken and given at random.
pub fn r004_15_no_block_is_anybody_elses<M: Machine>(machine: &M) {
    let steps = machine.rounds(STEPS);
    leaving_no_trace(machine, || {
        machine.on_each(&|core| {
            let dice = machine.dice(300 + core.index() as u64);
            let mut blocks = Blocks::new(machine.frames(), machine.map(), owner(core), Place::Thread, dice);
            (0..steps).for_each(|_| held_on(core, blocks.step()));
            held_on(core, blocks.give_all());
        });
    });
}

/// Objects of all sizes, and blocks between them.
pub fn r000_6_no_object_is_anybody_elses<M: Machine>(machine: &M) {
    let steps = machine.rounds(STEPS);
    leaving_no_trace(machine, || {
        machine.on_each(&|core| {
            let dice = machine.dice(400 + core.index() as u64);
            let mut objects = Objects::new(machine.heap(), core.number(), Place::Thread, dice.split(1));
            let mut blocks = Blocks::new(machine.frames(), machine.map(), owner(core), Place::Thread, dice);
            for step in 0..steps {
                held_on(core, objects.step());
                if step.is_multiple_of(16) {
                    held_on(core, blocks.step());
                }
            }
            if core.index() == 0 {
                picture::send(machine, "while core 0 has objects and blocks");
            }
            held_on(core, objects.give_all());
            held_on(core, blocks.give_all());
        });
        assert_eq!(machine.heap().slabs().map(Slabs::verify), Ok(Ok(())));
    });
}

/// Each core makes what the next one takes from a ring and gives back: frames and objects.
pub fn r002_12_what_producers_take_consumers_give_back<M: Machine>(machine: &M) {
    const CORES: usize = 16;
    type Made = (PhysAddr, alloc::boxed::Box<[u64; 9]>);
    static RINGS: [Mutex<Vec<Made>>; CORES] = [const { Mutex::new(Vec::new()) }; CORES];
    let (rounds, cores) = (machine.rounds(STEPS / 2), usize::from(machine.cores()));
    let take = |made: Made| {
        assert!(made.1.iter().all(|&word| word == made.0.0), "{made:?}");
        assert_eq!(machine.frames().free_frame(made.0), Ok(1));
    };
    leaving_no_trace(machine, || {
        machine.on_each(&|core| {
            let (own, next) = (core.index() % CORES, (core.index() + 1) % cores % CORES);
            for _ in 0..rounds {
                let Some(frame) = machine.frames().alloc_frame() else { panic!("one frame for each core") };
                let made = (frame, alloc::boxed::Box::new([frame.0; 9]));
                put(RINGS.get(next), made).into_iter().for_each(take);
                let taken = RINGS.get(own).and_then(|ring| ring.lock().pop());
                taken.into_iter().for_each(take);
            }
        });
        for ring in &RINGS {
            core::mem::take(&mut *ring.lock()).into_iter().for_each(take);
        }
    });
}

/// Lays something into a ring; it comes back if the ring is full.
fn put<T>(ring: Option<&Mutex<Vec<T>>>, made: T) -> Option<T> {
    match ring.map(Mutex::lock) {
        Some(mut ring) if ring.len() < 64 => {
            ring.push(made);
            None
        }
        _ => Some(made),
    }
}

/// All cores take frames until there are none: each frame is had by one of them, nobody waits for ever, nothing is lost.
pub fn all_cores_use_up_all_frames<M: Machine>(machine: &M) {
    leaving_no_trace(machine, || {
        let free = machine.frames().free().total();
        let taken = AtomicU64::new(0);
        // All but little in large blocks, so that the cores are at the end of memory and not on the way to it.
        let bulk = take_most(machine);
        machine.on_each(&|core| {
            let mut count = 0;
            loop {
                match machine.frames().alloc(Request::order(Order::FRAME).owned_by(owner(core))) {
                    Ok(_) => count += 1,
                    Err(AllocError::OutOfMemory(_)) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            taken.fetch_add(count, SeqCst);
        });
        assert_eq!((taken.load(SeqCst) + bulk, machine.frames().free().total()), (free, 0));
        // Every core gives back what it has; the map knows which that is.
        machine.on_each(&|core| {
            for_each_block(&Ground::whole(machine), owner(core), |block, frames| {
                assert_eq!(machine.frames().free_frame(block), Ok(frames));
            });
        });
        let given = crate::map::give_all(&Ground::whole(machine), crate::map::ME);
        assert_eq!((given, machine.frames().free().total()), (bulk, free));
    });
}

/// Takes blocks of 2 MiB and more until few of them are left; how many frames that were.
fn take_most<M: Machine>(machine: &M) -> u64 {
    let mut taken = 0;
    for order in Order::all().rev().take_while(|&order| order >= Order::MIB_2) {
        while machine.frames().free().total() > 8 * Order::MIB_2.frames() + order.frames() {
            let request = Request::order(order).owned_by(crate::map::ME);
            if machine.frames().alloc(request).is_err() {
                break;
            }
            taken += order.frames();
        }
    }
    taken
}

/// All cores take objects of a small arena until there are none, again and again: somebody gets the last ones, nobody waits
/// for ever, nothing is lost.
pub fn all_cores_use_up_all_objects<M: Machine>(machine: &M) {
    let plan = Plan { cpu: Shared::<M>::new(), cores: machine.cores(), hook: None, course: Course::Chance };
    let rounds = machine.rounds(3);
    arena::run::<_, _, Standard, _>(machine, plan, |arena| {
        machine.on_each(&|core| {
            for round in 0..rounds {
                let dice = machine.dice(500 + core.index() as u64 + round * 64);
                let mut objects = Objects::new(arena.heap, core.number(), Place::Thread, dice);
                held_on(core, objects.use_up());
                (0..100).for_each(|_| held_on(core, objects.step()));
                held_on(core, objects.use_up());
                held_on(core, objects.give_all());
            }
        });
    });
}

/// What lies in the caches of a core that goes off is had by others, and the core comes back and works.
pub fn cores_go_off_with_full_caches_and_come_back<M: Machine>(machine: &M) {
    leaving_no_trace(machine, || {
        for round in 0..machine.rounds(2) {
            let churn = |core: Core| {
                let dice = machine.dice(600 + core.index() as u64 + round * 64);
                let mut blocks =
                    Blocks::new(machine.frames(), machine.map(), owner(core), Place::Thread, dice.split(1));
                let mut objects = Objects::new(machine.heap(), core.number(), Place::Thread, dice);
                for _ in 0..500 {
                    held_on(core, blocks.step());
                    held_on(core, objects.step());
                }
                held_on(core, blocks.give_all());
                held_on(core, objects.give_all());
            };
            machine.on_each(&churn);
            let all = machine.cores();
            let free = machine.frames().free().total();
            (1..all).map(Core::new).for_each(|core| machine.switch_off(core));
            assert_eq!(machine.cores(), 1);
            assert_eq!(take_all(&Ground::whole(machine), crate::map::ME, |_, _| ()), free);
            assert_eq!(crate::map::give_all(&Ground::whole(machine), crate::map::ME), free);
            (1..all).map(Core::new).for_each(|core| machine.switch_on(core));
            assert_eq!(machine.cores(), all);
            machine.on_each(&churn);
        }
    });
}

/// The machine's cores, for the allocators of an arena: pinned as the machine's are.
#[derive(Clone, Copy, Debug)]
struct Shared<M>(core::marker::PhantomData<fn() -> M>);

impl<M> Shared<M> {
    const fn new() -> Self {
        Self(core::marker::PhantomData)
    }
}

impl<M: Machine> framekeeper::CpuLocal for Shared<M> {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        M::here().cpu().pinned(work)
    }

    fn hold_others(&self, work: impl FnMut(Core)) -> bool {
        M::here().cpu().hold_others(work)
    }

    fn freed(&self, range: PhysRange) {
        M::here().cpu().freed(range);
    }

    fn usable(&self, block: PhysRange) -> Result<(), Owner> {
        M::here().cpu().usable(block)
    }
}

/// Two cores give the same block back at the same moment: one of them does, the other is refused, every time.
pub fn m15_of_two_who_give_a_block_back_at_once_one_does<M: Machine>(machine: &M) {
    if machine.cores() < 2 {
        return;
    }
    let rounds = machine.rounds(1_000);
    let (address, given, arrived) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let meet = |number: u64| {
        arrived.fetch_add(1, SeqCst);
        while arrived.load(SeqCst) < number * 2 {
            core::hint::spin_loop();
        }
    };
    leaving_no_trace(machine, || {
        machine.on_each(&|core| {
            // Two: an emulator has few processors to run those on that wait for each other.
            for round in (0..rounds).filter(|_| core.number() < 2) {
                if core.number() == 0 {
                    let order = Order::new((round % 12) as u8).unwrap_or_default();
                    let block = machine.frames().alloc_frames(order);
                    address.store(block.map_or(0, |block| block.0), SeqCst);
                }
                meet(2 * round + 1);
                let result = machine.frames().free_frame(PhysAddr(address.load(SeqCst)));
                given.fetch_add(u64::from(result.is_ok()), SeqCst);
                meet(2 * round + 2);
            }
        });
        assert_eq!(given.load(SeqCst), rounds);
    });
}
