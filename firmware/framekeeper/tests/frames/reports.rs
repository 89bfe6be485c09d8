//! What can be seen from outside, and blocks that free themselves.

use crate::ground::{AMPLE, GIB, MIB, Memory, ram, scaled, with_cache, with_zones};
use framekeeper::{
    AddError, AllocError, Core, CoreCache, CpuLocal, Effort, FRAME_SIZE, Fault, Frame, FrameAllocator,
    Frames, FreeError, MapError, MapLayout, Needs, Order, Owner, PhysAddr, PhysRange, Request, ResizeError,
    Shortage, State, Zero, ZoneKind, ZoneShortage,
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
    let ram = ram(&[(0, AMPLE)]);
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
fn the_work_of_both_zones_is_counted() {
    let ram = ram(&[(4 * GIB - 2 * MIB, 4 * GIB + 2 * MIB)]);
    with_zones(&ram, &ram, |frames| {
        let (before, limit) = (frames.effort(), PhysAddr(4 * GIB));
        let [high, low] = [Request::order(Order::FRAME), Request::order(Order::FRAME).below(limit)]
            .map(|request| frames.alloc(request).unwrap());
        let taken = frames.effort();
        let expected = Effort { moves: before.moves + 2, splits: before.splits + 18, joins: before.joins };
        assert_eq!(taken, expected);
        [high, low].iter().for_each(|&frame| assert_eq!(frames.free_frame(frame), Ok(1)));
        let expected = Effort { moves: taken.moves + 2, joins: taken.joins + 18, ..taken };
        assert_eq!(frames.effort(), expected);
    });
}

#[test]
fn owners_are_told_apart() {
    let ram = ram(&[(0, AMPLE)]);
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
    let ram = ram(&[(0, AMPLE)]);
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
    let ram = ram(&[(0, AMPLE)]);
    let (mut memory, caches, zeroing) = (Memory::of(&ram), [CoreCache::new()], Zeroing::default());
    let frames = FrameAllocator::new(&ram, &ram, memory.storage(), &caches, &zeroing).unwrap();
    let block = frames.alloc_zeroed(Request::frames(3)).unwrap();
    assert_eq!(*zeroing.0.borrow(), [PhysRange::from_size(block, 3 * FRAME_SIZE).unwrap()]);
    assert!(frames.alloc_zeroed(Request::order(Order::MAX)).is_err());
    assert_eq!(zeroing.0.borrow().len(), 1);
}

#[test]
fn a_state_is_told_with_its_block_and_whose_that_is() {
    let (head, order) = (Frame::new(0x80), Order::MIB_2);
    let texts = [
        (State::Hole, "a hole"),
        (State::Reserved, "reserved"),
        (State::Free { head, order }, "free, order 9 at 0x80000"),
        (State::Cached { head, order, core: Core::new(3) }, "free, order 9 at 0x80000 in core 3's cache"),
        (State::Pending { head }, "given back at 0x80000"),
        (State::Allocated { head, frames: 5, owner: Owner::new(17) }, "5 frames at 0x80000 of owner 17"),
        (State::Changing, "changing"),
        (State::Damaged { word: 0xbad }, "damaged: its word is 0xbad"),
    ];
    texts.iter().for_each(|(state, text)| assert_eq!(state.to_string(), *text));
}

#[test]
fn sets_of_regions_are_equal_if_their_ranges_are() {
    assert_eq!(ram(&[(0, MIB), (MIB, 2 * MIB)]), ram(&[(0, 2 * MIB)]));
    assert_ne!(ram(&[(0, MIB), (2 * MIB, 3 * MIB)]), ram(&[(0, MIB)]));
    assert_ne!(ram(&[(0, MIB)]), ram(&[(0, 2 * MIB)]));
}

#[test]
fn what_is_shown_for_debugging_is_short() {
    let ram = ram(&[(MIB, 2 * MIB), (4 * MIB, 6 * MIB)]);
    assert_eq!(format!("{ram:?}"), "{0x100000..0x200000, 0x400000..0x600000}");
    assert_eq!(format!("{:?} {:?}", Owner::new(200), Frame::new(1)), "owner 200 frame 0x1000");
    with_cache(&ram, &ram, |frames| assert_eq!(format!("{frames:?}"), "FrameAllocator { caches: 1, .. }"));
}

#[test]
fn an_error_says_in_one_line_what_was_wanted_and_what_was_there() {
    let (address, head) = (PhysAddr(0x8_1000), Frame::new(0x80));
    let range = PhysRange::new(address, PhysAddr(0x8_3000));
    let zone = |zone, largest, free_frames| Some(ZoneShortage { zone, largest, free_frames });
    let zones = [zone(ZoneKind::Normal, None, 0), zone(ZoneKind::Dma32, Some(Order::FRAME), 7)];
    let shortage = |below, in_other_caches| Shortage { wanted: Order::MIB_2, below, zones, in_other_caches };
    let (given, needed) = (Needs { words: 1, index: 2 }, Needs { words: 3, index: 4 });
    // Under Miri sections are smaller.
    let most_sections = scaled(2047, 131_071);
    let zones_say = "NORMAL has nothing free; DMA32 has 7 frames free, largest order 0";
    let texts: [(&dyn std::error::Error, String); 22] = [
        (&AllocError::OutOfMemory(shortage(None, 0)), format!("wanted order 9; {zones_say}")),
        (
            &AllocError::OutOfMemory(shortage(Some(address), 1)),
            format!("wanted order 9 below 0x81000; {zones_say}; 1 frames are in other cores' caches"),
        ),
        (&AllocError::BadSize { frames: 0 }, "0 frames are not 1 to 262144".into()),
        (&AllocError::NotFree { address, found: State::Hole }, "wanted 0x81000, which is a hole".into()),
        (&AllocError::Misaligned { address }, "0x81000 is no start of such a block".into()),
        (&AllocError::Busy, "the zones are busy, and this is no place to wait".into()),
        (&FreeError::Misaligned { address }, "0x81000 is no start of a frame".into()),
        (&FreeError::NotHead { address, head }, "0x81000 lies inside the block at 0x80000".into()),
        (
            &FreeError::NotAllocated { address, found: State::Reserved },
            "nobody has 0x81000: it is reserved".into(),
        ),
        (
            &AddError::NotReserved { range, frame: head, found: State::Hole },
            "0x81000..0x83000 cannot be added: 0x80000 is a hole".into(),
        ),
        (&ResizeError::BadSize { frames: 0 }, "0 frames are not 1 to 262144".into()),
        (
            &ResizeError::NotAllocated(FreeError::Misaligned { address }),
            "0x81000 is no start of a frame".into(),
        ),
        (&ResizeError::Misaligned { address, frames: 2 }, "no block of 2 frames can start at 0x81000".into()),
        (&ResizeError::NotFree { address, found: State::Hole }, "wanted 0x81000, which is a hole".into()),
        (&ResizeError::Busy, "the zone is busy, and this is no place to wait".into()),
        (&AddError::Busy, "a zone is busy, and this is no place to wait".into()),
        (&Fault::Stray { frame: head }, "the allocator is damaged: Stray { frame: frame 0x80000 }".into()),
        (&MapError::NoRam, "there is no whole frame of RAM".into()),
        (
            &MapError::TooMuchRam { sections: 200_000 },
            format!("200000 sections of 128 MiB are more than the {most_sections} a map holds"),
        ),
        (
            &MapError::TooHigh { end: PhysAddr(1 << 51) },
            "RAM up to 0x8000000000000 lies above 0x4000000000000".into(),
        ),
        (&MapError::TooSmall { given, needed }, "the map needs 3 and 4 words and was given 1 and 2".into()),
        (
            &MapError::NoPlace { needed: 8192, largest: 4096 },
            "the map needs 8192 bytes in one piece, and the largest free range has 4096".into(),
        ),
    ];
    texts.iter().for_each(|(error, text)| assert_eq!(error.to_string(), *text));
}

#[test]
fn how_much_memory_a_map_needs_is_the_same_wherever_ram_lies() {
    const SIZE: u64 = scaled(8 * GIB, 64 * MIB);
    let needs = |start| MapLayout::of(&ram(&[(start, start + SIZE)])).unwrap().needs();
    for start in [16 * GIB, 1 << 40, (1 << 50) - SIZE] {
        assert_eq!(needs(start), needs(8 * GIB), "{start:#x}");
    }
}
