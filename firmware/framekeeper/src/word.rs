//! A word of the frame map: 64 bits.
//!
//! | bits | free head | allocated head | other |
//! |---|---|---|---|
//! | 0–3 | what it is | 〃 | 〃 |
//! | 4–8 | order | 0 | 0 |
//! | 9–34 | slot of the next head in the list | owner (8 bits) | 0 |
//! | 35–60 | slot of the head before it | number of frames (19 bits) | 0 |
//! | 61–63 | 0 | 0 | 0 |
//!
//! Zero is a hole: memory that nobody wrote about is not RAM.

use crate::{frame::Order, map::Owner};

/// A place in the map, for links: 26 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    /// One above the largest; as a link it means that there is none.
    pub(crate) const LIMIT: u32 = (1 << 26) - 1;

    pub(crate) fn new(number: u64) -> Option<Self> {
        u32::try_from(number).ok().filter(|&number| number < Self::LIMIT).map(Self)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A word, taken apart and put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

const ORDER_SHIFT: u32 = 4;
const NEXT_SHIFT: u32 = 9;
const PREVIOUS_SHIFT: u32 = 35;
const LINK_MASK: u64 = (1 << 26) - 1;

// Any two of these differ in two bits, so one flipped bit makes none of them into another.
const RESERVED: u64 = 0b0011;
const TAIL: u64 = 0b0101;
const FREE: u64 = 0b0110;
const ALLOCATED: u64 = 0b1001;

impl Word {
    pub(crate) const HOLE: Self = Self(0);
    pub(crate) const RESERVED: Self = Self(RESERVED);
    pub(crate) const TAIL: Self = Self(TAIL);

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The head of a free block between two others of its list.
    pub(crate) fn free(order: Order, previous: Option<Slot>, next: Option<Slot>) -> Self {
        let link = |slot: Option<Slot>| u64::from(slot.map_or(Slot::LIMIT, Slot::number));
        Self(
            FREE | u64::from(order.number()) << ORDER_SHIFT
                | link(next) << NEXT_SHIFT
                | link(previous) << PREVIOUS_SHIFT,
        )
    }

    /// The head of a block of so many frames, at most [`Order::MAX`]'s, that `owner` has.
    pub(crate) fn allocated(frames: u64, owner: Owner) -> Self {
        Self(ALLOCATED | u64::from(owner.0) << NEXT_SHIFT | (frames & LINK_MASK) << PREVIOUS_SHIFT)
    }

    /// Whether this is a word that could have been written: no other bit is set than its kind has.
    pub(crate) fn is_canonical(self) -> bool {
        let rebuilt = match (self.order(), self.owner()) {
            (Some(order), _) => Self::free(order, self.previous(), self.next()),
            (None, Some(owner)) => Self::allocated(self.frames(), owner),
            (None, None) => return matches!(self, Self::HOLE | Self::RESERVED | Self::TAIL),
        };
        rebuilt == self
    }

    pub(crate) const fn is_free(self) -> bool {
        self.0 & 0xf == FREE
    }

    pub(crate) const fn is_allocated(self) -> bool {
        self.0 & 0xf == ALLOCATED
    }

    /// The order of the free block that this is the head of.
    pub(crate) fn order(self) -> Option<Order> {
        let [low, high, ..] = self.0.to_le_bytes();
        Order::new(low >> ORDER_SHIFT | (high & 1) << ORDER_SHIFT).filter(|_| self.is_free())
    }

    /// The frames of the block that this is the head of; none for what is no head.
    pub(crate) fn frames(self) -> u64 {
        let allocated = if self.is_allocated() { self.0 >> PREVIOUS_SHIFT & LINK_MASK } else { 0 };
        self.order().map_or(allocated, Order::frames)
    }

    pub(crate) fn owner(self) -> Option<Owner> {
        let [_, low, high, ..] = self.0.to_le_bytes();
        self.is_allocated().then_some(Owner(low >> 1 | high << 7))
    }

    pub(crate) fn next(self) -> Option<Slot> {
        Slot::new(self.0 >> NEXT_SHIFT & LINK_MASK).filter(|_| self.is_free())
    }

    pub(crate) fn previous(self) -> Option<Slot> {
        Slot::new(self.0 >> PREVIOUS_SHIFT & LINK_MASK).filter(|_| self.is_free())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_free_word_is_taken_apart_as_it_was_put_together(
            order in 0..=Order::MAX.number(),
            next in prop::option::of(0..u64::from(Slot::LIMIT)),
            previous in prop::option::of(0..u64::from(Slot::LIMIT)),
        ) {
            let (order, next, previous) =
                (Order::new(order).unwrap(), next.and_then(Slot::new), previous.and_then(Slot::new));
            let word = Word::free(order, previous, next);
            prop_assert!(word.is_free() && !word.is_allocated());
            prop_assert_eq!((word.order(), word.owner()), (Some(order), None));
            prop_assert_eq!((word.next(), word.previous(), word.frames()), (next, previous, order.frames()));
        }

        #[test]
        fn an_allocated_word_is_taken_apart_as_it_was_put_together(frames in 1..=Order::MAX.frames(), owner: u8) {
            let word = Word::allocated(frames, Owner(owner));
            prop_assert!(word.is_allocated() && !word.is_free());
            prop_assert_eq!((word.frames(), word.owner()), (frames, Some(Owner(owner))));
            prop_assert_eq!((word.order(), word.next(), word.previous()), (None, None, None));
        }
    }

    #[test]
    fn what_is_no_head_has_no_order() {
        for word in [Word::HOLE, Word::RESERVED, Word::TAIL] {
            assert_eq!((word.order(), word.owner(), word.next(), word.previous()), (None, None, None, None));
            assert_eq!(word.frames(), 0);
        }
    }
}
