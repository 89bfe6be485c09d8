//! What a core's cache is for: what comes back goes out again, and no zone works for it.

use crate::{
    ground::{AMPLE, GIB, MIB, Memory, check, ram, scaled, with_cache},
    trace::Cores,
};
use framekeeper::{
    Core, CoreCache, CpuLocal, FRAME_SIZE, Frame, FrameAllocator, OneCore, Order, Owner, PhysAddr, State,
    Uncached, ZoneKind,
};
use std::cell::Cell;

#[test]
fn a_block_of_up_to_2_mib_is_handed_out_again_from_the_cache_and_a_larger_one_is_not_kept() {
    // Of 16 MiB a 64th is 64 frames.
    let largest_kept = scaled(Order::MIB_2, Order::new(6).unwrap());
    let ram = ram(&[(0, scaled(GIB, 16 * MIB))]);
    with_cache(&ram, &ram, |frames| {
        let whole = frames.free().largest(ZoneKind::Dma32);
        for order in Order::all().take(12) {
            let block = frames.alloc_frames(order).unwrap();
            frames.free_frame(block).unwrap();
            let head = Frame::containing(block);
            let is_kept = order <= largest_kept;
            let core = Core::new(0);
            let cached = State::Cached { head, order, core };
            assert_eq!(frames.state(block) == cached, is_kept, "{order:?}: {}", frames.state(block));
            let before = frames.effort();
            assert_eq!(frames.alloc_frames(order), Some(block), "{order:?}");
            assert_eq!(frames.effort() == before, is_kept, "{order:?}");
            frames.free_frame(block).unwrap();
            frames.drain();
            assert_eq!(frames.free().largest(ZoneKind::Dma32), whole);
        }
    });
}

/// Of 64 MiB a core keeps 32 blocks of 8 frames, and of 16 MiB 32 of 2. 64 blocks side by side are out, and come back as
/// `given` says.
fn cached_blocks_after(given: impl Iterator<Item = usize>) -> u64 {
    let ram = ram(&[(0, scaled(64, 16) * MIB)]);
    let order = Order::new(scaled(3, 1)).unwrap();
    with_cache(&ram, &ram, |frames| {
        let mut blocks = [(); 64].map(|()| frames.alloc_frames(order).unwrap());
        blocks.sort();
        assert_eq!((blocks[63].0 - blocks[0].0, frames.free().cached()), (63 * order.bytes(), 0));
        given.for_each(|number| assert_eq!(frames.free_frame(blocks[number]), Ok(order.frames())));
        check(frames);
        frames.free().cached() / order.frames()
    })
}

#[test]
fn a_full_cache_makes_room_by_blocks_that_lie_side_by_side() {
    assert_eq!(cached_blocks_after(0..32), 32, "it is full");
    assert_eq!(cached_blocks_after((0..32).chain([40])), 0, "all were one piece");
    assert_eq!(cached_blocks_after((0..32).rev().chain([40])), 0);
    assert_eq!(cached_blocks_after((0..24).chain(32..40).chain([50])), 24, "the last piece");
    assert_eq!(cached_blocks_after((0..64).step_by(2).chain([1])), 31, "each was a piece of its own");
}

#[test]
fn all_caches_are_drained_where_the_others_can_be_held() {
    fn drained(machine: &impl CpuLocal) -> bool {
        let ram = ram(&[(0, AMPLE)]);
        let (mut memory, caches) = (Memory::of(&ram), [CoreCache::new()]);
        FrameAllocator::new(&ram, &ram, memory.storage(), &caches, machine).unwrap().drain_all()
    }
    assert!(drained(&OneCore));
    assert!(!drained(&Uncached), "it knows of no cores");
}

/// All frames of the area in the middle are taken but those that are told. One that comes back is the next that goes out,
/// if the core's cache keeps it.
fn is_kept(free: &[u64]) -> bool {
    let ram = ram(&[(0, AMPLE)]);
    with_cache(&ram, &ram, |frames| {
        let first = Frame::containing(PhysAddr(AMPLE / 2));
        let take =
            |number, order| _ = frames.alloc_at(first.plus(number).start(), order, Owner::new(1)).unwrap();
        for start in (0..512).step_by(16) {
            let mut some = start..start + 16;
            if some.any(|number| number == 100 || free.contains(&number)) {
                let taken = (start..start + 16).filter(|number| !free.contains(number));
                taken.for_each(|number| take(number, Order::FRAME));
            } else {
                take(start, Order::holding(16).unwrap());
            }
        }
        let back = first.plus(100).start();
        assert_eq!(frames.free_frame(back), Ok(1));
        assert!(matches!(frames.state(back), State::Cached { .. }));
        frames.alloc_frame() == Some(back)
    })
}

#[test]
fn a_frame_is_kept_if_its_area_has_nothing_larger_free() {
    assert!(is_kept(&[]), "the area is full");
    assert!(is_kept(&[5, 9]), "only single frames are free");
    assert!(!is_kept(&[6, 7]), "it leaves, for the area to become whole");
}

#[test]
fn a_frame_is_kept_if_the_last_ones_came_from_its_area() {
    let ram = ram(&[(0, AMPLE)]);
    with_cache(&ram, &ram, |frames| {
        let frame = frames.alloc_frame().unwrap();
        assert_eq!(frames.free_frame(frame), Ok(1));
        assert_eq!(frames.alloc_frame(), Some(frame));
    });
}

/// Where a 64th of memory is more than that. Under Miri it is 64 frames.
#[test]
fn a_core_keeps_up_to_32_blocks_and_up_to_8_mib_of_each_order() {
    const MOST: u64 = scaled(8 * MIB, 16 * MIB / 64);
    let ram = ram(&[(0, scaled(GIB, 16 * MIB))]);
    with_cache(&ram, &ram, |frames| {
        for order in Order::all().take(scaled(10, 7)) {
            let most = (MOST / order.bytes()).min(32);
            let blocks: Vec<_> = (0..=most).map(|_| frames.alloc_frames(order).unwrap()).collect();
            frames.drain();
            let (last, fit) = blocks.split_last().unwrap();
            fit.iter().for_each(|&block| assert_eq!(frames.free_frame(block), Ok(order.frames())));
            assert_eq!(frames.free().cached(), most * order.frames(), "{order:?}");
            assert_eq!(frames.free_frame(*last), Ok(order.frames()));
            assert!(frames.free().cached() <= most * order.frames(), "{order:?}");
            frames.drain();
        }
    });
}

/// Two caches, and an order of which a 64th of 64 MiB, or of 16 MiB, is less than what they have room for.
#[test]
fn of_each_order_all_caches_together_keep_no_more_than_a_64th_of_memory() {
    const SIZE: u64 = scaled(64, 16) * MIB;
    const SHARE: u64 = SIZE / FRAME_SIZE / 64;
    let (ram, core) = (ram(&[(0, SIZE)]), Cell::new(0));
    let (mut memory, two) = (Memory::of(&ram), [CoreCache::new(), CoreCache::new()]);
    let frames = FrameAllocator::new(&ram, &ram, memory.storage(), &two, Cores(&core)).unwrap();
    for order in Order::all().take(scaled(8, 6)).skip(3) {
        // No core's, so that all of them come from the zones.
        core.set(2);
        let each = (SHARE / 2 / order.frames()) as usize;
        let held: Vec<_> = (0..2 * each + 2).map(|_| frames.alloc_frames(order).unwrap()).collect();
        let (fit, more) = held.split_at(2 * each);
        let give = |on, blocks: &[PhysAddr]| {
            core.set(on);
            blocks.iter().for_each(|&block| assert_eq!(frames.free_frame(block), Ok(order.frames())));
        };
        (0..).zip(fit.chunks(each)).for_each(|(on, blocks)| give(on, blocks));
        assert_eq!(frames.free().cached(), SHARE, "{order:?}");
        (0..).zip(more.chunks(1)).for_each(|(on, blocks)| give(on, blocks));
        assert!(frames.free().cached() <= SHARE, "{order:?}: {}", frames.free().cached());
        frames.drain_all();
    }
}
