//! Frames and orders: memory counted in 4 KiB, and in powers of two of that.
//!
//! A [`Frame`] is a number, like a physical address: holding one proves nothing about what lies there.

use crate::addr::{FRAME_SIZE, PhysAddr};
use core::fmt;

/// The size of a block: 2^n frames. Never above [`Order::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(u8);

impl Order {
    /// One frame.
    pub const FRAME: Self = Self(0);
    /// 2 MiB.
    pub const MIB_2: Self = Self(9);
    /// 1 GiB, the largest block.
    pub const MAX: Self = Self(18);
    /// How many orders there are.
    pub const COUNT: usize = Self::MAX.0 as usize + 1;

    /// The order with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The smallest order of which a block holds `frames` frames.
    #[must_use]
    pub fn holding(frames: u64) -> Option<Self> {
        Self::all().find(|order| order.frames() >= frames)
    }

    /// All of them, rising.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..=Self::MAX.0).map(Self)
    }

    /// Its number.
    #[must_use]
    #[inline]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// As an index into an array of [`Self::COUNT`].
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Frames in a block.
    #[must_use]
    #[inline]
    pub const fn frames(self) -> u64 {
        1 << self.0
    }

    /// Bytes in a block.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.frames() * FRAME_SIZE
    }
}

/// A frame, by its number: the physical address divided by 4096.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame(u64);

impl Frame {
    /// The frame with this number, of 52 bits.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number & (u64::MAX >> 12))
    }

    /// The frame that `address` lies in.
    #[must_use]
    #[inline]
    pub const fn containing(address: PhysAddr) -> Self {
        Self(address.0 / FRAME_SIZE)
    }

    /// The frame that starts at `address`, if one does.
    #[must_use]
    #[inline]
    pub const fn starting_at(address: PhysAddr) -> Option<Self> {
        if address.0.is_multiple_of(FRAME_SIZE) { Some(Self::containing(address)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Its first byte.
    #[must_use]
    #[inline]
    pub const fn start(self) -> PhysAddr {
        PhysAddr(self.0.wrapping_mul(FRAME_SIZE))
    }

    /// The frame `count` above this one; behind the last comes the first.
    #[must_use]
    #[inline]
    pub const fn plus(self, count: u64) -> Self {
        Self::new(self.0.wrapping_add(count))
    }

    /// Whether a block of `order` may start here.
    #[must_use]
    pub const fn is_aligned(self, order: Order) -> bool {
        self.0.is_multiple_of(order.frames())
    }

    /// Where the block of `order` that this frame belongs to starts.
    #[must_use]
    pub const fn align_down(self, order: Order) -> Self {
        Self(self.0 & !(order.frames() - 1))
    }

    /// The largest order of a block that starts here and holds at most `frames` frames.
    #[must_use]
    pub fn largest_block(self, frames: u64) -> Option<Order> {
        let by_size = u64::BITS.checked_sub(frames.leading_zeros() + 1)?;
        let number = by_size.min(self.0.trailing_zeros()).min(u32::from(Order::MAX.0));
        Order::new(u8::try_from(number).ok()?)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}", self.start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_what_it_says() {
        assert_eq!((Order::holding(0), Order::holding(1)), (Some(Order::FRAME), Some(Order::FRAME)));
        assert_eq!(Order::holding(512), Some(Order::MIB_2));
        assert_eq!(Order::holding(513), Order::new(10));
        assert_eq!(Order::holding(Order::MAX.frames() + 1), None);
        assert_eq!(Order::holding(u64::MAX), None);
        assert_eq!(Order::new(19), None);
        assert_eq!(Order::MIB_2.bytes(), 2 << 20);
    }

    #[test]
    fn the_largest_block_is_bounded_by_alignment_size_and_order() {
        assert_eq!(Frame::new(8).largest_block(100), Order::new(3));
        assert_eq!(Frame::new(64).largest_block(40), Order::new(5));
        assert_eq!(Frame::new(0).largest_block(u64::MAX), Some(Order::MAX));
        assert_eq!(Frame::new(7).largest_block(1), Some(Order::FRAME));
        assert_eq!(Frame::new(0).largest_block(0), None);
    }
}
