//! The words of the map, against what is free.

use super::Fault;
use crate::{
    frame::{Frame, Order},
    map::{Area, FrameMap},
    word::{Kind, Word},
};

/// Heads of blocks that are neither free nor somebody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heads {
    pub(super) cached: usize,
    pub(super) pending: usize,
}

/// Every frame is free, a head, part of the block before it, reserved, or a hole.
pub(super) fn verify_words(map: FrameMap<'_>) -> Result<Heads, Fault> {
    let mut walk = Walk { map, block: None, heads: Heads::default() };
    map.each_area().try_for_each(|area| walk.area(&area))?;
    Ok(walk.heads)
}

struct Walk<'a> {
    map: FrameMap<'a>,
    /// The last head, and the frame behind its block.
    block: Option<Block>,
    heads: Heads,
}

#[derive(Clone, Copy)]
struct Block {
    head: Frame,
    end: Frame,
    /// What the second frame says.
    second: Word,
}

impl Walk<'_> {
    fn area(&mut self, area: &Area<'_>) -> Result<(), Fault> {
        let inside = self.block.is_some_and(|block| area.first() < block.end);
        if !inside && area.is_hole() {
            return Ok(());
        }
        area.frames().try_for_each(|(frame, word, is_free)| self.frame(frame, word, is_free))
    }

    fn frame(&mut self, frame: Frame, word: Word, is_free: bool) -> Result<(), Fault> {
        if !word.is_sound() {
            return Err(Fault::Damaged { frame });
        }
        if let Some(block) = self.block.filter(|block| frame < block.end) {
            let part = if frame == block.head.plus(1) { block.second } else { Word::PART };
            let is_part = word == part && !is_free;
            return if is_part { Ok(()) } else { Err(Fault::Overlap { head: block.head, frame }) };
        }
        match word.kind() {
            Kind::Part if is_free && word == Word::PART => Ok(()),
            Kind::Part => Err(Fault::Stray { frame }),
            _ if is_free => Err(Fault::FreeAndNot { frame }),
            Kind::Allocated | Kind::Cached | Kind::Pending => self.head(frame, word),
            Kind::Slab => self.slab(frame, word),
            _ => Ok(()),
        }
    }

    /// Each frame of a slab follows the one before it. Where slabs end, their descriptors say: see `slabs`.
    fn slab(&self, frame: Frame, word: Word) -> Result<(), Fault> {
        let Some(before) = word.page().checked_sub(1) else { return Ok(()) };
        let left = self.map.word(Frame::new(frame.number().wrapping_sub(1)));
        let follows = left.is_slab_of(word.pool()) && left.page() == before;
        if follows { Ok(()) } else { Err(Fault::Misplaced { frame }) }
    }

    fn head(&mut self, head: Frame, word: Word) -> Result<(), Fault> {
        let mut second = Word::PART;
        let mut frames = word.frames();
        match word.kind() {
            Kind::Cached => self.heads.cached += 1,
            Kind::Pending => {
                self.heads.pending += 1;
                frames = 1;
                if !word.is_pending_single() {
                    second = self.map.word(head.plus(1));
                    frames = second.frames_field();
                }
            }
            _ => {}
        }
        self.block = Some(Block { head, end: head.plus(frames), second });
        let last = head.plus(frames - 1);
        // What is aligned is in one zone: zones meet at a multiple of the largest block.
        let is_aligned = Order::holding(frames).is_some_and(|order| head.is_aligned(order));
        let is_right = is_aligned && self.map.slot(last).is_some();
        if is_right { Ok(()) } else { Err(Fault::Misplaced { frame: head }) }
    }
}
