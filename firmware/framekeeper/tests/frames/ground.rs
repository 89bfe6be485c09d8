//! Memory for maps, and allocators on it. The frames themselves are only numbers: nothing here is ever touched.

use framekeeper::{
    CoreCache, CpuLocal, FRAME_SIZE, Frame, FrameAllocator, Free, MapLayout, OneCore, PhysAddr, PhysRange,
    RegionSet, Storage, Uncached,
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU32, AtomicU64},
};

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// What is usual; or under Miri, which is thousands of times slower, less that goes the same ways.
pub(crate) const fn scaled<T: Copy>(usual: T, under_miri: T) -> T {
    if cfg!(miri) { under_miri } else { usual }
}

/// Memory that is more than a test needs, from 0 on.
pub(crate) const AMPLE: u64 = scaled(64, 4) * MIB;

pub(crate) type Ram = RegionSet<32>;

pub(crate) fn range(start: u64, end: u64) -> PhysRange {
    PhysRange::new(PhysAddr(start), PhysAddr(end))
}

pub(crate) fn ram(ranges: &[(u64, u64)]) -> Ram {
    let mut set = Ram::new();
    for &(start, end) in ranges {
        set.add(range(start, end)).unwrap();
    }
    set
}

/// The Pixel 6's two banks.
pub(crate) const BANKS: [(u64, u64); 2] = [(0x8000_0000, 0x1_0000_0000), (0x8_8000_0000, 0xa_0000_0000)];

/// Two banks as far as that goes with 4 MiB: reserved ranges close to each other, and a gap.
const PIECES: [(u64, u64); 3] =
    [(0xfd3e_0000, 0xfd40_0000), (0xffe0_0000, 0x1_0000_0000), (0x1_4000_0000, 0x1_4020_0000)];

/// The banks, and what of them is free when the reserved ranges of a real phone are taken out.
pub(crate) fn pixel6() -> (Ram, Ram) {
    let banks = ram(scaled::<&[_]>(&BANKS, &PIECES));
    let reserved = [
        (0x8b00_0000, 0x8b0c_4000),
        (0x9020_0000, 0x9060_0000),
        (0x9300_0000, 0x9700_0000),
        (0xb720_0000, 0xc000_0000),
        (0xe000_0000, 0xe250_0000),
        (0xf880_0000, 0xf980_0000),
        (0xfac0_0000, 0xfb5e_3400),
        (0xfd3f_0000, 0xfd3f_f000),
        (0xfd80_0000, 0xfd90_2000),
    ];
    let mut free = banks;
    for (start, end) in reserved {
        free.subtract(range(start, end).round_outward()).unwrap();
    }
    (banks, free)
}

/// Memory for a map. Not zero: what lay there before must not matter.
pub(crate) struct Memory {
    words: Vec<AtomicU32>,
    index: Vec<AtomicU64>,
}

impl Memory {
    pub(crate) fn of(ram: &Ram) -> Self {
        let needs = MapLayout::of(ram).unwrap().needs();
        Self {
            words: (0..needs.words).map(|_| AtomicU32::new(0xdead_beef)).collect(),
            index: (0..needs.index).map(|_| AtomicU64::new(0xdead_beef_dead_beef)).collect(),
        }
    }

    pub(crate) fn storage(&mut self) -> Storage<'_> {
        Storage { words: &mut self.words, index: &mut self.index }
    }
}

/// Checks an allocator; but not under Miri, for which this is a second of work for each 2 MiB.
pub(crate) fn check<C: CpuLocal>(frames: &FrameAllocator<'_, C>) {
    if !cfg!(miri) {
        frames.verify().unwrap();
    }
}

/// An allocator without caches: each call goes to the zones.
pub(crate) fn with_zones<R>(
    ram: &Ram,
    free: &Ram,
    work: impl FnOnce(&FrameAllocator<'_, Uncached>) -> R,
) -> R {
    let mut memory = Memory::of(ram);
    let frames = FrameAllocator::new(ram, free, memory.storage(), &[], Uncached).unwrap();
    check(&frames);
    work(&frames)
}

/// An allocator with one core, and its cache.
pub(crate) fn with_cache<R>(
    ram: &Ram,
    free: &Ram,
    work: impl FnOnce(&FrameAllocator<'_, OneCore>) -> R,
) -> R {
    let mut memory = Memory::of(ram);
    let caches = [CoreCache::new()];
    let frames = FrameAllocator::new(ram, free, memory.storage(), &caches, OneCore).unwrap();
    check(&frames);
    work(&frames)
}

/// The state of each frame of RAM, under Miri of some, and the number of free blocks of each order: two allocators with
/// the same digest behave alike.
pub(crate) fn digest<C: CpuLocal>(frames: &FrameAllocator<'_, C>, ram: &Ram) -> (u64, Free) {
    check(frames);
    let mut hasher = DefaultHasher::new();
    for range in ram.iter() {
        let numbers = range.start().0 / FRAME_SIZE..range.end().0 / FRAME_SIZE;
        for number in numbers.step_by(scaled(1, 127)) {
            format!("{:?}", frames.state(Frame::new(number).start())).hash(&mut hasher);
        }
    }
    (hasher.finish(), frames.free())
}

/// Splitmix64: the same seed, the same numbers.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
