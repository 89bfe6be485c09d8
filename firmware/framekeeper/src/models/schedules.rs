//! Random schedules of many cores at work, and of frees that race.
//!
//! `SCHEDULES` says how many of each; `SEED` where they begin. A schedule's seed is printed when it fails, and alone repeats it:
//! `SEED=… SCHEDULES=1`.

#[path = "../../tests/frames/crowd/mod.rs"]
mod crowd;

use crate::{
    CoreCache, CpuLocal, FrameAllocator, MapLayout, Order, RegionSet, Request, Storage,
    sync::{AtomicU32, AtomicU64},
};
use crowd::{Cores, Ground, Owned, Tally, in_handler, on_core, ram_around_the_border};
use shuttle::{
    Config, MaxSteps, Runner,
    rand::{Rng, thread_rng},
    scheduler::RandomScheduler,
    sync::Mutex,
    thread, thread_local,
};
use std::{println, sync::Arc, vec::Vec};

/// The environment's number of this name.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Runs `work` once for each schedule, with its seed.
fn schedules(name: &str, default: u64, work: impl Fn(u64) + Send + Sync + 'static) {
    let (first, count) = (number("SEED", 1), number("SCHEDULES", default));
    println!("{name}: {count} schedules, seeds from {first}");
    let work = Arc::new(work);
    for seed in first..first + count {
        let mut config = Config::new();
        config.stack_size = 1 << 18;
        config.max_steps = MaxSteps::FailAfter(10_000_000);
        config.failure_persistence = shuttle::FailurePersistence::None;
        config.silence_warnings = true;
        let (scheduler, work) = (RandomScheduler::new_from_seed(seed, 1), work.clone());
        let run = std::panic::AssertUnwindSafe(|| Runner::new(scheduler, config).run(move || work(seed)));
        if let Err(panic) = std::panic::catch_unwind(run) {
            println!("{name}: seed {seed} fails");
            std::panic::resume_unwind(panic);
        }
    }
}

fn dice() -> impl FnMut(u64) -> u64 {
    |end| thread_rng().gen_range(0..end)
}

fn with_cores<C: CpuLocal>(
    ram: &RegionSet<32>,
    cores: u8,
    cpu: C,
    work: impl FnOnce(&FrameAllocator<'_, C>),
) {
    let needs = MapLayout::of(ram).unwrap().needs();
    let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0)).collect();
    let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0)).collect();
    let caches: Vec<_> = (0..cores).map(|_| CoreCache::new()).collect();
    let storage = Storage { words: &mut words, index: &mut index };
    work(&FrameAllocator::new(ram, ram, storage, &caches, cpu).unwrap());
}

#[test]
fn no_frame_is_handed_out_twice_and_all_come_back() {
    static SUM: std::sync::Mutex<Tally> = std::sync::Mutex::new(Tally::NONE);
    schedules("crowds", 1000, |seed| {
        let cores = 4 + (seed % 5) as u8;
        let ram = ram_around_the_border(Order::MIB_2.bytes());
        let owned = Owned::new(&ram);
        with_cores(&ram, cores, Cores::new(cores), |frames| {
            let before = frames.free();
            let ground = Ground { frames, owned: &owned, shelf: &std::sync::Mutex::new(Vec::new()) };
            thread::scope(|scope| {
                let work = |me| ground.work(me, 40, dice());
                let threads: Vec<_> = (0..cores).map(|me| scope.spawn(move || work(me))).collect();
                threads.into_iter().for_each(|thread| *SUM.lock().unwrap() += thread.join().unwrap());
            });
            ground.finish(&before);
        });
    });
    println!("{:?}", SUM.lock().unwrap());
}

#[test]
fn a_block_freed_by_all_cores_at_once_is_freed_once() {
    schedules("races", 3000, |seed| {
        let cores = 2 + (seed % 4) as u8;
        let ram = ram_around_the_border(Order::MIB_2.bytes());
        with_cores(&ram, cores, Cores::new(cores), |frames| {
            on_core(0);
            let before = frames.free();
            for order in [0, 3, 9].map(|number| Order::new(number).unwrap()) {
                let block = frames.alloc_frames(order).unwrap();
                let freed: usize = thread::scope(|scope| {
                    let free = |me| {
                        on_core(me);
                        if dice()(4) == 0 {
                            in_handler();
                        }
                        usize::from(frames.free_frame(block).is_ok())
                    };
                    let threads: Vec<_> = (0..cores).map(|me| scope.spawn(move || free(me))).collect();
                    threads.into_iter().map(|thread| thread.join().unwrap()).sum()
                });
                assert_eq!(freed, 1, "{order:?}");
            }
            assert!(frames.drain_all());
            assert_eq!((frames.verify(), frames.free()), (Ok(()), before));
        });
    });
}

/// There are as many frames as cores, and no core has more than one: so none is ever told that there is none, wherever
/// the others' caches keep the frame that is left. A frame on its way between two places can be missed, and then is looked
/// for again; that it could be missed each time, no order of locks excludes.
#[test]
fn a_frame_that_is_left_is_found_in_whatever_cache_it_is() {
    schedules("one frame for each", 300, |seed| {
        let cores = 2 + (seed % 4) as u8;
        let ram = ram_around_the_border(Order::MIB_2.bytes());
        with_cores(&ram, cores, Cores::new(cores), |frames| {
            on_core(0);
            let all: Vec<_> =
                core::iter::repeat_with(|| frames.alloc_frame()).map_while(|frame| frame).collect();
            all.iter().take(cores.into()).for_each(|&frame| assert_eq!(frames.free_frame(frame), Ok(1)));
            let work = |me| {
                on_core(me);
                for _ in 0..10 {
                    let frame = frames.alloc(Request::order(Order::FRAME)).unwrap();
                    assert_eq!(frames.free_frame(frame), Ok(1));
                }
            };
            thread::scope(|scope| (0..cores).for_each(|me| drop(scope.spawn(move || work(me)))));
        });
    });
}
