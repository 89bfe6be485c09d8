//! A level of the buddy: nodes of 512 units, each unit free or not, blocks of 1 to 512 units.
//!
//! A zone has two of them. On the lower one a unit is a frame and a node an area of 2 MiB; on the upper one a unit is an
//! area and a node a group of 1 GiB. A unit's bit is set while the unit is free; that two buddies are free as a whole
//! *is* their being joined, so there are no lists and no links, and a node is one cache line.
//!
//! Where to take from is decided twice by the same rule: of all nodes, the lowest of those whose largest block is the
//! smallest that is large enough; in it, the lowest of the smallest blocks that are large enough. So what is nearly full is
//! filled up, and what is nearly empty is left alone until it is whole again.

mod census;
mod directory;
mod runs;

pub(crate) use census::{ORDERS, WHOLE};
pub(crate) use directory::Directory;

use crate::{
    planted::{Bug, planted},
    sync::{AtomicU64, Ordering::Relaxed},
};
use census::Census;

/// Units in a node.
pub(crate) const UNITS: usize = 1 << WHOLE;

/// Words of bits in a node.
pub(crate) const WORDS: usize = UNITS / 64;

/// The order of a word of bits.
const WORD_ORDER: u32 = 6;

/// The bits of a node: one cache line.
type Bits = [AtomicU64; WORDS];

/// Nodes and what is free in them. A single writer: whoever holds the zone.
#[derive(Debug)]
pub(crate) struct Level<'a> {
    bits: &'a [Bits],
    census: &'a [AtomicU64],
    classes: Directory<'a>,
}

/// Blocks that were taken, all of one order and from as large ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The first unit of the first.
    pub(crate) unit: usize,
    /// Where blocks start, as bits counted from that unit. The first is bit 0.
    pub(crate) starts: u64,
    /// Their order.
    pub(crate) order: u32,
    /// The order of the blocks that they were cut from.
    pub(crate) from: u32,
}

impl<'a> Level<'a> {
    /// A level of which nothing is free. `census` has an entry, and `bits` have [`WORDS`], for each node.
    pub(crate) const fn new(bits: &'a [AtomicU64], census: &'a [AtomicU64], classes: Directory<'a>) -> Self {
        Self { bits: bits.as_chunks().0, census, classes }
    }

    /// Takes a block of `order`; and while at it more, together up to `wanted` times as much: those that would be taken
    /// next, or a larger one that need not be split for it.
    pub(crate) fn take(&mut self, order: u32, wanted: u32) -> Option<Taken> {
        let class = self.classes.smallest_from(order)?;
        let node = self.classes.lowest(class)?;
        self.take_in(node, order, wanted)
    }

    /// Takes from `node`: of the smallest blocks that are large enough the lowest.
    pub(crate) fn take_in(&mut self, node: usize, order: u32, wanted: u32) -> Option<Taken> {
        let from = self.census(node).smallest_from(order)?;
        let most = order + wanted.checked_ilog2().unwrap_or(0);
        let bits = self.bits.get(node)?;
        if from >= WORD_ORDER {
            let start = lowest(runs::maximal_starts(full_words(bits), from - WORD_ORDER))? * 64;
            let order = from.min(most);
            self.cut(node, start, from, order);
            return Some(Taken { unit: node * UNITS + start, starts: 1, order, from });
        }
        let (word, starts) = lowest_runs(bits, from)?;
        let (starts, order) = if from > most {
            (runs::lowest(starts, 1), most)
        } else {
            (runs::lowest(starts, wanted >> (from - order)), from)
        };
        change(bits.get(word)?, |bits| bits & !runs::filled(starts, order));
        self.count_cut(node, from, order, starts.count_ones().into());
        let first = starts.trailing_zeros();
        let unit = node * UNITS + word * 64 + first as usize;
        Some(Taken { unit, starts: starts.wrapping_shr(first), order, from })
    }

    /// Takes the first block of `order`, or a few of them, of a `node` that comes to this level free as a whole.
    pub(crate) fn take_first(&mut self, node: usize, order: u32, wanted: u32) -> Option<Taken> {
        let most = order + wanted.checked_ilog2().unwrap_or(0);
        let order = most.min(WHOLE - 1);
        let (bits, cell) = (self.bits.get(node)?, self.census.get(node)?);
        mark(bits, 0, WHOLE, u64::MAX);
        mark(bits, 0, order, 0);
        cell.store(Census::default().join(WHOLE, WHOLE).cut(WHOLE, order, 1).bits(), Relaxed);
        // One half of the node is free.
        self.classes.reclass(node, None, Some(WHOLE - 1));
        Some(Taken { unit: node * UNITS, starts: 1, order, from: WHOLE })
    }

    /// Takes the lowest block of `order` that `fits`, which no block does that lies above one that does not.
    pub(crate) fn take_lowest(&mut self, order: u32, fits: impl Fn(usize) -> bool) -> Option<Taken> {
        let unit = self.lowest(order).filter(|&unit| fits(unit))?;
        self.take_at(unit, order)
    }

    /// Takes the block of `order` that starts at `unit`, if all of it is free.
    pub(crate) fn take_at(&mut self, unit: usize, order: u32) -> Option<Taken> {
        let (node, start) = (unit / UNITS, unit % UNITS);
        let from = self.order_at(node, start, order)?;
        self.cut(node, start, from, order);
        Some(Taken { unit, starts: 1, order, from })
    }

    /// Gives a block back; the order of the block that it now is part of.
    #[inline]
    pub(crate) fn give(&mut self, unit: usize, order: u32) -> u32 {
        let (node, start) = (unit / UNITS, unit % UNITS);
        let Some(bits) = self.bits.get(node) else { return order };
        let to = free(bits, start, order);
        self.count_joined(node, order, to);
        to
    }

    /// The same on a level where no node is free as a whole: one that would be leaves it.
    #[inline]
    pub(crate) fn give_part(&mut self, unit: usize, order: u32) -> u32 {
        let (node, start) = (unit / UNITS, unit % UNITS);
        let Some(bits) = self.bits.get(node) else { return order };
        let to = free(bits, start, order);
        if to == WHOLE {
            self.clear(node);
        } else {
            self.count_joined(node, order, to);
        }
        to
    }

    /// Makes all of `node` free, none of which is.
    pub(crate) fn fill(&mut self, node: usize) {
        self.bits.get(node).into_iter().for_each(|bits| mark(bits, 0, WHOLE, u64::MAX));
        self.count_joined(node, WHOLE, WHOLE);
    }

    /// Makes nothing of `node` free.
    #[cold]
    fn clear(&mut self, node: usize) {
        let (Some(bits), Some(cell)) = (self.bits.get(node), self.census.get(node)) else { return };
        mark(bits, 0, WHOLE, 0);
        self.classes.reclass(node, self.census(node).largest(), None);
        cell.store(Census::default().bits(), Relaxed);
    }

    /// The order of the largest free block.
    pub(crate) fn largest(&self) -> Option<u32> {
        self.classes.largest()
    }

    /// How many nodes there are.
    pub(crate) const fn nodes(&self) -> usize {
        self.census.len()
    }

    /// Whether bits, counts and classes of `node` say the same.
    pub(crate) fn is_consistent(&self, node: usize) -> bool {
        let census = self.census(node);
        // Most nodes of a machine in use, and nothing to count in them.
        if census == Census::default()
            && self.bits.get(node).is_some_and(|bits| bits.iter().all(|word| word.load(Relaxed) == 0))
        {
            return (0..ORDERS).all(|class| !self.classes.contains(class, node));
        }
        let counted = (0..ORDERS).try_fold(Census::default(), |sum, order| {
            Some((0..self.maximal(node, order)?).fold(sum, |sum, _| sum.join(order, order)))
        });
        let classes = (0..ORDERS).filter(|&class| self.classes.contains(class, node));
        counted == Some(census) && classes.eq(census.largest())
    }

    /// Whether the classes' summaries are right, and none has a node that there is not.
    pub(crate) fn is_summed_up(&self) -> bool {
        let in_classes: usize = (0..ORDERS).map(|class| self.classes.count(class)).sum();
        let nonempty = (0..self.nodes()).filter(|&node| self.census(node) != Census::default()).count();
        let no_other_class = self.classes.nonempty() >> ORDERS == 0;
        no_other_class && in_classes == nonempty && (0..ORDERS).all(|class| self.classes.is_summed_up(class))
    }

    /// Blocks of `order` in `node`.
    pub(crate) fn blocks(&self, node: usize, order: u32) -> u64 {
        self.census(node).count(order)
    }

    /// The counts, and the classes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> (&'a [AtomicU64], &'a [AtomicU64]) {
        (self.census, self.classes.memory())
    }

    #[cfg(test)]
    pub(crate) fn nonempty_mut(&mut self) -> &mut u32 {
        self.classes.nonempty_mut()
    }

    fn census(&self, node: usize) -> Census {
        Census::from_bits(self.census.get(node).map_or(0, |cell| cell.load(Relaxed)))
    }

    fn cut(&mut self, node: usize, start: usize, from: u32, order: u32) {
        self.bits.get(node).into_iter().for_each(|bits| mark(bits, start, order, 0));
        self.count_cut(node, from, order, 1);
        if planted(Bug::SplitLosesHalf) && from > order {
            self.bits.get(node).into_iter().for_each(|bits| mark(bits, start ^ 1 << order, order, 0));
            self.count_cut(node, order, order, 1);
        }
    }

    fn count_cut(&mut self, node: usize, from: u32, order: u32, count: u64) {
        let Some(cell) = self.census.get(node) else { return };
        let census = Census::from_bits(cell.load(Relaxed)).cut(from, order, count);
        cell.store(census.bits(), Relaxed);
        // That was the last of the largest, or the class is another's.
        if !census.has_from(from) {
            self.classes.reclass(node, Some(from), census.largest());
        }
    }

    fn count_joined(&mut self, node: usize, order: u32, to: u32) {
        let Some(cell) = self.census.get(node) else { return };
        let census = Census::from_bits(cell.load(Relaxed));
        if planted(Bug::CensusStale) {
            return;
        }
        cell.store(census.join(order, to).bits(), Relaxed);
        if !census.has_from(to) {
            self.classes.reclass(node, census.largest(), Some(to));
        }
    }

    fn lowest(&self, order: u32) -> Option<usize> {
        let node = (order..ORDERS).filter_map(|class| self.classes.lowest(class)).min()?;
        let bits = self.bits.get(node)?;
        let start = match order.checked_sub(WORD_ORDER) {
            Some(words) => lowest(runs::starts(full_words(bits), words))? * 64,
            None => {
                let words = bits.iter().map(|word| runs::starts(word.load(Relaxed), order));
                words.zip(0..).find_map(|(starts, word)| Some(lowest(starts)? + word * 64))?
            }
        };
        Some(node * UNITS + start)
    }

    /// How many blocks of exactly `order` the bits of `node` show.
    fn maximal(&self, node: usize, order: u32) -> Option<u32> {
        let bits = self.bits.get(node)?;
        Some(match order.checked_sub(WORD_ORDER) {
            None => {
                bits.iter().map(|word| runs::maximal_starts(word.load(Relaxed), order).count_ones()).sum()
            }
            Some(words) => runs::maximal_starts(full_words(bits), words).count_ones(),
        })
    }

    /// The order of the largest free block around the block of `order` at `start`, if that is free.
    fn order_at(&self, node: usize, start: usize, order: u32) -> Option<u32> {
        let bits = self.bits.get(node)?;
        let fits = start.is_multiple_of(1 << order) && is_free(bits, start, order);
        fits.then(|| joined(bits, start, order))
    }
}

/// The words of a node that are free as a whole, as bits.
fn full_words(bits: &Bits) -> u64 {
    let full = |word: &AtomicU64| u64::from(word.load(Relaxed) == u64::MAX);
    bits.iter().zip(0..).fold(0, |words, (word, number)| words | full(word) << number)
}

/// Where the blocks of exactly `order` start in the lowest word that has one, and which word that is.
#[inline]
fn lowest_runs(bits: &Bits, order: u32) -> Option<(usize, u64)> {
    let words = bits.iter().map(|word| word.load(Relaxed)).zip(0..);
    // Most words of a node that is nearly full are zero.
    let mut words = words.filter(|&(word, _)| word != 0);
    words.find_map(|(word, number)| {
        let starts = runs::maximal_starts(word, order);
        (starts != 0).then_some((number, starts))
    })
}

/// The lowest bit that is set.
fn lowest(bits: u64) -> Option<usize> {
    (bits != 0).then(|| bits.trailing_zeros() as usize)
}

/// Whether all of a block is free.
fn is_free(bits: &Bits, start: usize, order: u32) -> bool {
    let mask = runs::mask(start % 64, order.min(WORD_ORDER));
    let words = 1 << order.saturating_sub(WORD_ORDER);
    bits.iter().skip(start / 64).take(words).all(|word| word.load(Relaxed) & mask == mask)
}

/// Makes a block free; the order of the block that it now is part of.
#[inline]
fn free(bits: &Bits, start: usize, order: u32) -> u32 {
    let buddy = usize::from(planted(Bug::WrongBuddy) && order < WHOLE) << order;
    mark(bits, start ^ buddy, order, u64::MAX);
    if planted(Bug::LostCoalesce) { order } else { joined(bits, start ^ buddy, order) }
}

/// The order of the block that a free block of `order` is part of.
#[inline]
fn joined(bits: &Bits, start: usize, order: u32) -> u32 {
    let word = bits.get(start / 64 % WORDS).map_or(0, |word| word.load(Relaxed));
    let in_word = u32::try_from(start % 64).unwrap_or(0);
    let to = order.max(runs::order_around(word, in_word));
    if to < WORD_ORDER { to } else { joined_words(bits, start) }
}

/// The same for a block that is at least a word, `start`s with one, and is free.
fn joined_words(bits: &Bits, start: usize) -> u32 {
    let word = u32::try_from(start / 64 % WORDS).unwrap_or(0);
    WORD_ORDER + runs::order_around(full_words(bits), word)
}

/// Sets the bits of a block to those of `value`.
#[inline]
fn mark(bits: &Bits, start: usize, order: u32, value: u64) {
    if order < WORD_ORDER {
        let mask = runs::mask(start % 64, order);
        let word = bits.get(start / 64 % WORDS);
        word.into_iter().for_each(|word| change(word, |bits| bits & !mask | value & mask));
    } else {
        mark_words(bits, start, order, value);
    }
}

/// The same for a block of whole words. All words of the node are written, for that takes no decisions.
fn mark_words(bits: &Bits, start: usize, order: u32, value: u64) {
    let words = runs::mask(start / 64 % WORDS, order - WORD_ORDER);
    for (word, number) in bits.iter().zip(0..) {
        let mask = (words >> number & 1).wrapping_neg();
        change(word, |bits| bits & !mask | value & mask);
    }
}

#[inline]
fn change(cell: &AtomicU64, change: impl FnOnce(u64) -> u64) {
    cell.store(change(cell.load(Relaxed)), Relaxed);
}

/// Whether a census counts a block of more than `order`.
#[inline]
pub(crate) fn has_larger(census: u64, order: u32) -> bool {
    Census::from_bits(census).has_from(order + 1)
}

/// What the bits of a node say about one of its units, read without a lock: the order of the free block that `unit` is
/// part of, and where in the node that starts.
pub(crate) fn free_block(bits: &[AtomicU64], unit: usize) -> Option<(usize, u32)> {
    let (node, start) = (unit / UNITS, unit % UNITS);
    let bits = bits.as_chunks().0.get(node)?;
    let order = is_free(bits, start, 0).then(|| joined(bits, start, 0))?;
    Some((start >> order << order, order))
}

#[cfg(test)]
mod tests;
