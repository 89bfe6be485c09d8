//! What is promised of frames, each by the id of its requirement.

use framekeeper::{
    AllocError, CpuLocal, FRAME_SIZE, Frame, FreeError, Order, Owner, PhysAddr, Request, State, ZoneKind,
};

use super::ME;
use crate::{
    ground::Ground,
    map::{give_all, take_all},
};

/// Where the lower zone ends.
const LOW_END: PhysAddr = PhysAddr(4 << 30);

fn order(number: u8) -> Order {
    Order::new(number).unwrap_or_default()
}

fn take<C: CpuLocal>(ground: &Ground<'_, '_, C>, request: Request) -> PhysAddr {
    match ground.frames.alloc(request.owned_by(ME)) {
        Ok(block) => {
            ground.mark(block.0);
            block
        }
        Err(error) => panic!("{request:?}: {error}"),
    }
}

/// A block goes back by its address alone, whatever its size.
pub(super) fn r004_1_a_block_is_given_back_by_its_address_alone<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| {
        let (frame, block) =
            (take(ground, Request::order(Order::FRAME)), take(ground, Request::order(Order::MIB_2)));
        assert_eq!(ground.frames.free_frame(block), Ok(512));
        assert_eq!(ground.frames.free_frame(frame), Ok(1));
    });
}

/// Blocks of 2 MiB are aligned physically, in every bank.
pub(super) fn r004_3_blocks_of_2_mib_are_aligned_in_every_bank<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| {
        let mut places = [PhysAddr(0); 64];
        loop {
            let filled = ground.frames.alloc_bulk(Order::MIB_2, ME, &mut places);
            for &block in places.iter().take(filled) {
                assert!(block.0.is_multiple_of(2 << 20), "{block}");
                let last = PhysAddr(block.0 + (2 << 20) - 1);
                assert!(ground.free_ram.iter().any(|bank| bank.contains(block) && bank.contains(last)));
            }
            if filled < places.len() {
                break;
            }
        }
        // All are taken: the free frames that are left are in smaller pieces.
        assert!(ZoneKind::ALL.iter().all(|&zone| ground.frames.free().largest(zone) < Some(Order::MIB_2)));
        give_all(ground, ME);
    });
}

/// Each order is aligned to its size, is known to the map, and leaves no trace.
pub(super) fn r004_4_every_order_is_aligned_and_leaves_no_trace<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| {
        for order in Order::all() {
            // The ground may be too small for the largest.
            let free = ground.frames.free();
            if ZoneKind::ALL.iter().all(|&zone| free.largest(zone) < Some(order)) {
                continue;
            }
            let block = take(ground, Request::order(order));
            let head = Frame::containing(block);
            assert!(head.is_aligned(order));
            let expected = State::Allocated { head, frames: order.frames(), owner: ME };
            let last = PhysAddr(block.0 + order.bytes() - FRAME_SIZE);
            assert_eq!([block, last].map(|address| ground.frames.state(address)), [expected; 2]);
            assert_eq!(ground.frames.free_frame(block), Ok(order.frames()));
        }
    });
}

/// In whatever order single frames come back, all of memory is joined again.
pub(super) fn r004_5_in_whatever_order_frames_come_back_all_is_joined<C: CpuLocal>(
    ground: &Ground<'_, '_, C>,
) {
    /// How many frames, in one block before they are cut.
    const COUNT: u64 = 1 << 10;
    ground.leaves_no_trace(|| {
        for stride in [1, COUNT - 1, 611] {
            let block = take(ground, Request::order(order(10)));
            assert_eq!(ground.frames.free_frame(block), Ok(COUNT));
            for frame in 0..COUNT {
                let wanted = PhysAddr(block.0 + frame * FRAME_SIZE);
                assert_eq!(ground.frames.alloc_at(wanted, Order::FRAME, ME), Ok(wanted));
            }
            for step in 0..COUNT {
                let frame = PhysAddr(block.0 + step * stride % COUNT * FRAME_SIZE);
                assert_eq!(ground.frames.free_frame(frame), Ok(1), "stride {stride}");
            }
        }
    });
}

/// An exact number of frames in a row, aligned to more than that if asked for.
pub(super) fn r004_20_exact_numbers_of_frames_are_had<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| {
        for frames in [1, 3, 5, 31, 33, 511, 513, 700, 1023, 2047] {
            let block = take(ground, Request::frames(frames));
            assert!(
                matches!(ground.frames.state(block), State::Allocated { frames: had, .. } if had == frames)
            );
            let behind = PhysAddr(block.0 + frames * FRAME_SIZE);
            let goes_on =
                matches!(ground.frames.state(behind), State::Allocated { owner, .. } if owner == ME);
            assert!(!goes_on, "a frame behind {frames} is taken");
            assert_eq!(ground.frames.free_frame(block), Ok(frames));
            let block = take(ground, Request::frames(frames).aligned_to(order(11)));
            assert!(block.0.is_multiple_of(order(11).bytes()));
            assert_eq!(ground.frames.free_frame(block), Ok(frames));
        }
    });
}

/// What must lie below 4 GiB does, and runs out when that is full, whatever is free above.
pub(super) fn r004_20_memory_below_4_gib_is_had_on_request<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| {
        let low = ground.frames.free().frames(ZoneKind::Dma32);
        let request = Request::order(Order::FRAME).dma32();
        let largest = ground.frames.free().largest(ZoneKind::Dma32);
        if let Some(largest) = largest {
            let block = take(ground, Request::order(largest).dma32());
            assert!(block.0 + largest.bytes() <= LOW_END.0);
            assert_eq!(ground.frames.free_frame(block), Ok(largest.frames()));
        }
        let mut taken = 0;
        for order in Order::all().rev() {
            while let Ok(block) = ground.frames.alloc(Request::order(order).dma32().owned_by(ME)) {
                assert!(block.0 + order.bytes() <= LOW_END.0, "{block}");
                taken += order.frames();
            }
        }
        assert_eq!(taken, low);
        let high = ground.frames.free().frames(ZoneKind::Normal);
        assert!(matches!(ground.frames.alloc(request), Err(AllocError::OutOfMemory(_))));
        assert_eq!(ground.frames.free().frames(ZoneKind::Normal), high);
        give_all(ground, ME);
    });
}

/// A block at an address is had if it is free, and refused with a reason if it is not.
pub(super) fn r004_20_a_block_at_an_address_is_had_if_it_is_free<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| {
        let block = take(ground, Request::order(Order::MIB_2));
        let again = ground.frames.alloc_at(block, Order::FRAME, ME);
        assert!(
            matches!(again, Err(AllocError::NotFree { found: State::Allocated { .. }, .. })),
            "{again:?}"
        );
        assert_eq!(ground.frames.free_frame(block), Ok(512));
        let inside = PhysAddr(block.0 + 7 * FRAME_SIZE);
        assert_eq!(ground.frames.alloc_at(inside, Order::FRAME, ME), Ok(inside));
        let around = ground.frames.alloc_at(block, Order::MIB_2, ME);
        assert!(matches!(around, Err(AllocError::NotFree { .. })), "{around:?}");
        let crooked = ground.frames.alloc_at(inside, Order::MIB_2, ME);
        assert_eq!(crooked, Err(AllocError::Misaligned { address: inside }));
        assert_eq!(ground.frames.free_frame(inside), Ok(1));
    });
}

/// Requests that can never be met are errors that say so.
pub(super) fn requests_for_nothing_and_for_too_much_are_refused<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    ground.leaves_no_trace(|| {
        for frames in [0, Order::MAX.frames() + 1, u64::MAX] {
            let refused = ground.frames.alloc(Request::frames(frames));
            assert_eq!(refused, Err(AllocError::BadSize { frames }));
        }
    });
}

/// A second free, a free of a tail, of an address inside a frame: refused with what is there, and nothing changes.
pub(super) fn r004_14_frees_of_what_nobody_has_are_refused_and_change_nothing<C: CpuLocal>(
    ground: &Ground<'_, '_, C>,
) {
    ground.leaves_no_trace(|| {
        let block = take(ground, Request::order(order(4)));
        let head = Frame::containing(block);
        let tail = PhysAddr(block.0 + 3 * FRAME_SIZE);
        assert_eq!(ground.frames.free_frame(tail), Err(FreeError::NotHead { address: tail, head }));
        let crooked = PhysAddr(block.0 + 8);
        assert_eq!(ground.frames.free_frame(crooked), Err(FreeError::Misaligned { address: crooked }));
        assert_eq!(ground.frames.free_frame(block), Ok(16));
        for address in [block, tail] {
            let again = ground.frames.free_frame(address);
            assert!(matches!(again, Err(FreeError::NotAllocated { .. })), "{again:?}");
        }
    });
}

/// Memory runs out with an error that says what was wanted and what there was.
pub(super) fn a_shortage_explains_itself<C: CpuLocal>(ground: &Ground<'_, '_, C>) {
    assert!(ground.frames.drain_all());
    take_all(ground, ME, |_, _| ());
    let wanted = Request::order(Order::MIB_2).owned_by(Owner::new(23));
    match ground.frames.alloc(wanted) {
        Err(AllocError::OutOfMemory(shortage)) => {
            assert_eq!(shortage.wanted, Order::MIB_2);
            assert!(
                shortage.zones.iter().flatten().all(|zone| zone.free_frames == 0 && zone.largest.is_none())
            );
        }
        other => panic!("{other:?}"),
    }
    give_all(ground, ME);
    let block = take(ground, Request::order(Order::MIB_2));
    assert_eq!(ground.frames.free_frame(block), Ok(512));
}
