//! A frame together with the place of its word, in 64 bits: what a cache holds of a block.

use crate::{
    frame::{Frame, Order},
    word::Slot,
};

/// A frame, and where that has its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(u64);

/// Bits of a frame's number; a slot has the rest.
const FRAME_BITS: u32 = 38;

/// From one frame to the next, where both have words: frames in one piece have them in one piece.
const STEP: u64 = 1 << FRAME_BITS | 1;

impl Entry {
    /// The entry of a frame that has a word, so that its number is small enough, and that of its slot too.
    pub(crate) const fn new(frame: Frame, slot: u64) -> Self {
        Self(slot << FRAME_BITS | frame.number())
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn frame(self) -> Frame {
        Frame::new(self.0 & ((1 << FRAME_BITS) - 1))
    }

    pub(crate) const fn slot(self) -> Option<Slot> {
        Slot::new(self.slot_number())
    }

    pub(crate) const fn slot_number(self) -> u64 {
        self.0 >> FRAME_BITS
    }

    /// The number of its area of 2 MiB, among those that have words.
    pub(crate) const fn area(self) -> u64 {
        self.slot_number() / Order::MIB_2.frames()
    }

    /// The entry of the frame `count` above this one, which is in one piece with it.
    pub(crate) const fn plus(self, count: u64) -> Self {
        Self(self.0.wrapping_add(STEP.wrapping_mul(count)))
    }

    /// The entry of the frame `count` below this one, which is in one piece with it.
    pub(crate) const fn minus(self, count: u64) -> Self {
        Self(self.0.wrapping_sub(STEP.wrapping_mul(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_frame_and_its_slot_and_steps_from_frame_to_frame() {
        for (frame, slot) in [(0, 0), ((1 << 38) - 1024, u64::from(Slot::LIMIT) - 1024), (0x88_0000, 0x8000)]
        {
            let entry = Entry::new(Frame::new(frame), slot);
            assert_eq!((entry.frame(), entry.slot_number()), (Frame::new(frame), slot));
            assert_eq!((entry.slot(), entry.area()), (Slot::new(slot), slot / 512));
            assert_eq!(entry.plus(700), Entry::new(Frame::new(frame + 700), slot + 700));
            assert_eq!((entry.plus(700).minus(700), Entry::from_bits(entry.bits())), (entry, entry));
        }
    }
}
