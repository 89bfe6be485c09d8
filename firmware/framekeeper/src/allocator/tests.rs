//! Calls while somebody else has a zone, which nothing from outside can have for long: the test takes its lock itself.
//!
//! A call that waited would wait for ever here.

use crate::{
    AddError, AllocError, Core, CoreCache, CpuLocal, Frame, FrameAllocator, Free, FreeError, MapLayout,
    Order, Owner, PhysAddr, PhysRange, RegionSet, Request, ResizeError, State, Storage, ZoneKind,
    dump::{Block, Dump},
    sync::{AtomicU32, AtomicU64},
};
use core::cell::Cell;
use std::vec::Vec;

const BORDER: u64 = 4 << 30;
const MIB: u64 = 1 << 20;

/// All frames that are free at first; under Miri, which is thousands of times slower, more than a cache keeps.
const MANY: usize = if cfg!(miri) { 100 } else { 1024 };

/// Memory that is reserved at first.
const LATE: PhysRange = PhysRange::new(PhysAddr(BORDER + 4 * MIB), PhysAddr(BORDER + 6 * MIB));

/// One core, which a handler that cannot be masked may interrupt.
#[derive(Default)]
struct Interrupted {
    in_handler: Cell<bool>,
}

impl CpuLocal for Interrupted {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work((!self.in_handler.get()).then_some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        !self.in_handler.get()
    }
}

type Frames<'a> = FrameAllocator<'a, Interrupted>;

/// 2 MiB in each zone, and a core with a cache. There are 2 MiB more to add.
fn with_frames(work: impl FnOnce(&Frames<'_>)) {
    let mut ram = RegionSet::<2>::new();
    ram.add(PhysRange::new(PhysAddr(BORDER - 2 * MIB), PhysAddr(BORDER + 2 * MIB))).unwrap();
    let free = ram;
    ram.add(LATE).unwrap();
    let needs = MapLayout::of(&ram).unwrap().needs();
    let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0)).collect();
    let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0)).collect();
    let storage = Storage { words: &mut words, index: &mut index };
    let caches = [CoreCache::new()];
    work(&FrameAllocator::new(&ram, &free, storage, &caches, Interrupted::default()).unwrap());
}

/// Does `work` while all of these zones are somebody else's.
fn while_busy<R>(frames: &Frames<'_>, kinds: &[ZoneKind], work: impl FnOnce() -> R) -> R {
    let _locks: Vec<_> = kinds.iter().map(|&kind| frames.zone(kind).zone.lock()).collect();
    work()
}

fn in_handler<R>(frames: &Frames<'_>, work: impl FnOnce() -> R) -> R {
    frames.cpu().in_handler.set(true);
    let result = work();
    frames.cpu().in_handler.set(false);
    result
}

/// What a dump says from `start` on, and how often.
fn dumped(frames: &Frames<'_>, start: PhysAddr) -> Vec<(Block, u64)> {
    let mut bytes = Vec::new();
    frames.dump(|piece| bytes.extend(piece));
    let runs = Dump::new(&bytes).unwrap().map(Result::unwrap);
    let runs = runs.skip_while(|run| run.first != Frame::containing(start));
    runs.map(|run| (run.block, run.count)).collect()
}

fn assert_all_is_back(frames: &Frames<'_>, before: &Free) {
    frames.drain();
    assert_eq!(frames.free(), *before);
    assert_eq!(frames.verify(), Ok(()));
}

#[test]
fn r004_19_a_handler_that_finds_all_zones_busy_is_told_so() {
    with_frames(|frames| {
        let before = frames.free();
        let taken = while_busy(frames, &ZoneKind::ALL, || {
            in_handler(frames, || {
                let request = Request::order(Order::FRAME);
                assert_eq!(
                    frames.alloc_at(PhysAddr(BORDER), Order::FRAME, Owner::new(0)),
                    Err(AllocError::Busy)
                );
                let mut places = [PhysAddr(0); 3];
                assert_eq!(frames.alloc_bulk(Order::FRAME, Owner::new(0), &mut places), 0);
                frames.alloc(request)
            })
        });
        assert_eq!(taken, Err(AllocError::Busy));
        assert_all_is_back(frames, &before);
    });
}

#[test]
fn r004_19_a_handler_takes_from_the_zone_that_is_not_busy() {
    with_frames(|frames| {
        let before = frames.free();
        let alloc = || frames.alloc(Request::order(Order::MIB_2));
        let low = while_busy(frames, &[ZoneKind::Normal], || in_handler(frames, alloc)).unwrap();
        assert_eq!(ZoneKind::of(low), ZoneKind::Dma32);
        let high = while_busy(frames, &[ZoneKind::Dma32], || in_handler(frames, alloc)).unwrap();
        assert_eq!(ZoneKind::of(high), ZoneKind::Normal);
        // That a zone is busy does not say that it has nothing.
        assert_eq!(
            while_busy(frames, &[ZoneKind::Normal], || in_handler(frames, alloc)),
            Err(AllocError::Busy)
        );
        for block in [low, high] {
            assert_eq!(in_handler(frames, || frames.free_frame(block)), Ok(512));
        }
        assert_all_is_back(frames, &before);
    });
}

/// Of each size: one frame, a pair, an odd number, and an area.
#[test]
fn r004_19_a_free_finds_the_zone_busy_and_is_absorbed_by_whoever_has_it_next() {
    with_frames(|frames| {
        let before = frames.free();
        for from_handler in [false, true] {
            let blocks = [1, 2, 77, 512].map(|count| (frames.alloc(Request::frames(count)).unwrap(), count));
            let free = || {
                for (block, count) in blocks {
                    assert_eq!(frames.free_frame(block), Ok(count));
                    let found = frames.state(block);
                    assert!(matches!(found, State::Pending { .. } | State::Cached { .. }), "{found}");
                    let inside = PhysAddr(block.0 + (count - 1) * crate::FRAME_SIZE);
                    assert_eq!(frames.state(inside), found, "{count}");
                    let again = frames.free_frame(block);
                    assert_eq!(again, Err(FreeError::NotAllocated { address: block, found }));
                }
            };
            while_busy(
                frames,
                &ZoneKind::ALL,
                || if from_handler { in_handler(frames, free) } else { free() },
            );
            assert_all_is_back(frames, &before);
        }
    });
}

#[test]
fn what_waits_for_its_zone_is_in_a_dump_with_its_size() {
    with_frames(|frames| {
        let block = frames.alloc(Request::frames(77)).unwrap();
        while_busy(frames, &ZoneKind::ALL, || assert_eq!(frames.free_frame(block), Ok(77)));
        assert_eq!(dumped(frames, block)[0], (Block::Pending { frames: 77 }, 1));
    });
}

/// Behind it lies a block that somebody has, whose size is nothing to it.
#[test]
fn one_frame_that_waits_is_in_a_dump_as_one_frame() {
    with_frames(|frames| {
        let (pair, owner) = (Order::new(1).unwrap(), Owner::new(1));
        let block = frames.alloc_at(PhysAddr(BORDER + crate::FRAME_SIZE), Order::FRAME, owner).unwrap();
        frames.alloc_at(PhysAddr(BORDER + 2 * crate::FRAME_SIZE), pair, owner).unwrap();
        while_busy(frames, &ZoneKind::ALL, || in_handler(frames, || frames.free_frame(block))).unwrap();
        let expected = [(Block::Pending { frames: 1 }, 1), (Block::Allocated { frames: 2, owner }, 1)];
        assert_eq!(dumped(frames, block)[..2], expected);
    });
}

/// It is no more than free: whoever took it has not said yet what it is.
#[test]
fn a_frame_that_was_taken_and_not_handed_out_yet_is_no_part_of_the_block_before_it() {
    with_frames(|frames| {
        let block = frames.alloc_at(PhysAddr(BORDER), Order::FRAME, Owner::new(1)).unwrap();
        let next = Frame::containing(block).plus(1);
        frames.zone(ZoneKind::Normal).zone.lock().take_at(next, Order::FRAME).unwrap();
        assert_eq!(frames.state(next.start()), State::Changing);
    });
}

/// By somebody who holds the core and may not wait.
#[test]
fn a_cache_that_is_emptied_while_the_zones_are_busy_leaves_each_of_its_blocks_waiting() {
    with_frames(|frames| {
        let before = frames.free();
        for order in Order::all().take(3) {
            let blocks = [(); 4].map(|()| frames.alloc_frames(order).unwrap());
            frames.drain();
            blocks.iter().for_each(|&block| assert_eq!(frames.free_frame(block), Ok(order.frames())));
            while_busy(frames, &ZoneKind::ALL, || assert!(frames.drain_core(Core::new(0), None)));
            for block in blocks {
                let head = Frame::containing(block);
                assert_eq!(frames.state(block), State::Pending { head }, "{order:?}");
            }
            assert_all_is_back(frames, &before);
        }
    });
}

/// A core's cache overflows while the zones are busy.
#[test]
fn r004_19_a_full_cache_is_emptied_without_waiting() {
    with_frames(|frames| {
        let before = frames.free();
        let blocks: Vec<_> =
            core::iter::repeat_with(|| frames.alloc_frame()).map_while(|frame| frame).take(MANY).collect();
        assert_eq!(blocks.len(), MANY);
        while_busy(frames, &ZoneKind::ALL, || {
            blocks.iter().for_each(|&block| assert_eq!(frames.free_frame(block), Ok(1)));
        });
        assert_all_is_back(frames, &before);
    });
}

#[test]
fn r004_19_a_handler_adds_memory_where_no_zone_is_busy() {
    with_frames(|frames| {
        let before = frames.free();
        let add = || in_handler(frames, || frames.add(LATE));
        assert_eq!(while_busy(frames, &[ZoneKind::Normal], add), Err(AddError::Busy));
        assert_eq!(while_busy(frames, &[ZoneKind::Dma32], add), Err(AddError::Busy));
        assert_eq!((frames.verify(), frames.free()), (Ok(()), before));
        assert_eq!(add(), Ok(2 * MIB / crate::FRAME_SIZE));
        assert_eq!(frames.verify(), Ok(()));
    });
}

#[test]
fn a_block_is_cut_without_waiting_and_its_end_is_absorbed() {
    with_frames(|frames| {
        let before = frames.free();
        for from_handler in [false, true] {
            let block = frames.alloc(Request::frames(200)).unwrap();
            // What is left behind 77 frames is no block by itself: 1, 2, 16, and 104 frames.
            let cut = || assert_eq!(frames.resize(block, 77), Ok(200));
            while_busy(frames, &ZoneKind::ALL, || if from_handler { in_handler(frames, cut) } else { cut() });
            for number in (77..200).step_by(if cfg!(miri) { 16 } else { 1 }) {
                let found = frames.state(PhysAddr(block.0 + number * crate::FRAME_SIZE));
                assert!(matches!(found, State::Pending { .. }), "{number}: {found}");
            }
            assert_eq!(frames.verify(), Ok(()));
            assert_eq!(frames.free_frame(block), Ok(77));
            assert_all_is_back(frames, &before);
        }
    });
}

#[test]
fn a_handler_that_finds_the_zone_busy_does_not_make_a_block_larger() {
    with_frames(|frames| {
        let before = frames.free();
        let block = frames.alloc(Request::frames(3).aligned_to(Order::MIB_2)).unwrap();
        let grow = || in_handler(frames, || frames.resize(block, 4));
        assert_eq!(while_busy(frames, &ZoneKind::ALL, grow), Err(ResizeError::Busy));
        assert_eq!(grow(), Ok(3));
        assert_eq!(frames.free_frame(block), Ok(4));
        assert_all_is_back(frames, &before);
    });
}

/// What is given back or resized is checked to be just that block, whoever had it before.
#[test]
fn a_block_of_another_owner_or_size_is_left_alone() {
    with_frames(|frames| {
        let before = frames.free();
        let (mine, other) = (Owner::new(3), Owner::new(4));
        for count in [1, 2, 77, 512] {
            let block = frames.alloc(Request::frames(count).owned_by(mine)).unwrap();
            assert!(frames.has(block, count, mine));
            for (frames_of, owner) in [(count, other), (count + 1, mine), (count - 1, mine)] {
                assert!(!frames.has(block, frames_of, owner));
                let found = frames.state(block);
                let error = FreeError::NotAllocated { address: block, found };
                assert_eq!(frames.free_exactly(block, frames_of, owner), Err(error));
                assert!(frames.resize_from(block, frames_of, 1, owner).is_err());
                assert_eq!(frames.state(block), found);
            }
            assert_eq!(frames.free_exactly(block, count, mine), Ok(()));
            assert!(frames.free_exactly(block, count, mine).is_err(), "a second time");
        }
        assert_all_is_back(frames, &before);
    });
}
