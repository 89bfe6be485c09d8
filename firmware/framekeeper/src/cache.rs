//! A core's cache of free blocks: a short stack for each order up to 9.
//!
//! Only its own core touches it, while it is [pinned](crate::cpu::CpuLocal::pinned), or somebody who
//! [holds](crate::cpu::CpuLocal::hold_others) that core. So no operation here is ordered: they are plain loads and
//! stores, and atomic only for a broken promise to be a wrong number and not undefined behaviour.
//!
//! What each block is, the map says: [`Word::cached`], with the core.

use core::cmp::Ordering::{Equal, Greater, Less};

pub(crate) use crate::entry::Entry;

use crate::{
    cpu::Core,
    frame::Order,
    planted::{Bug, planted},
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
    word::{Owner, Word},
};

/// The largest order that is cached.
pub(crate) const LARGEST: Order = Order::MIB_2;

const ORDERS: usize = LARGEST.index() + 1;
/// Blocks of each order that a cache holds at most.
const DEPTH: u32 = 32;

/// Frames of each order that a cache holds at most: 8 MiB.
const MOST_FRAMES: u64 = 4 * LARGEST.frames();

/// Blocks that a cache takes from the zones at a time, at most: few, so that no single call takes long.
const BATCH: u32 = 16;

/// Frames that are collected before they go to the zones together.
const LEAVING: u32 = 16;

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
        for (stack, order) in self.stacks.iter().zip(Order::all()) {
            stack.reset(order, core, limit(share, order));
        }
        self.leaving.reset(Order::FRAME, core, LEAVING);
    }

    /// The frames that are on their way to the zones.
    #[inline]
    pub(crate) const fn leaving(&self) -> &Stack {
        &self.leaving
    }

    /// The stack for single frames.
    #[inline]
    pub(crate) const fn frames(&self) -> &Stack {
        let [first, ..] = &self.stacks;
        first
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

    /// The stack for a block that somebody has and whose head has this word, if such blocks are cached.
    #[inline]
    pub(crate) fn stack_for(&self, word: Word) -> Option<&Stack> {
        // Whether it is a block of an order at all, and somebody's, one comparison tells. Not its parity: one flipped bit would
        // be the owner's, and change nothing about the block.
        let order = word.frames_field().trailing_zeros();
        self.stacks.get(order as usize).filter(|stack| word.is_but_for_owner(stack.head()))
    }

    /// All stacks.
    pub(crate) fn stacks(&self) -> impl Iterator<Item = &Stack> {
        self.stacks.iter().chain([&self.leaving])
    }
}

/// How many blocks of `order` a cache may hold, of a share of so many frames.
fn limit(share: u64, order: Order) -> u32 {
    let fitting = share.min(MOST_FRAMES) >> order.number();
    u32::try_from(fitting).unwrap_or(u32::MAX).min(DEPTH)
}

impl Default for CoreCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Frames in one piece, in one area.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) first: Entry,
    pub(crate) frames: u64,
}

impl Run {
    /// The run and a block that lies right before or behind it; not across the border of an area, and so of a zone.
    #[inline]
    fn with(self, block: Entry, size: u64) -> Option<Self> {
        let first = if block == self.first.minus(size) { block } else { self.first };
        let is_next = first == block || block == self.first.plus(self.frames);
        (is_next && block.area() == self.first.area()).then_some(Self { first, frames: self.frames + size })
    }
}

/// The blocks of one order.
#[derive(Debug)]
pub(crate) struct Stack {
    count: AtomicU32,
    capacity: AtomicU32,
    /// The word of each block's head.
    mark: AtomicU32,
    /// The word of a block's head that owner 0 has.
    head: AtomicU32,
    /// The area that blocks were last taken from.
    area: AtomicU64,
    entries: [AtomicU64; DEPTH as usize],
}

impl Stack {
    const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            capacity: AtomicU32::new(0),
            mark: AtomicU32::new(0),
            head: AtomicU32::new(0),
            area: AtomicU64::new(u64::MAX),
            entries: [const { AtomicU64::new(0) }; DEPTH as usize],
        }
    }

    fn reset(&self, order: Order, core: Core, capacity: u32) {
        self.count.store(0, Relaxed);
        self.capacity.store(capacity, Relaxed);
        self.mark.store(Word::cached(order, core).bits(), Relaxed);
        self.head.store(Word::allocated(order.frames(), Owner::new(0)).bits(), Relaxed);
        self.area.store(u64::MAX, Relaxed);
    }

    /// Takes the block that came last.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Entry> {
        let top = self.count().wrapping_sub(1);
        // One check for both: an empty stack has no entry number 2^32 - 1.
        let entry = self.entries.get(top as usize)?.load(Relaxed);
        self.count.store(top, Relaxed);
        Some(Entry::from_bits(entry))
    }

    /// Takes the block that came last, and those before it that lie next to it. Each is `unmark`ed.
    #[inline]
    pub(crate) fn pop_run(&self, unmark: impl Fn(Entry)) -> Option<Run> {
        let size = self.order().frames();
        let (top, below) = self.entries.get(..self.count() as usize)?.split_last()?;
        let top = Entry::from_bits(top.load(Relaxed));
        unmark(top);
        let mut run = Run { first: top, frames: size };
        let mut count = self.count() - 1;
        for next in below.iter().rev().map(|next| Entry::from_bits(next.load(Relaxed))) {
            let Some(larger) = run.with(next, size) else { break };
            unmark(next);
            run = larger;
            count -= 1;
        }
        self.count.store(count, Relaxed);
        Some(run)
    }

    /// The block that came last.
    #[inline]
    pub(crate) fn top(&self) -> Option<Entry> {
        let top = self.count().wrapping_sub(1);
        self.entries.get(top as usize).map(|entry| Entry::from_bits(entry.load(Relaxed)))
    }

    /// Puts a block on top. There must be room.
    #[inline]
    pub(crate) fn push(&self, entry: Entry) {
        self.room().into_iter().for_each(|room| room.fill(entry));
    }

    /// Room for a block, if there is any.
    #[inline]
    pub(crate) fn room(&self) -> Option<Room<'_>> {
        let count = self.count();
        let place = self.entries.get(count as usize).filter(|_| count < self.capacity.load(Relaxed))?;
        Some(Room { stack: self, place, count })
    }

    /// Whether the last blocks that came from the zones came from around here.
    #[inline]
    pub(crate) fn is_from_area(&self, entry: Entry) -> bool {
        entry.area() == self.area.load(Relaxed)
    }

    /// Notes where blocks came from.
    pub(crate) fn set_area(&self, first: Entry) {
        self.area.store(first.area(), Relaxed);
    }

    /// How many blocks are taken from the zones at a time: half of what fits, so that it takes as long to use them up as
    /// to have no room for more.
    pub(crate) fn batch(&self) -> u32 {
        (self.capacity.load(Relaxed) / 2).clamp(1, BATCH)
    }

    /// The word of a block that lies here.
    #[inline]
    pub(crate) fn mark(&self) -> Word {
        Word::from_bits(self.mark.load(Relaxed))
    }

    /// The word of a block from here that owner 0 has.
    #[inline]
    pub(crate) fn head(&self) -> Word {
        Word::from_bits(self.head.load(Relaxed))
    }

    /// The order of the blocks.
    #[inline]
    pub(crate) fn order(&self) -> Order {
        self.mark().order()
    }

    /// How many blocks there are.
    #[inline]
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
        let most = limit(MOST_FRAMES, order).into();
        let least = capacity << order.number();
        match capacity.cmp(&most) {
            Less => (least, least + order.frames() - 1),
            Equal => (least, u64::MAX),
            Greater => (u64::MAX, 0),
        }
    }

    /// What says how much there is, and the entries that are there.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> ([&AtomicU32; 4], &[AtomicU64]) {
        ([&self.count, &self.capacity, &self.mark, &self.head], &self.entries[..self.count() as usize])
    }

    /// The blocks, from the one that came first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.entries.iter().take(self.count() as usize).map(|entry| Entry::from_bits(entry.load(Relaxed)))
    }
}

/// Room for a block on a stack, until that changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    stack: &'a Stack,
    place: &'a AtomicU64,
    count: u32,
}

impl Room<'_> {
    /// Puts a block there.
    #[inline]
    pub(crate) fn fill(self, block: Entry) {
        self.place.store(block.bits(), Relaxed);
        let more = u32::from(!planted(Bug::CacheCountOffByOne));
        self.stack.count.store(self.count + more, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_stack_are_all_that_its_limit_was_made_for() {
        let cache = CoreCache::new();
        for share in (0..3000).step_by(if cfg!(miri) { 131 } else { 1 }) {
            cache.reset(Core::new(0), share);
            for (stack, order) in cache.kept().zip(Order::all()) {
                let (least, most) = stack.shares(order);
                let own = limit(share, order);
                assert_eq!([least, most].map(|share| limit(share, order)), [own; 2], "{share}, {order:?}");
                for other in [least.checked_sub(1), most.checked_add(1)].into_iter().flatten() {
                    assert_ne!(limit(other, order), own, "{other} and {share}, {order:?}");
                }
            }
        }
    }
}
