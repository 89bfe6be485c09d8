//! What can be seen from outside, and blocks that free themselves.

use crate::ground::{GIB, MIB, Memory, ram, with_cache, with_zones};
use framekeeper::{
    AllocError, Core, CoreCache, CpuLocal, FRAME_SIZE, FrameAllocator, Frames, Order, Owner, PhysAddr,
    PhysRange, Request, State, Zero, ZoneKind,
};
use std::cell::RefCell;

#[test]
fn free_blocks_are_written_as_a_line_for_each_zone() {
    let ram = ram(&[(4 * GIB - 3 * MIB, 4 * GIB + 2 * MIB)]);
    with_zones(&ram, &ram, |frames| {
        assert_eq!(
            frames.free().to_string(),
            "zone    DMA32      0      0      0      0      0      0      0      0      1      1      0      0      \
             0      0      0      0      0      0      0\n\
             zone   NORMAL      0      0      0      0      0      0      0      0      0      1      0      0      \
             0      0      0      0      0      0      0\n\
             cached             0 frames\n"
        );
    });
}

#[test]
fn what_lies_in_a_cache_is_free_and_counted() {
    let ram = ram(&[(0, 64 * MIB)]);
    with_cache(&ram, &ram, |frames| {
        let before = frames.free();
        let frame = frames.alloc_frame().unwrap();
        assert!(frames.free().cached() > 0);
        frames.free_frame(frame).unwrap();
        assert!(matches!(frames.state(frame), State::Cached { core, .. } if core == Core::new(0)));
        assert_eq!(frames.free().total(), before.total());
        assert_eq!(frames.free().largest(ZoneKind::Normal), None);
        frames.drain();
        assert_eq!(frames.free(), before);
    });
}

#[test]
fn owners_are_told_apart() {
    let ram = ram(&[(0, 64 * MIB)]);
    with_cache(&ram, &ram, |frames| {
        let (kernel, user) = (Owner::new(1), Owner::new(200));
        let blocks = [
            frames.alloc(Request::order(Order::MIB_2).owned_by(kernel)).unwrap(),
            frames.alloc(Request::frames(3).owned_by(user)).unwrap(),
            frames.alloc(Request::order(Order::FRAME).owned_by(user)).unwrap(),
        ];
        let owners = frames.owners();
        assert_eq!((owners.frames(kernel), owners.frames(user), owners.frames(Owner::new(0))), (512, 4, 0));
        assert_eq!(owners.to_string(), "owner   1        512 frames\nowner 200          4 frames\n");
        blocks.iter().for_each(|&block| assert!(frames.free_frame(block).is_ok()));
        assert_eq!(frames.owners().to_string(), "");
    });
}

#[test]
fn frames_free_themselves_unless_their_address_is_taken() {
    let ram = ram(&[(0, 64 * MIB)]);
    with_zones(&ram, &ram, |frames| {
        let before = frames.free();
        let block = Frames::new(frames, Request::frames(5)).unwrap();
        let range = PhysRange::from_size(block.start(), 5 * FRAME_SIZE).unwrap();
        assert_eq!((block.count(), block.range()), (5, range));
        drop(block);
        assert_eq!(frames.free(), before);
        let raw = Frames::new(frames, Request::order(Order::MIB_2)).unwrap().into_raw();
        assert_ne!(frames.free(), before);
        assert_eq!(frames.free_frame(raw), Ok(512));
        assert!(matches!(Frames::new(frames, Request::frames(0)), Err(AllocError::BadSize { frames: 0 })));
    });
}

#[test]
fn a_bulk_is_filled_as_far_as_memory_goes() {
    let ram = ram(&[(0, 2 * MIB)]);
    with_cache(&ram, &ram, |frames| {
        let mut places = [PhysAddr(u64::MAX); 600];
        assert_eq!(frames.alloc_bulk(Order::FRAME, Owner::new(3), &mut places[..200]), 200);
        assert_eq!(frames.alloc_bulk(Order::FRAME, Owner::new(3), &mut places[200..]), 312);
        assert_eq!(places[512], PhysAddr(u64::MAX));
        assert_eq!(frames.owners().frames(Owner::new(3)), 512);
        let mut taken = places[..512].to_vec();
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), 512);
        frames.verify().unwrap();
        taken.iter().for_each(|&frame| assert_eq!(frames.free_frame(frame), Ok(1)));
        frames.drain();
        assert_eq!(frames.free().largest(ZoneKind::Dma32), Some(Order::MIB_2));
    });
}

/// Notes what it was to fill with zeros.
#[derive(Default)]
struct Zeroing(RefCell<Vec<PhysRange>>);

impl CpuLocal for Zeroing {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(0)))
    }
}

impl Zero for &Zeroing {
    fn zero(&self, range: PhysRange) {
        self.0.borrow_mut().push(range);
    }
}

#[test]
fn what_is_asked_for_zeroed_is_zeroed_before_it_is_handed_out() {
    let ram = ram(&[(0, 64 * MIB)]);
    let (mut memory, caches, zeroing) = (Memory::of(&ram), [CoreCache::new()], Zeroing::default());
    let frames = FrameAllocator::new(&ram, &ram, memory.storage(), &caches, &zeroing).unwrap();
    let block = frames.alloc_zeroed(Request::frames(3)).unwrap();
    assert_eq!(*zeroing.0.borrow(), [PhysRange::from_size(block, 3 * FRAME_SIZE).unwrap()]);
    assert!(frames.alloc_zeroed(Request::order(Order::MAX)).is_err());
    assert_eq!(zeroing.0.borrow().len(), 1);
}
