//! A core's cache of free blocks: a short stack for each order up to 9.
//!
//! Only its own core touches it, while it is [pinned](crate::cpu::CpuLocal::pinned), or somebody who
//! [holds](crate::cpu::CpuLocal::hold_others) that core. So no operation here is ordered: they are plain loads and
//! stores, and atomic only for a broken promise to be a wrong number and not undefined behaviour.
//!
//! What each block is, the map says: [`Word::cached`], with the core.

use core::cmp::Ordering::{Equal, Greater, Less};

use crate::{
    cpu::Core,
    frame::{Frame, Order},
    map::ZoneKind,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
    word::{Slot, Word},
};

/// The largest order that is cached.
pub(crate) const LARGEST: Order = Order::MIB_2;

const ORDERS: usize = LARGEST.index() + 1;
const DEPTH: usize = 32;

/// Blocks of each order that a cache holds at most.
const CAPACITY: [u32; ORDERS] = [32, 32, 32, 16, 16, 16, 8, 8, 4, 4];

/// Blocks that are moved between a cache and the zones at a time, at most: few, so that no single call takes long.
pub(crate) const BATCH: u32 = 8;

/// Frames that are collected before they go to the zones together.
const LEAVING: u32 = 16;

/// Bits of a slot.
const SLOT_BITS: u32 = 26;

/// A block in a cache: its frame and where that has its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(u64);

impl Entry {
    pub(crate) const fn new(frame: Frame, slot: Slot) -> Self {
        Self(frame.number() << SLOT_BITS | slot.number() as u64)
    }

    pub(crate) const fn frame(self) -> Frame {
        Frame::new(self.0 >> SLOT_BITS)
    }

    pub(crate) fn slot(self) -> Option<Slot> {
        Slot::new(self.0 & ((1 << SLOT_BITS) - 1))
    }
}

/// A core's cache. One for each core, for instance in a `static`.
#[derive(Debug)]
#[repr(align(128))]
pub struct CoreCache {
    stacks: [Stack; ORDERS],
    /// Single frames on their way to the zones, a few at a time.
    leaving: Stack,
}

impl CoreCache {
    /// An empty cache, which keeps nothing until an allocator takes it.
    #[must_use]
    pub const fn new() -> Self {
        Self { stacks: [const { Stack::new() }; ORDERS], leaving: Stack::new() }
    }

    /// Makes the cache empty and `core`'s, and limits each order to a share of so many frames.
    pub(crate) fn reset(&self, core: Core, share: u64) {
        for ((stack, capacity), order) in self.stacks.iter().zip(CAPACITY).zip(Order::all()) {
            let fitting = u32::try_from(share >> order.number()).unwrap_or(u32::MAX);
            stack.count.store(0, Relaxed);
            stack.capacity.store(capacity.min(fitting), Relaxed);
            stack.mark.store(Word::cached(order, core).bits(), Relaxed);
        }
        self.leaving.count.store(0, Relaxed);
        self.leaving.capacity.store(LEAVING, Relaxed);
        self.leaving.mark.store(Word::cached(Order::FRAME, core).bits(), Relaxed);
    }

    /// The frames that are on their way to the zones.
    #[inline]
    pub(crate) fn leaving(&self) -> &Stack {
        &self.leaving
    }

    /// The stack for blocks of `order`, if they are cached.
    #[inline]
    pub(crate) fn stack(&self, order: Order) -> Option<&Stack> {
        self.stacks.get(order.index())
    }

    /// The stacks of blocks that are kept, by order.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Stack> {
        self.stacks.iter()
    }

    /// All stacks.
    pub(crate) fn stacks(&self) -> impl Iterator<Item = &Stack> {
        self.stacks.iter().chain([&self.leaving])
    }
}

impl Default for CoreCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Blocks in one piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) first: Frame,
    pub(crate) frames: u64,
}

impl Run {
    /// Whether a block lies right before or behind it, in the same zone.
    fn is_next(self, block: Frame, size: u64) -> bool {
        let meets = block.plus(size) == self.first || self.first.plus(self.frames) == block;
        meets && ZoneKind::of(block.start()) == ZoneKind::of(self.first.start())
    }
}

/// The blocks of one order.
#[derive(Debug)]
pub(crate) struct Stack {
    count: AtomicU32,
    capacity: AtomicU32,
    /// The word of each block's head.
    mark: AtomicU32,
    /// The area that blocks were last taken from.
    area: AtomicU32,
    entries: [AtomicU64; DEPTH],
}

impl Stack {
    const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            capacity: AtomicU32::new(0),
            mark: AtomicU32::new(0),
            area: AtomicU32::new(u32::MAX),
            entries: [const { AtomicU64::new(0) }; DEPTH],
        }
    }

    /// Takes the block that came last.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Entry> {
        let top = self.count.load(Relaxed).wrapping_sub(1);
        // One check for both: an empty stack has no entry number 2^32 - 1.
        let entry = self.entries.get(top as usize)?.load(Relaxed);
        self.count.store(top, Relaxed);
        Some(Entry(entry))
    }

    /// Whether there is room for a block.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.count.load(Relaxed) < self.capacity.load(Relaxed)
    }

    /// Takes the block that came last, and those before it that lie next to it. Each is `unmark`ed.
    pub(crate) fn pop_run(&self, unmark: impl Fn(Slot)) -> Option<Run> {
        let size = self.order().frames();
        let top = self.pop()?;
        top.slot().into_iter().for_each(&unmark);
        let mut run = Run { first: top.frame(), frames: size };
        let next = || {
            self.entries.get((self.count() as usize).wrapping_sub(1)).map(|entry| Entry(entry.load(Relaxed)))
        };
        while let Some(entry) = next().filter(|entry| run.is_next(entry.frame(), size)) {
            run = Run { first: run.first.min(entry.frame()), frames: run.frames + size };
            entry.slot().into_iter().for_each(&unmark);
            self.count.store(self.count() - 1, Relaxed);
        }
        Some(run)
    }

    /// Whether the last blocks that came from the zones came from around here.
    #[inline]
    pub(crate) fn is_from_area(&self, slot: Slot) -> bool {
        slot.area() == self.area.load(Relaxed)
    }

    /// Notes where blocks came from.
    pub(crate) fn set_area(&self, slot: Slot) {
        self.area.store(slot.area(), Relaxed);
    }

    /// Puts a block on top. There must be room.
    #[inline]
    pub(crate) fn push(&self, entry: Entry) {
        let count = self.count.load(Relaxed);
        if let Some(place) = self.entries.get(count as usize) {
            place.store(entry.0, Relaxed);
            self.count.store(count + 1, Relaxed);
        }
    }

    /// How many blocks are moved at a time between here and the zones.
    pub(crate) fn batch(&self) -> u32 {
        (self.capacity.load(Relaxed) / 4).clamp(1, BATCH)
    }

    /// The word of a block that lies here.
    #[inline]
    pub(crate) fn mark(&self) -> Word {
        Word::from_bits(self.mark.load(Relaxed))
    }

    /// The order of the blocks.
    #[inline]
    pub(crate) fn order(&self) -> Order {
        self.mark().order()
    }

    /// How many blocks there are.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// Whether blocks of this order are kept at all.
    pub(crate) fn is_used(&self) -> bool {
        self.capacity.load(Relaxed) > 0
    }

    /// Whether there are no more blocks than there may be.
    pub(crate) fn is_within_limit(&self) -> bool {
        self.count() <= self.capacity.load(Relaxed)
    }

    /// Whether this has the limit of a stack for frames that leave.
    pub(crate) fn is_for_leaving(&self) -> bool {
        self.capacity.load(Relaxed) == LEAVING
    }

    /// The shares of memory of which [`CoreCache::reset`] would have made the limit of this stack for blocks of `order`, from
    /// the least to the largest.
    pub(crate) fn shares(&self, order: Order) -> (u64, u64) {
        let capacity = u64::from(self.capacity.load(Relaxed));
        let most = CAPACITY.get(order.index()).map_or(0, |&most| u64::from(most));
        let least = capacity << order.number();
        match capacity.cmp(&most) {
            Less => (least, least + order.frames() - 1),
            Equal => (least, u64::MAX),
            Greater => (u64::MAX, 0),
        }
    }

    /// What says how much there is, and the entries that are there.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> ([&AtomicU32; 3], &[AtomicU64]) {
        ([&self.count, &self.capacity, &self.mark], &self.entries[..self.count() as usize])
    }

    /// The blocks, from the one that came first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.entries.iter().take(self.count() as usize).map(|entry| Entry(entry.load(Relaxed)))
    }
}
