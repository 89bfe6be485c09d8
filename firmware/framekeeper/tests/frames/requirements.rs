//! The requirements on frames, each by its id.

use crate::ground::{
    AMPLE, BANKS, Dice, GIB, MIB, Memory, digest, pixel6, ram, range, scaled, with_cache, with_zones,
};
use framekeeper::{
    AddError, AllocError, CpuLocal, FRAME_SIZE, Frame, FrameAllocator, FreeError, MapError, MapLayout, Order,
    Owner, PhysAddr, Request, Shortage, State, Uncached, ZoneKind, ZoneShortage,
};
use std::collections::HashSet;

const ME: Owner = Owner::new(1);

/// The order of the largest blocks that are taken; the largest there is, but under Miri.
const LARGEST: u8 = scaled(Order::MAX.number(), 9);

fn orders() -> impl Iterator<Item = Order> {
    Order::all().take(usize::from(LARGEST) + 1)
}

fn order(number: u8) -> Order {
    Order::new(number).unwrap()
}

fn take<C: CpuLocal>(frames: &FrameAllocator<'_, C>, number: u8) -> PhysAddr {
    frames.alloc(Request::order(order(number)).owned_by(ME)).unwrap()
}

#[test]
fn r004_1_a_block_is_given_back_by_its_address_alone() {
    let ram = ram(&[(0, AMPLE)]);
    with_cache(&ram, &ram, |frames| {
        let before = digest(frames, &ram);
        let (frame, block): (Option<PhysAddr>, Option<PhysAddr>) =
            (frames.alloc_frame(), frames.alloc_frames(Order::MIB_2));
        assert_eq!(frames.free_frame(block.unwrap()), Ok(512));
        assert_eq!(frames.free_frame(frame.unwrap()), Ok(1));
        frames.drain();
        assert_eq!(digest(frames, &ram), before);
    });
}

#[test]
fn r004_2_every_frame_is_handed_out_once_and_all_come_back() {
    let (ram, mut free) = pixel6();
    // Each frame is work: of each bank a part is enough.
    if cfg!(miri) {
        free.subtract(range(4 * GIB - 3 * MIB / 2, 5 * GIB + 3 * MIB / 2)).unwrap();
    }
    with_cache(&ram, &free, |frames| {
        let before = frames.free();
        let total = free.size() / FRAME_SIZE;
        assert_eq!(before.total(), total);
        let mut seen = HashSet::new();
        for _ in 0..total {
            let frame = frames.alloc_frame().unwrap();
            assert!(frame.0.is_multiple_of(FRAME_SIZE) && seen.insert(frame) && free.contains(frame));
        }
        assert_eq!(frames.alloc_frame(), None);
        frames.verify().unwrap();
        for frame in seen {
            assert_eq!(frames.free_frame(frame), Ok(1));
        }
        frames.drain();
        assert_eq!(frames.free(), before);
        frames.verify().unwrap();
    });
}

#[test]
fn r004_3_two_mib_blocks_are_physically_aligned_on_both_banks() {
    let (ram, free) = pixel6();
    with_cache(&ram, &free, |frames| {
        let (mut low, mut high) = (0, 0);
        while let Some(block) = frames.alloc_frames(Order::MIB_2) {
            assert_eq!(block.0 % (2 * MIB), 0);
            *(if block.0 < 4 * GIB { &mut low } else { &mut high }) += 1;
        }
        assert_eq!(high, scaled(6 * GIB, 2 * MIB) / (2 * MIB));
        assert!(low > scaled(800, 0), "{low}");
    });
}

#[test]
fn r004_4_every_order_is_aligned_and_leaves_no_trace() {
    let (ram, free) = pixel6();
    with_zones(&ram, &free, |frames| {
        let before = digest(frames, &ram);
        for order in orders() {
            let block = take(frames, order.number());
            let head = Frame::containing(block);
            assert!(head.is_aligned(order));
            assert_eq!(frames.state(block), State::Allocated { head, frames: order.frames(), owner: ME });
            frames.free_frame(block).unwrap();
            assert_eq!(frames.free(), before.1, "order {}", order.number());
        }
        assert_eq!(digest(frames, &ram), before);
    });
}

/// Ascending, descending, and shuffled by a fixed stride.
#[test]
fn r004_5_in_whatever_order_blocks_come_back_all_is_joined_and_nothing_across_a_hole() {
    const UNIT: u64 = scaled(256, 16) * FRAME_SIZE;
    let ranges = ram(&[
        (0, 3 * UNIT),
        (4 * UNIT - FRAME_SIZE, 9 * UNIT + FRAME_SIZE),
        (4 * GIB - UNIT, 4 * GIB + UNIT),
    ]);
    for stride in [1, -1, 611] {
        with_cache(&ranges, &ranges, |frames| {
            let before = digest(frames, &ranges);
            let mut blocks = Vec::new();
            while let Some(frame) = frames.alloc_frame() {
                blocks.push(frame);
            }
            blocks.sort();
            let count = blocks.len() as i64;
            assert_eq!(count as u64, ranges.size() / FRAME_SIZE);
            for step in 0..count {
                frames.free_frame(blocks[(step * stride).rem_euclid(count) as usize]).unwrap();
            }
            frames.drain();
            assert_eq!(digest(frames, &ranges), before, "stride {stride}");
            // At 4 GiB the zones meet, and nothing is joined there.
            assert_eq!(frames.free().blocks(ZoneKind::Normal, order(scaled(8, 4))), 1);
        });
    }
}

#[test]
fn r004_6_splitting_one_block_leaves_one_of_each_smaller_order() {
    let ram = ram(&[(scaled(0, GIB), GIB + order(LARGEST).bytes())]);
    for whole in orders() {
        let free = crate::ground::ram(&[(GIB, GIB + whole.bytes())]);
        with_zones(&ram, &free, |frames| {
            take(frames, 0);
            for order in Order::all() {
                let blocks = frames.free().blocks(ZoneKind::Dma32, order);
                assert_eq!(
                    blocks,
                    u64::from(order < whole),
                    "order {} of {}",
                    order.number(),
                    whole.number()
                );
            }
        });
    }
}

#[test]
fn r004_7_no_operation_depends_on_the_number_of_free_blocks() {
    /// Moves, splits and joins of one pair with so many free frames between allocated ones.
    fn cost(holes: u64) -> u64 {
        let ram = ram(&[(0, 2 * holes * FRAME_SIZE)]);
        with_zones(&ram, &ram, |frames| {
            let blocks: Vec<_> = (0..2 * holes).map(|_| take(frames, 0)).collect();
            let even = blocks.iter().filter(|block| (block.0 / FRAME_SIZE).is_multiple_of(2));
            even.for_each(|block| assert_eq!(frames.free_frame(*block), Ok(1)));
            assert_eq!(frames.free().blocks(ZoneKind::Dma32, order(0)), holes.min(512 * 1024));
            let before = frames.effort();
            frames.free_frame(take(frames, 0)).unwrap();
            let after = frames.effort();
            (after.moves + after.splits + after.joins) - (before.moves + before.splits + before.joins)
        })
    }
    assert_eq!(cost(scaled(1_000, 4)), cost(scaled(1_000_000, 100)));
}

/// 80 % of a GiB, a million operations of orders 0 to 5, halving: what is left in one piece.
#[test]
fn r004_8_a_long_random_trace_leaves_memory_in_large_pieces() {
    const SIZE: u64 = scaled(GIB, AMPLE);
    let ram = ram(&[(0, SIZE)]);
    with_cache(&ram, &ram, |frames| {
        let mut dice = Dice::new(8);
        let (mut held, mut live): (Vec<PhysAddr>, u64) = (Vec::new(), 0);
        for _ in 0..scaled(1_000_000, 300) {
            if live * 10 < SIZE / FRAME_SIZE * 8 && dice.below(64) < 40 {
                let number = dice.next().trailing_ones().min(5) as u8;
                held.push(take(frames, number));
                live += 1 << number;
            } else if !held.is_empty() {
                let block = held.swap_remove(dice.below(held.len() as u64) as usize);
                live -= frames.free_frame(block).unwrap();
            }
        }
        frames.drain();
        frames.verify().unwrap();
        let unusable = frames.free().unusable_per_mille(Order::MIB_2);
        println!(
            "largest order {:?}, unusable for 2 MiB: {unusable} per mille",
            frames.free().largest(ZoneKind::Dma32)
        );
        assert!(
            cfg!(miri) || unusable <= 150,
            "{unusable} per mille of the free memory is not in blocks of 2 MiB"
        );
    });
}

#[test]
fn r004_9_the_map_of_a_pixel_6_takes_little_more_than_four_bytes_a_frame() {
    let ram = ram(&BANKS);
    let layout = MapLayout::of(&ram).unwrap();
    println!("{} bytes", layout.bytes());
    // Under Miri sections are smaller, so that there are more of them.
    assert!(layout.bytes() <= 8 * MIB + scaled(320, 512) * 1024, "{} bytes", layout.bytes());
    assert!(layout.bytes() <= 24 * ram.size() / FRAME_SIZE);
    let needs = layout.needs();
    assert_eq!(layout.bytes(), 4 * needs.words as u64 + 8 * needs.index as u64);
}

#[test]
fn r004_11_the_map_goes_where_there_is_room() {
    let layout = MapLayout::of(&ram(&[(0, GIB)])).unwrap();
    let mut free = ram(&[(0x1000, 0x5000), (16 * MIB, 20 * MIB)]);
    let place = layout.take_place(&mut free).unwrap();
    assert_eq!(place.start(), PhysAddr(16 * MIB));
    assert!(place.size() >= layout.bytes() && !free.contains(place.start()));
    let mut crumbs = ram(&[(0, 0x4000), (0x10000, 0x18000)]);
    let error = layout.take_place(&mut crumbs).unwrap_err();
    let needed = layout.bytes().next_multiple_of(FRAME_SIZE);
    assert_eq!(error, MapError::NoPlace { needed, largest: 0x8000 });
}

#[test]
fn r004_12_no_amount_of_ram_is_too_much_up_to_what_the_slots_hold() {
    let (low, high) = (scaled(128, 1) * GIB, scaled(100, 1) * GIB);
    assert!(MapLayout::of(&ram(&[(0, low), (1 << 44, (1 << 44) + high)])).is_ok());
    assert!(MapLayout::of(&ram(&[((1 << 50) - MIB, 1 << 50)])).is_ok());
    // Under Miri sections are smaller, and to count so many of them takes minutes.
    if !cfg!(miri) {
        let error = MapLayout::of(&ram(&[(0, 300 * GIB)])).unwrap_err();
        assert_eq!(error, MapError::TooMuchRam { sections: 300 * 8 });
    }
    let end = PhysAddr((1 << 50) + MIB);
    assert_eq!(MapLayout::of(&ram(&[(1 << 50, end.0)])), Err(MapError::TooHigh { end }));
    assert_eq!(MapLayout::of(&ram(&[(0x1001, 0x1fff)])), Err(MapError::NoRam));
}

#[test]
fn r004_14_a_hole_is_never_handed_out_and_cannot_be_given() {
    let (ram, free) = pixel6();
    with_zones(&ram, &free, |frames| {
        for hole in [0, 0x7fff_f000, 0x1_0000_0000, 0x8_7fff_f000, 0xa_0000_0000, 1 << 51] {
            assert_eq!(frames.state(PhysAddr(hole)), State::Hole);
            let error = frames.free_frame(PhysAddr(hole)).unwrap_err();
            assert_eq!(error, FreeError::NotAllocated { address: PhysAddr(hole), found: State::Hole });
        }
        // Between two reserved ranges lies a single frame.
        assert_eq!(frames.state(PhysAddr(0xfd3f_e000)), State::Reserved);
        let island = frames.alloc_at(PhysAddr(0xfd3f_f000), Order::FRAME, ME).unwrap();
        assert_eq!(frames.free_frame(island), Ok(1));
    });
}

#[test]
fn r004_20_an_exact_number_of_frames_and_a_block_at_an_address() {
    const SIZE: u64 = scaled(GIB, 4 * MIB);
    let ram = ram(&[(0, SIZE)]);
    with_zones(&ram, &ram, |frames| {
        let before = digest(frames, &ram);
        const WHOLE: u64 = SIZE / FRAME_SIZE;
        let counts: &[u64] = scaled(&[1, 2, 3, 5, 511, 513, 1000, WHOLE], &[1, 3, 513, WHOLE]);
        for &count in counts {
            let start = frames.alloc(Request::frames(count).owned_by(ME)).unwrap();
            let head = Frame::containing(start);
            assert_eq!(frames.free().total(), SIZE / FRAME_SIZE - count);
            let inside = head.plus(count - 1).start();
            assert_eq!(frames.state(inside), State::Allocated { head, frames: count, owner: ME });
            if count > 1 {
                assert_eq!(frames.free_frame(inside), Err(FreeError::NotHead { address: inside, head }));
            }
            frames.verify().unwrap();
            assert_eq!(frames.free_frame(start), Ok(count));
            assert_eq!(frames.free(), before.1);
        }
        for count in [0, 262_145, u64::MAX] {
            assert_eq!(frames.alloc(Request::frames(count)), Err(AllocError::BadSize { frames: count }));
        }
        let wanted = PhysAddr(scaled(123, 1) * 2 * MIB);
        assert_eq!(frames.alloc_at(wanted, Order::MIB_2, ME), Ok(wanted));
        frames.verify().unwrap();
        assert!(matches!(frames.alloc_at(wanted, Order::FRAME, ME), Err(AllocError::NotFree { .. })));
        let misaligned = frames.alloc_at(PhysAddr(0x1000), Order::MIB_2, ME);
        assert_eq!(misaligned, Err(AllocError::Misaligned { address: PhysAddr(0x1000) }));
        frames.free_frame(wanted).unwrap();
        assert_eq!(digest(frames, &ram), before);
    });
}

#[test]
fn a_request_can_be_limited_to_low_memory_and_low_memory_is_kept_for_it() {
    let (whole, size) = (order(LARGEST), order(LARGEST).bytes());
    let ram = ram(&[(4 * GIB - size, 4 * GIB + size)]);
    with_cache(&ram, &ram, |frames| {
        let anywhere = frames.alloc_frames(whole).unwrap();
        assert_eq!(anywhere, PhysAddr(4 * GIB));
        let low = frames.alloc(Request::order(order(LARGEST - 1)).dma32()).unwrap();
        assert_eq!(low, PhysAddr(4 * GIB - size));
        // NORMAL is used up, so DMA32 serves all.
        assert_eq!(ZoneKind::of(frames.alloc_frame().unwrap()), ZoneKind::Dma32);
        let error = frames.alloc(Request::order(whole).dma32()).unwrap_err();
        let (largest, free_frames) = (order(LARGEST - 2), whole.frames() / 2 - 1);
        let zone = ZoneShortage { zone: ZoneKind::Dma32, largest: Some(largest), free_frames };
        let below = Some(PhysAddr(4 * GIB));
        let shortage = Shortage { wanted: whole, below, zones: [Some(zone), None], in_other_caches: 0 };
        assert_eq!(error, AllocError::OutOfMemory(shortage));
        let said = scaled(
            "wanted order 18 below 0x100000000; DMA32 has 131071 frames free, largest order 16",
            "wanted order 9 below 0x100000000; DMA32 has 255 frames free, largest order 7",
        );
        assert_eq!(error.to_string(), said);
    });
}

#[test]
fn memory_can_be_added_later_and_only_once() {
    const HALF: u64 = AMPLE / 2;
    let ram = ram(&[(0, AMPLE)]);
    with_zones(&ram, &crate::ground::ram(&[(0, HALF - FRAME_SIZE)]), |frames| {
        let late = range(HALF - FRAME_SIZE, AMPLE);
        assert_eq!(frames.add(late), Ok(HALF / FRAME_SIZE + 1));
        let whole = Order::holding(AMPLE / FRAME_SIZE).unwrap();
        assert_eq!(frames.free().blocks(ZoneKind::Dma32, whole), 1);
        frames.verify().unwrap();
        let before = frames.free();
        for again in [late, range(HALF, AMPLE + 16 * MIB), range(AMPLE, AMPLE + MIB)] {
            assert!(matches!(frames.add(again), Err(AddError::NotReserved { .. })), "{again}");
        }
        assert_eq!(frames.free(), before);
    });
}

#[test]
fn free_memory_that_is_no_ram_is_not_believed() {
    let ram = ram(&[(16 * MIB, 20 * MIB)]);
    with_zones(&ram, &crate::ground::ram(&[(0, 17 * MIB), (19 * MIB, GIB)]), |frames| {
        assert_eq!(frames.free().total(), 2 * MIB / FRAME_SIZE);
    });
}

#[test]
fn a_map_that_does_not_fit_is_refused() {
    let ram = ram(&[(0, AMPLE)]);
    let mut memory = Memory::of(&ram);
    let mut storage = memory.storage();
    storage.index = &mut storage.index[1..];
    let error = FrameAllocator::new(&ram, &ram, storage, &[], Uncached).unwrap_err();
    assert!(matches!(error, MapError::TooSmall { .. }), "{error}");
}

#[test]
fn the_unusable_share_counts_what_lies_in_small_blocks() {
    let ram = ram(&[(0, 4 * MIB)]);
    with_zones(&ram, &ram, |frames| {
        assert_eq!(frames.free().unusable_per_mille(Order::MIB_2), 0);
        take(frames, 0);
        assert_eq!(frames.free().unusable_per_mille(Order::MIB_2), 511 * 1000 / 1023);
        assert_eq!(frames.free().unusable_per_mille(Order::FRAME), 0);
    });
}
