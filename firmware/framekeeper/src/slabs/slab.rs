//! A slab: a block of frames cut into slots, and its descriptor, which lies elsewhere.
//!
//! | word of a descriptor | |
//! |---|---|
//! | 0 | free slots (bits 0–13), the pool (14–23) |
//! | 1 | the next slab of the pool's list (0–25), the one before it (26–51) |
//! | from 2 on | a bit for each slot: it is free, and in no magazine and no depot |
//!
//! Slots are handed out from the lowest free one on.
//!
//! Only the holder of the pool's lock looks at a descriptor: nothing here is ordered.

use core::ptr::NonNull;

use super::shape::{GRAIN, Shape};
use crate::{
    planted::{Bug, planted},
    sync::{AtomicU64, Ordering::Relaxed},
    word::{PoolId, Slot},
};

/// Words of a descriptor before the bits.
const HEADER: usize = 2;

const COUNT_BITS: u32 = 14;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const POOL_SHIFT: u32 = COUNT_BITS;

const LINK_BITS: u32 = 26;
const LINK: u64 = (1 << LINK_BITS) - 1;

/// Words of a descriptor for a slab of this shape.
pub(crate) const fn descriptor_words(shape: &Shape) -> usize {
    HEADER + shape.slots().div_ceil(u64::BITS) as usize
}

/// A slab and its descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slab<'m> {
    head: Slot,
    start: NonNull<u8>,
    words: &'m [AtomicU64],
}

impl<'m> Slab<'m> {
    /// The slab whose first frame is at `head` in the map and mapped at `start`, with a descriptor of so many words as
    /// [`descriptor_words`] says.
    #[inline]
    pub(crate) const fn new(head: Slot, start: NonNull<u8>, words: &'m [AtomicU64]) -> Self {
        Self { head, start, words }
    }

    /// Makes all slots free.
    pub(crate) fn reset(&self, pool: PoolId, shape: &Shape) {
        let all = u64::from(shape.slots());
        self.set_header(all, pool);
        self.set_links(None, None);
        let mut left = all;
        for bits in self.bits() {
            bits.store(if left >= 64 { u64::MAX } else { (1 << left) - 1 }, Relaxed);
            left = left.saturating_sub(64);
        }
    }

    pub(crate) const fn head(&self) -> Slot {
        self.head
    }

    pub(crate) const fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How many slots are free.
    #[inline]
    pub(crate) fn free_slots(&self) -> u32 {
        low_u32(self.header() & COUNT)
    }

    /// Takes up to `wanted` free slots' objects, the lowest first.
    pub(crate) fn take(&self, shape: &Shape, wanted: u32, mut taken: impl FnMut(NonNull<u8>)) {
        let mut left = wanted;
        for (cell, first) in self.bits().zip((0..).step_by(64)) {
            let mut bits = cell.load(Relaxed);
            if bits == 0 {
                continue;
            }
            while bits != 0 && left > 0 {
                let slot = first + bits.trailing_zeros();
                bits &= bits - 1;
                left -= 1;
                taken(self.object(shape, slot));
            }
            cell.store(bits, Relaxed);
            if left == 0 {
                break;
            }
        }
        let free = u64::from(self.free_slots().saturating_sub(wanted - left));
        self.set_header(free, self.pool());
    }

    /// Makes a slot free that is not.
    #[inline]
    pub(crate) fn give(&self, slot: u32) {
        let (Some(cell), Some(header)) = (self.bit(slot), self.words.first()) else { return };
        cell.store(cell.load(Relaxed) | 1 << (slot % 64), Relaxed);
        header.store(header.load(Relaxed) + 1, Relaxed);
    }

    /// Whether a slot is free.
    pub(crate) fn is_free(&self, slot: u32) -> bool {
        self.bit(slot).is_some_and(|bits| bits.load(Relaxed) >> (slot % 64) & 1 == 1)
    }

    /// Where the object of a slot lies.
    #[inline]
    pub(crate) fn object(&self, shape: &Shape, slot: u32) -> NonNull<u8> {
        // Wrapping is never needed: the slot is inside the slab.
        let nearer = if planted(Bug::SlotsOverlap) { GRAIN * slot as usize } else { 0 };
        let start = self.start.as_ptr().wrapping_add(shape.offset(slot) - nearer);
        NonNull::new(start).unwrap_or(self.start)
    }

    pub(crate) fn pool(&self) -> PoolId {
        let [low, high, ..] = (self.header() >> POOL_SHIFT).to_le_bytes();
        PoolId::new(u16::from_le_bytes([low, high])).unwrap_or_default()
    }

    pub(crate) fn next(&self) -> Option<Slot> {
        Slot::new(self.links() & LINK)
    }

    pub(crate) fn before(&self) -> Option<Slot> {
        Slot::new(self.links() >> LINK_BITS & LINK)
    }

    pub(crate) fn set_next(&self, next: Option<Slot>) {
        self.set_links(next, self.before());
    }

    pub(crate) fn set_before(&self, before: Option<Slot>) {
        self.set_links(self.next(), before);
    }

    pub(crate) fn set_links(&self, next: Option<Slot>, before: Option<Slot>) {
        if let Some(links) = self.words.get(1) {
            links.store(link(next) | link(before) << LINK_BITS, Relaxed);
        }
    }

    /// Whether the descriptor says what one of `pool` can say: all but whether its lists lead to it and from it. One
    /// without free slots is in no list.
    pub(crate) fn is_consistent(&self, pool: PoolId, shape: &Shape) -> bool {
        let right = header(self.free_slots().into(), pool);
        let found: u32 = self.bits().map(|bits| bits.load(Relaxed).count_ones()).sum();
        let behind = (shape.slots()..).take_while(|slot| slot % 64 != 0).any(|slot| self.is_free(slot));
        self.header() == right
            && found == self.free_slots()
            && !behind
            && (found > 0 || (self.next(), self.before()) == (None, None))
            && self.links() >> (2 * LINK_BITS) == 0
    }

    fn bits(&self) -> impl Iterator<Item = &'m AtomicU64> + use<'m> {
        self.words.iter().skip(HEADER)
    }

    #[inline]
    fn bit(&self, slot: u32) -> Option<&'m AtomicU64> {
        self.words.get(HEADER + slot as usize / 64)
    }

    #[inline]
    fn header(&self) -> u64 {
        self.words.first().map_or(0, |header| header.load(Relaxed))
    }

    fn set_header(&self, free: u64, pool: PoolId) {
        self.words.first().into_iter().for_each(|word| word.store(header(free, pool), Relaxed));
    }

    fn links(&self) -> u64 {
        self.words.get(1).map_or(0, |links| links.load(Relaxed))
    }

    /// The words of the descriptor.
    #[cfg(test)]
    pub(crate) const fn memory(&self) -> &'m [AtomicU64] {
        self.words
    }
}

fn header(free: u64, pool: PoolId) -> u64 {
    free | u64::from(pool.number()) << POOL_SHIFT
}

fn link(slot: Option<Slot>) -> u64 {
    slot.map_or(Slot::LIMIT, Slot::number).into()
}

fn low_u32(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_bit_behind_the_last_slot_is_found() {
        // Of one word, and of several.
        for size in [1000, 24] {
            let (pool, shape) = (PoolId::of_class(5), Shape::of(size).unwrap());
            let words: Vec<_> = (0..descriptor_words(&shape)).map(|_| AtomicU64::new(0)).collect();
            let slab = Slab::new(Slot::new(4).unwrap(), NonNull::dangling(), &words);
            slab.reset(pool, &shape);
            assert!(slab.is_consistent(pool, &shape));
            // In place of a slot's, so that there are as many as before.
            let last = words.last().unwrap();
            last.store(last.load(Relaxed) ^ (1 | 1 << (shape.slots() % 64)), Relaxed);
            assert!(!slab.is_consistent(pool, &shape), "{shape:?}");
        }
    }

    #[test]
    fn a_descriptor_of_another_pool_is_found() {
        let (pool, other, shape) = (PoolId::of_class(5), PoolId::of_class(6), Shape::of(1000).unwrap());
        let words: Vec<_> = (0..descriptor_words(&shape)).map(|_| AtomicU64::new(0)).collect();
        let slab = Slab::new(Slot::new(4).unwrap(), NonNull::dangling(), &words);
        slab.reset(other, &shape);
        assert_eq!([pool, other].map(|pool| slab.is_consistent(pool, &shape)), [false, true]);
    }
}
