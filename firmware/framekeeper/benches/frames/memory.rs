//! Memory for the allocators: real, or only numbers.

use crate::arena::{Arena, FRAME, GIB};
use ::framekeeper::{MapLayout, PhysAddr, PhysRange, RegionSet, Storage};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// The most that an allocator is given.
pub(crate) const LARGEST: u64 = 8 * GIB;

/// Where memory that is only numbers starts: aligned to 1 GiB, and high up, as on a real board.
pub(crate) const BASE: u64 = 0x8_8000_0000;

/// What an allocator with its metadata in the memory may use for that: 16 bytes a frame.
const METADATA: u64 = LARGEST / FRAME * 16;

#[derive(Debug)]
pub(crate) struct Memory {
    arena: Arena,
    /// Words for a frame map, and its index.
    words: Vec<AtomicU32>,
    index: Vec<AtomicU64>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let needs = MapLayout::of(&ram(LARGEST)).expect("a map of the largest size").needs();
        // Not zero: zeroed memory would only be promised, not touched.
        let words = (0..needs.words).map(|_| AtomicU32::new(0xdead_beef)).collect();
        let index = (0..needs.index).map(|_| AtomicU64::new(0xdead_beef_dead_beef)).collect();
        Self { arena: Arena::new(LARGEST + METADATA), words, index }
    }

    /// Real memory, of the largest size and what metadata may need besides.
    pub(crate) fn arena(&mut self) -> &mut [u8] {
        self.arena.bytes()
    }

    pub(crate) fn storage(&mut self) -> Storage<'_> {
        Storage { words: &mut self.words, index: &mut self.index }
    }
}

/// RAM that is only numbers.
pub(crate) fn ram(size: u64) -> RegionSet<1> {
    let mut ram = RegionSet::new();
    ram.add(PhysRange::new(PhysAddr(BASE), PhysAddr(BASE + size))).expect("one range fits");
    ram
}
