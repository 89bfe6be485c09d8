//! Memory for the allocators: the same for every turn, so nobody pays for the first touch of a page in a measurement.

use crate::subject::{FRAME, GIB, MIB};
use ::framekeeper::{MapLayout, PhysAddr, PhysRange, RegionSet, Storage};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// The most that an allocator is given.
pub(crate) const LARGEST: u64 = 8 * GIB;

/// Where memory that is only numbers starts: aligned to 1 GiB, and high up, as on a real board.
pub(crate) const BASE: u64 = 0x8_8000_0000;

/// What an allocator with its metadata in the memory may use for that: 16 bytes a frame.
const METADATA: u64 = LARGEST / FRAME * 16;

/// The arena's alignment: no peer needs more for blocks of up to 4 MiB.
pub(crate) const ALIGNMENT: u64 = 4 * MIB;

#[derive(Debug)]
pub(crate) struct Memory {
    /// Real memory, of which only what is written to takes up any.
    arena: Vec<u8>,
    /// Words for a frame map, and its index.
    words: Vec<AtomicU32>,
    index: Vec<AtomicU64>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let arena = vec![0; (LARGEST + METADATA + ALIGNMENT) as usize];
        let needs = MapLayout::of(&ram(LARGEST)).expect("a map of the largest size").needs();
        // Not zero: zeroed memory would only be promised, not touched.
        let words = (0..needs.words).map(|_| AtomicU32::new(0xdead_beef)).collect();
        let index = (0..needs.index).map(|_| AtomicU64::new(0xdead_beef_dead_beef)).collect();
        Self { arena, words, index }
    }

    /// Real memory, aligned to [`ALIGNMENT`].
    pub(crate) fn arena(&mut self) -> &mut [u8] {
        let skipped = self.arena.as_ptr().align_offset(ALIGNMENT as usize);
        &mut self.arena[skipped..]
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
