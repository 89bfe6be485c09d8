//! Every bit that an allocator keeps, by where it lies: for tests that flip one.
//!
//! Left out is what cannot be damaged without the code itself failing: the addresses and lengths of slices, the constants
//! beside them, and the locks' flags, of which a set one says that somebody is inside. And the work that zones have done
//! is counted for reports only: nothing else says how much it was.
//!
//! A cache's limits are seen to be wrong since all caches have the same. Where there is only one, of a machine with less
//! than 128 MiB, a limit that is a little off can be one that might have been set.

use crate::{
    allocator::FrameAllocator,
    cache::CoreCache,
    cpu::CpuLocal,
    map::ZoneKind,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
};
use std::{vec, vec::Vec};

/// A cell of an allocator's memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Narrow(&'a AtomicU32),
    Wide(&'a AtomicU64),
    /// One of a zone's counters of the blocks that were taken and given.
    Blocks(ZoneKind, usize),
    /// A zone's classes that have a node, of the lower level or the upper.
    Classes(ZoneKind, usize),
}

impl Cell<'_> {
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::Narrow(_) | Self::Classes(..) => u32::BITS,
            Self::Wide(_) | Self::Blocks(..) => u64::BITS,
        }
    }

    /// Flips a bit, now that no core is inside.
    pub(super) fn flip<C: CpuLocal>(self, frames: &FrameAllocator<'_, C>, bit: u32) {
        match self {
            Self::Narrow(cell) => cell.store(cell.load(Relaxed) ^ 1 << bit, Relaxed),
            Self::Wide(cell) => cell.store(cell.load(Relaxed) ^ 1 << bit, Relaxed),
            Self::Blocks(zone, counter) => {
                *frames.zone(zone).zone.lock().counters_mut().nth(counter).unwrap() ^= 1 << bit;
            }
            Self::Classes(zone, level) => {
                let mut zone = frames.zone(zone).zone.lock();
                *zone.index_mut()[level].nonempty_mut() ^= 1 << bit;
            }
        }
    }
}

/// A part of an allocator's memory: its name, and its cells.
pub(super) type Part<'a> = (&'static str, Vec<Cell<'a>>);

/// All parts that stay where they are. What lies in the caches, [`in_caches`] says.
pub(super) fn parts<'s, C: CpuLocal>(frames: &'s FrameAllocator<'_, C>) -> Vec<Part<'s>> {
    let (words, index) = frames.map().memory();
    let narrow = |cells: &'s [AtomicU32]| cells.iter().map(Cell::Narrow).collect();
    let wide = |cells: &'s [AtomicU64]| cells.iter().map(Cell::Wide).collect();
    let mut parts = vec![("words", narrow(words))];
    parts.extend(index.map(|(name, cells)| (name, wide(cells))));
    for zone in frames.zones() {
        let (last, zone) = (zone.pending.last(), zone.zone.lock());
        let [frame_level, area_level] = [&zone.index().frames, &zone.index().areas];
        parts.push(("classes of areas", wide(frame_level.memory().1)));
        parts.push(("census of groups", wide(area_level.memory().0)));
        parts.push(("classes of groups", wide(area_level.memory().1)));
        let kind = zone.kind();
        let counters = (0..4 * crate::Order::COUNT).map(|counter| Cell::Blocks(kind, counter));
        parts.push(("counters", counters.collect()));
        parts.push(("classes that have a node", vec![Cell::Classes(kind, 0), Cell::Classes(kind, 1)]));
        parts.push(("last pending", vec![Cell::Narrow(last)]));
    }
    parts
}

/// Words of 64 bits in the map's own memory, of which all must be among the `parts`.
pub(super) fn in_index(parts: &[Part<'_>]) -> usize {
    let wide = |part: &Part<'_>| part.1.iter().filter(|cell| matches!(cell, Cell::Wide(_))).count();
    parts.iter().map(wide).sum()
}

/// What the caches keep, and mean at this moment.
///
/// Not seen, because nothing depends on it: the entries above the top, and the area that a stack was last filled from,
/// which only says where a block is rather put.
pub(super) fn in_caches(caches: &[CoreCache]) -> Vec<Part<'_>> {
    let stacks = || caches.iter().flat_map(CoreCache::stacks);
    let limits = stacks().flat_map(|stack| stack.memory().0.map(Cell::Narrow)).collect();
    let entries = stacks().flat_map(|stack| stack.memory().1.iter().map(Cell::Wide)).collect();
    vec![("stacks", limits), ("entries", entries)]
}
