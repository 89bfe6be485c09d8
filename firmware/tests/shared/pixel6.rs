//! A Pixel 6's memory as numbers, and an allocator for it: what bringing one up takes does not depend on whose RAM it is.

#![expect(unsafe_code, reason = "makes a frame map's memory out of frames that it was handed")]

use core::sync::atomic::{AtomicU32, AtomicU64};
use firmware::{
    frames::{Frames, frames},
    layout,
};
use framekeeper::{
    CoreCache, FRAME_SIZE, FrameAllocator, MapLayout, OneCore, Order, PhysAddr, PhysRange, RegionSet, Storage,
};

/// Both banks, and what is left of them without what the phone reserves for good.
pub(crate) fn memory() -> (RegionSet<32>, RegionSet<32>) {
    let range = |start, end| PhysRange::new(PhysAddr(start), PhysAddr(end));
    let mut ram = RegionSet::new();
    for bank in [range(0x8000_0000, 0x1_0000_0000), range(0x8_8000_0000, 0xa_0000_0000)] {
        ram.add(bank).unwrap();
    }
    let mut free = ram;
    for (start, end) in [
        (0x9000_0000, 0x9003_a000),
        (0x9020_0000, 0x9060_0000),
        (0x9300_0000, 0x9740_0000),
        (0xe800_0000, 0xe9c0_0000),
        (0xee00_0000, 0xf080_0000),
        (0xf620_0000, 0xf620_1000),
        (0xf880_0000, 0xfa80_0000),
        (0xfac0_0000, 0xfb5e_3400),
        (0xfd3f_0000, 0xfd7f_f000),
        (0xfd80_0000, 0xfd90_2000),
    ] {
        free.subtract(range(start, end).round_outward()).unwrap();
    }
    (ram, free)
}

/// Memory for its map, taken from this machine's.
pub(crate) struct Place {
    start: PhysAddr,
}

impl Place {
    pub(crate) fn take() -> Self {
        let order = Order::new(12).unwrap_or_default();
        Self { start: Frames::alloc_frames(frames(), order).unwrap() }
    }

    fn storage(&mut self) -> Storage<'_> {
        let needs = MapLayout::of(&memory().0).unwrap().needs();
        let bytes = (needs.words * size_of::<u32>()) as u64;
        assert!(bytes + (needs.index * size_of::<u64>()) as u64 <= FRAME_SIZE << 12);
        let words = (layout::DIRECT_MAP + self.start.0) as *mut AtomicU32;
        let index = (layout::DIRECT_MAP + self.start.0 + bytes) as *mut AtomicU64;
        // SAFETY: the block is this value's, in the direct map, and large enough.
        let words = unsafe { core::slice::from_raw_parts_mut(words, needs.words) };
        // SAFETY: as above, behind the words.
        let index = unsafe { core::slice::from_raw_parts_mut(index, needs.index) };
        Storage { words, index }
    }

    /// Brings an allocator up; how many frames it has.
    pub(crate) fn bring_up(&mut self, caches: &[CoreCache]) -> u64 {
        let (ram, free) = memory();
        let frames = FrameAllocator::new(&ram, &free, self.storage(), caches, OneCore).unwrap();
        frames.free().total()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        frames().free_frame(self.start).unwrap();
    }
}
