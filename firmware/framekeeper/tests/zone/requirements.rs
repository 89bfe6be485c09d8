//! The requirements on frames, each by its id.

use crate::ground::{GIB, MIB, digest, map_memory, pixel6, ram, range, zone};
use framekeeper::{
    AllocError, FRAME_SIZE, Frame, FrameMap, FreeError, MapError, MapLayout, Order, Owner, PhysAddr, State,
    Zone,
};
use std::collections::HashSet;

const ME: Owner = Owner(1);

#[test]
fn r004_1_a_block_is_given_back_by_its_address_alone() {
    let ram = ram(&[(0, 64 * MIB)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &ram);
    let before = digest(&zone);
    let block = zone.take(Order::MIB_2, ME).unwrap();
    assert_eq!(zone.give(block.start()), Ok(512));
    assert_eq!(digest(&zone), before);
}

#[test]
fn r004_2_every_frame_is_handed_out_once_and_all_come_back() {
    let (ram, free) = pixel6();
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &free);
    let before = digest(&zone);
    let total = free.size() / FRAME_SIZE;
    assert_eq!(zone.free_frames(), total);
    let mut seen = HashSet::new();
    for _ in 0..total {
        let frame = zone.take(Order::FRAME, ME).unwrap();
        assert!(seen.insert(frame) && free.contains(frame.start()));
    }
    let error = zone.take(Order::FRAME, ME).unwrap_err();
    assert_eq!(error, AllocError::OutOfMemory { wanted: Order::FRAME, largest: None, free_frames: 0 });
    assert_eq!(error.to_string(), "wanted order 0, nothing is free");
    zone.verify().unwrap();
    for frame in seen {
        assert_eq!(zone.give(frame.start()), Ok(1));
    }
    assert_eq!(digest(&zone), before);
}

#[test]
fn r004_3_two_mib_blocks_are_physically_aligned_on_both_banks() {
    let (ram, free) = pixel6();
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &free);
    let (mut low, mut high) = (0, 0);
    while let Ok(block) = zone.take(Order::MIB_2, ME) {
        assert_eq!(block.start().0 % (2 * MIB), 0);
        *(if block.start().0 < 4 * GIB { &mut low } else { &mut high }) += 1;
    }
    assert_eq!(high, 6 * GIB / (2 * MIB));
    assert!(low > 800, "{low}");
}

#[test]
fn r004_4_every_order_is_aligned_and_leaves_no_trace() {
    let (ram, free) = pixel6();
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &free);
    let before = digest(&zone);
    for order in Order::all() {
        let block = zone.take(order, ME).unwrap();
        assert!(block.is_aligned(order));
        assert_eq!(
            map.state(block.start()),
            State::Allocated { head: block, frames: order.frames(), owner: ME }
        );
        zone.give(block.start()).unwrap();
        assert_eq!(digest(&zone), before, "order {}", order.number());
    }
}

#[test]
fn r004_6_splitting_one_block_leaves_one_of_each_smaller_order() {
    let ram = ram(&[(0, 128 * MIB)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &crate::ground::ram(&[(0, 64 * MIB)]));
    let whole = zone.largest().unwrap();
    zone.take(Order::FRAME, ME).unwrap();
    for order in Order::all() {
        assert_eq!(zone.free_blocks(order), u64::from(order < whole), "order {}", order.number());
    }
}

#[test]
fn r004_7_no_operation_depends_on_the_number_of_free_blocks() {
    /// List changes, splits and joins of one pair with so many free frames between allocated ones.
    fn cost(holes: u64) -> u64 {
        let ram = ram(&[(0, 2 * holes * FRAME_SIZE)]);
        let memory = map_memory(&ram);
        let map = FrameMap::new(&ram, &memory).unwrap();
        let mut zone = zone(&map, &ram);
        let frames: Vec<_> = (0..2 * holes).map(|_| zone.take(Order::FRAME, ME).unwrap()).collect();
        frames
            .iter()
            .filter(|frame| frame.number() % 2 == 0)
            .for_each(|frame| assert_eq!(zone.give(frame.start()), Ok(1)));
        assert_eq!(zone.free_blocks(Order::FRAME), holes);
        let before = zone.effort();
        let frame = zone.take(Order::FRAME, ME).unwrap();
        zone.give(frame.start()).unwrap();
        let after = zone.effort();
        (after.list_changes + after.splits + after.joins)
            - (before.list_changes + before.splits + before.joins)
    }
    assert_eq!(cost(1_000), cost(1_000_000));
}

#[test]
fn r004_9_the_map_of_a_pixel_6_is_sixteen_mib_and_a_table() {
    let (ram, _) = pixel6();
    let layout = MapLayout::of(&ram).unwrap();
    assert!(layout.bytes() <= 16 * MIB + 64 * 1024, "{} bytes", layout.bytes());
    assert!(layout.bytes() <= 24 * ram.size() / FRAME_SIZE);
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
    assert_eq!(
        error,
        MapError::NoPlace { needed: layout.bytes().next_multiple_of(FRAME_SIZE), largest: 0x8000 }
    );
}

#[test]
fn r004_12_no_amount_of_ram_is_too_much_up_to_what_the_links_hold() {
    assert!(MapLayout::of(&ram(&[(0, 128 * GIB), (1 << 44, (1 << 44) + 100 * GIB)])).is_ok());
    let error = MapLayout::of(&ram(&[(0, 300 * GIB)])).unwrap_err();
    assert_eq!(error, MapError::TooMuchRam { sections: 300 * 8 });
    assert_eq!(MapLayout::of(&ram(&[(0x1001, 0x1fff)])), Err(MapError::NoRam));
}

#[test]
fn r004_14_a_hole_is_never_handed_out_and_cannot_be_given() {
    let (ram, free) = pixel6();
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &free);
    for hole in [0, 0x7fff_f000, 0x1_0000_0000, 0x8_7fff_f000, 0xa_0000_0000, 1 << 51] {
        assert_eq!(map.state(PhysAddr(hole)), State::Hole);
        let error = zone.give(PhysAddr(hole)).unwrap_err();
        assert_eq!(error, FreeError::NotAllocated { address: PhysAddr(hole), found: State::Hole });
    }
    // Between two reserved ranges lies a single frame.
    assert!(matches!(map.state(PhysAddr(0xfd3f_e000)), State::Reserved));
    let island = zone.take_at(PhysAddr(0xfd3f_f000), Order::FRAME, ME).unwrap();
    assert_eq!(zone.give(island.start()), Ok(1));
}

#[test]
fn r004_20_an_exact_number_of_frames_and_a_block_at_an_address() {
    let ram = ram(&[(0, GIB)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &ram);
    let before = digest(&zone);
    for frames in [1, 2, 3, 5, 511, 513, 1000, 262_144] {
        let head = zone.take_frames(frames, ME).unwrap();
        assert_eq!(zone.free_frames(), GIB / FRAME_SIZE - frames);
        let inside = head.plus(frames - 1).start();
        assert_eq!(map.state(inside), State::Allocated { head, frames, owner: ME });
        if frames > 1 {
            assert_eq!(zone.give(inside), Err(FreeError::NotHead { address: inside, head }));
        }
        zone.verify().unwrap();
        assert_eq!(zone.give(head.start()), Ok(frames));
        assert_eq!(digest(&zone), before);
    }
    for frames in [0, 262_145, u64::MAX] {
        assert_eq!(zone.take_frames(frames, ME), Err(AllocError::BadSize { frames }));
    }
    let wanted = PhysAddr(123 * 2 * MIB);
    assert_eq!(zone.take_at(wanted, Order::MIB_2, ME).map(Frame::start), Ok(wanted));
    zone.verify().unwrap();
    assert!(matches!(zone.take_at(wanted, Order::FRAME, ME), Err(AllocError::NotFree { .. })));
    assert!(matches!(zone.take_at(PhysAddr(0x1000), Order::MIB_2, ME), Err(AllocError::Misaligned { .. })));
    zone.give(wanted).unwrap();
    assert_eq!(digest(&zone), before);
}

#[test]
fn misuse_is_an_error_that_changes_nothing() {
    let ram = ram(&[(0, 16 * MIB)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &crate::ground::ram(&[(MIB, 16 * MIB)]));
    let block = zone.take(Order::new(3).unwrap(), ME).unwrap();
    let freed = zone.take(Order::FRAME, ME).unwrap();
    zone.give(freed.start()).unwrap();
    let before = digest(&zone);
    let tail = block.plus(5).start();
    assert!(matches!(
        zone.give(freed.start()),
        Err(FreeError::NotAllocated { found: State::Free { .. }, .. })
    ));
    assert_eq!(zone.give(tail), Err(FreeError::NotHead { address: tail, head: block }));
    assert_eq!(
        zone.give(PhysAddr(block.start().0 + 8)),
        Err(FreeError::Misaligned { address: PhysAddr(block.start().0 + 8) })
    );
    assert!(matches!(zone.give(PhysAddr(0)), Err(FreeError::NotAllocated { found: State::Reserved, .. })));
    assert_eq!(digest(&zone), before);
    zone.give(block.start()).unwrap();
    assert!(matches!(zone.give(block.start()), Err(FreeError::NotAllocated { .. })), "a second time");
}

#[test]
fn a_zone_keeps_to_its_limits_and_knows_what_is_foreign() {
    let ram = ram(&[(3 * GIB, 5 * GIB)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut dma32 = Zone::new(&map, range(0, 4 * GIB));
    let mut normal = Zone::new(&map, range(4 * GIB, 1 << 52));
    for zone in [&mut dma32, &mut normal] {
        ram.iter().for_each(|range| zone.add(range));
        assert_eq!(zone.free_frames(), GIB / FRAME_SIZE);
    }
    let block = normal.take(Order::MAX, ME).unwrap();
    assert_eq!(block.start(), PhysAddr(4 * GIB));
    assert_eq!(dma32.give(block.start()), Err(FreeError::Foreign { address: block.start() }));
    normal.give(block.start()).unwrap();
    dma32.verify().unwrap();
    normal.verify().unwrap();
}

#[test]
fn memory_can_be_added_later() {
    let ram = ram(&[(0, 64 * MIB)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &crate::ground::ram(&[(0, 32 * MIB - FRAME_SIZE)]));
    zone.add(range(32 * MIB - FRAME_SIZE, 64 * MIB));
    assert_eq!((zone.largest(), zone.free_blocks(Order::new(14).unwrap())), (Order::new(14), 1));
    // What is there already does not come twice.
    zone.add(range(0, 64 * MIB));
    assert_eq!(zone.free_frames(), 64 * MIB / FRAME_SIZE);
    zone.verify().unwrap();
}

#[test]
fn the_unusable_share_counts_what_lies_in_small_blocks() {
    let ram = ram(&[(0, 4 * MIB)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &ram);
    assert_eq!(zone.unusable_per_mille(Order::MIB_2), 0);
    zone.take(Order::FRAME, ME).unwrap();
    assert_eq!(zone.unusable_per_mille(Order::MIB_2), 511 * 1000 / 1023);
    assert_eq!(zone.unusable_per_mille(Order::FRAME), 0);
}
