//! Threads of the machine as cores, over the real allocator.

use crate::{
    crowd::{Cores, Ground, Owned, Tally, in_handler, on_core, ram_around_the_border},
    ground::{Dice, MIB, Memory, Ram, ram, scaled},
};
use framekeeper::{
    AllocError, Core, CoreCache, CpuLocal, FRAME_SIZE, FrameAllocator, FreeError, Order, PhysAddr, Request,
};
use std::{
    hint, iter,
    sync::{
        Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

/// What a run does; less under Miri, which is hundreds of times slower.
const OPERATIONS: u32 = scaled(20_000, 24);
const EACH_SIDE: u64 = scaled(4, 2) * MIB;
const SEEDS: u64 = scaled(8, 1);
const PASSES: u64 = scaled(10_000, 8);
const RACES: u64 = scaled(10_000, 20);
const SMALL: u64 = scaled(4, 1) * MIB;

/// An allocator over all of `ram` for so many cores.
fn with_cores<C: CpuLocal, R>(
    ram: &Ram,
    cores: usize,
    cpu: C,
    work: impl FnOnce(&FrameAllocator<'_, C>) -> R,
) -> R {
    let mut memory = Memory::of(ram);
    let caches: Vec<_> = (0..cores).map(|_| CoreCache::new()).collect();
    work(&FrameAllocator::new(ram, ram, memory.storage(), &caches, cpu).unwrap())
}

fn crowd(seed: u64, cores: u8, operations: u32) -> Tally {
    let ram = ram_around_the_border(EACH_SIDE);
    let owned = Owned::new(&ram);
    with_cores(&ram, cores.into(), Cores::new(cores), |frames| {
        let before = frames.free();
        assert_eq!(before.total(), ram.size() / FRAME_SIZE);
        let ground = Ground { frames, owned: &owned, shelf: &Mutex::new(Vec::new()) };
        let work = |me: u8| {
            let mut dice = Dice::new(seed << 8 | u64::from(me));
            ground.work(me, operations, |end| dice.below(end))
        };
        let mut sum = Tally::NONE;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..cores).map(|me| scope.spawn(move || work(me))).collect();
            threads.into_iter().for_each(|thread| sum += thread.join().unwrap());
        });
        ground.finish(&before);
        sum
    })
}

#[test]
fn r004_15_no_frame_is_handed_out_twice_to_threads_and_all_come_back() {
    for seed in 0..SEEDS {
        let cores = 2 + (seed % 7) as u8;
        let tally = crowd(seed, cores, OPERATIONS / u32::from(cores));
        println!("seed {seed}, {cores} cores: {tally:?}");
        assert!(cfg!(miri) || tally.taken > 1000 && tally.short > 0, "{tally:?}");
    }
}

/// Both wait for the same change of a counter, then free the block.
#[test]
fn r004_15_a_block_freed_by_two_threads_at_once_is_freed_once() {
    let ram = ram(&[(0, 4 * MIB)]);
    with_cores(&ram, 2, Cores::new(2), |frames| {
        let (round, block) = (AtomicU64::new(0), AtomicU64::new(0));
        let (freed, refused) = (AtomicU32::new(0), AtomicU32::new(0));
        let free = || {
            let address = PhysAddr(block.load(Ordering::Relaxed));
            match frames.free_frame(address) {
                Ok(_) => freed.fetch_add(1, Ordering::Release),
                Err(FreeError::NotAllocated { .. }) => refused.fetch_add(1, Ordering::Release),
                Err(error) => panic!("{error}"),
            };
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                on_core(1);
                (1..=RACES).for_each(|number| {
                    // Every third time from where no core is pinned: then no cache is in the way of the zone.
                    if number % 3 == 0 {
                        in_handler();
                    } else {
                        on_core(1);
                    }
                    until(|| round.load(Ordering::Acquire) == number);
                    free();
                });
            });
            on_core(0);
            for number in 1..=RACES {
                let order = Order::new((number % 4) as u8).unwrap();
                block.store(frames.alloc_frames(order).unwrap().0, Ordering::Relaxed);
                round.store(number, Ordering::Release);
                free();
                until(|| freed.load(Ordering::Acquire) + refused.load(Ordering::Acquire) == 2);
                assert_eq!(freed.swap(0, Ordering::Relaxed), 1, "round {number}");
                refused.store(0, Ordering::Relaxed);
            }
        });
        println!("{RACES} blocks freed by two threads at once, each once");
        assert!(frames.drain_all());
        frames.verify().unwrap();
        assert_eq!(frames.free().total(), 4 * MIB / FRAME_SIZE);
    });
}

/// Small enough for Miri to run it with many seeds, which decide what each load sees and where threads are interrupted.
#[test]
fn r004_15_each_thread_frees_what_the_other_took() {
    let ram = ram(&[(0, 2 * MIB)]);
    with_cores(&ram, 2, Cores::new(2), |frames| {
        let before = frames.free();
        let handed = [const { AtomicU64::new(0) }; 2];
        let work = |me: usize| {
            for number in 0..PASSES {
                if number % 4 == 3 {
                    in_handler();
                } else {
                    on_core(me as u8);
                }
                let order = Order::new((number % 3) as u8).unwrap();
                let block = frames.alloc(Request::order(order));
                // Zero is taken: a block at the start of memory is passed as well.
                handed[me].store(block.map_or(1, |block| block.0 | 2), Ordering::Release);
                let other = &handed[1 - me];
                until(|| other.load(Ordering::Relaxed) != 0);
                let passed = other.swap(0, Ordering::Acquire);
                if passed != 1 {
                    assert_eq!(frames.free_frame(PhysAddr(passed & !2)), Ok(order.frames()));
                }
                until(|| handed[me].load(Ordering::Acquire) == 0);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| work(1));
            work(0);
        });
        on_core(0);
        assert!(frames.drain_all());
        assert_eq!(frames.free(), before);
    });
}

/// Waits for another thread, which on a machine with one core has to get its turn for that.
fn until(condition: impl Fn() -> bool) {
    for tries in 1_u32.. {
        if condition() {
            return;
        }
        if tries.is_multiple_of(64) { thread::yield_now() } else { hint::spin_loop() }
    }
}

/// Leaves free frames in core 1's cache alone; says how many.
fn fill_the_cache_of_core_1<C: CpuLocal>(frames: &FrameAllocator<'_, C>) -> u64 {
    on_core(1);
    let held: Vec<_> = iter::repeat_with(|| frames.alloc_frame()).map_while(|frame| frame).collect();
    held.iter().take(scaled(8, 2)).for_each(|&frame| assert_eq!(frames.free_frame(frame), Ok(1)));
    let cached = frames.free().cached();
    assert_eq!((cached > 0, frames.free().total()), (true, cached));
    on_core(0);
    cached
}

#[test]
fn memory_in_other_cores_caches_is_had_before_there_is_none() {
    let ram = ram(&[(0, SMALL)]);
    with_cores(&ram, 2, Cores::new(2), |frames| {
        let cached = fill_the_cache_of_core_1(frames);
        (0..cached).for_each(|_| assert!(frames.alloc_frame().is_some()));
        assert!(matches!(frames.alloc(Request::order(Order::FRAME)), Err(AllocError::OutOfMemory(_))));
        frames.verify().unwrap();
    });
}

#[test]
fn a_block_asked_for_by_address_is_had_from_another_cores_cache() {
    let ram = ram(&[(0, SMALL)]);
    with_cores(&ram, 2, Cores::new(2), |frames| {
        fill_the_cache_of_core_1(frames);
        let cached = (0..ram.size()).step_by(FRAME_SIZE as usize).map(PhysAddr);
        let cached: Vec<_> = cached
            .filter(|&start| matches!(frames.state(start), framekeeper::State::Cached { .. }))
            .collect();
        for start in cached {
            assert_eq!(frames.alloc_at(start, Order::FRAME, framekeeper::Owner::new(0)), Ok(start));
        }
    });
}

/// Cores that nobody can hold.
struct NobodyHeld(Cores);

impl CpuLocal for NobodyHeld {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        self.0.pinned(work)
    }
}

#[test]
fn where_no_core_can_be_held_the_shortage_says_what_lies_in_other_caches() {
    let ram = ram(&[(0, SMALL)]);
    with_cores(&ram, 2, NobodyHeld(Cores::new(2)), |frames| {
        let cached = fill_the_cache_of_core_1(frames);
        let error = frames.alloc(Request::order(Order::FRAME)).unwrap_err();
        let AllocError::OutOfMemory(shortage) = error else { panic!("{error}") };
        assert_eq!(shortage.in_other_caches, cached);
        assert!(error.to_string().ends_with(&format!("; {cached} frames are in other cores' caches")));
        on_core(1);
        assert!(frames.alloc_frame().is_some());
        assert!(!frames.drain_all());
    });
}

/// A handler has no cache and no lock to wait for, and all that it does is seen by the core that it interrupted.
#[test]
fn r004_19_a_handler_takes_and_gives_back_between_a_cores_own_calls() {
    let ram = ram(&[(0, SMALL)]);
    with_cores(&ram, 1, Cores::new(1), |frames| {
        on_core(0);
        let before = frames.free();
        let of_core = frames.alloc_frame().unwrap();
        in_handler();
        let of_handler = frames.alloc_frame().unwrap();
        assert_eq!(frames.free_frame(of_core), Ok(1));
        assert!(matches!(frames.free_frame(of_core), Err(FreeError::NotAllocated { .. })));
        on_core(0);
        assert_eq!(frames.free_frame(of_handler), Ok(1));
        assert!(frames.drain_all());
        assert_eq!(frames.free(), before);
        frames.verify().unwrap();
    });
}
