//! Blocks that become smaller or larger where they are, and blocks of which one knows whose and how large they are.
//!
//! What a block loses goes to its zone. What it gains is taken from the zone by address, all of it or nothing; the block
//! must stay one that the map can describe: at a multiple of the smallest order that holds it.

use super::{FrameAllocator, span};
use crate::{
    addr::PhysAddr,
    cache::Run,
    cpu::CpuLocal,
    entry::Entry,
    errors::{FreeError, ResizeError},
    frame::{Frame, Order},
    map::WordCell,
    planted::{Bug, planted},
    word::{Owner, Word},
    zone::Zone,
};

/// A block by what its head's word was when somebody looked.
#[derive(Clone, Copy)]
struct Found<'a> {
    head: Frame,
    first: Entry,
    cell: WordCell<'a>,
    word: Word,
}

impl<'a, C: CpuLocal> FrameAllocator<'a, C> {
    /// Makes the block that starts at `address` one of `frames` frames, where it is; says how many it had.
    ///
    /// A block can become smaller, down to one frame, and larger, as long as the frames behind it are free in their zone
    /// and it starts at a multiple of the smallest order that holds so many. Free frames in a core's cache are not looked
    /// for. It never waits to make a block smaller.
    ///
    /// # Errors
    ///
    /// Nobody has a block that starts there, or it cannot become that large in its place, or [`ResizeError::Refused`].
    /// Nothing has changed then.
    pub fn resize(&self, address: PhysAddr, frames: u64) -> Result<u64, ResizeError> {
        let found = self.found(address).map_err(ResizeError::NotAllocated)?;
        if !found.word.is_allocated() || !found.word.is_sound() {
            return Err(ResizeError::NotAllocated(self.why_not(found.head)));
        }
        self.resize_found(found, frames)?;
        Ok(found.word.frames_field())
    }

    /// Whether a block of exactly so many frames of `owner` starts at `address`.
    pub(crate) fn has(&self, address: PhysAddr, frames: u64, owner: Owner) -> bool {
        self.found(address).is_ok_and(|found| found.word == Word::allocated(frames, owner))
    }

    /// As [`resize`](Self::resize), for a block of exactly `had` frames of `owner`.
    pub(crate) fn resize_from(
        &self,
        address: PhysAddr,
        had: u64,
        frames: u64,
        owner: Owner,
    ) -> Result<(), ResizeError> {
        let found = self.found(address).map_err(ResizeError::NotAllocated)?;
        // What it is expected to be is what the swap checks.
        self.resize_found(Found { word: Word::allocated(had, owner), ..found }, frames)
    }

    /// Takes back a block of exactly `frames` frames of `owner`.
    ///
    /// # Errors
    ///
    /// No such block starts there. Nothing has changed then.
    pub(crate) fn free_exactly(&self, address: PhysAddr, frames: u64, owner: Owner) -> Result<(), FreeError> {
        let Found { head, first, cell, .. } = self.found(address)?;
        let word = Word::allocated(frames, owner);
        self.cpu().pinned(|core| {
            let stack = core.and_then(|core| self.stack_for(core, first, word));
            if let Some((stack, room)) = stack.and_then(|stack| Some((stack, stack.room()?))) {
                if cell.swap(word, stack.mark()) {
                    self.cpu().freed(span(head, frames));
                    room.fill(first);
                    return Ok(());
                }
            } else if cell.swap(word, Word::PART) {
                self.give_up(first, frames);
                return Ok(());
            }
            Err(self.why_not(head))
        })
    }

    fn found(&self, address: PhysAddr) -> Result<Found<'a>, FreeError> {
        let head = Frame::starting_at(address).ok_or(FreeError::Misaligned { address })?;
        let (first, cell) = self.map().find(head).ok_or_else(|| self.why_not(head))?;
        Ok(Found { head, first, cell, word: cell.load() })
    }

    fn resize_found(&self, found: Found<'a>, frames: u64) -> Result<(), ResizeError> {
        let order = Order::holding(frames).filter(|_| frames > 0);
        let order = order.ok_or(ResizeError::BadSize { frames })?;
        if frames <= found.word.frames_field() {
            return self.shrink(found, frames);
        }
        if !found.head.is_aligned(order) {
            return Err(ResizeError::Misaligned { address: found.head.start(), frames });
        }
        self.grow(found, frames)
    }

    fn shrink(&self, found: Found<'a>, frames: u64) -> Result<(), ResizeError> {
        // Pinned from the swap on: frames that are nowhere are missed by who looks for the last ones.
        self.cpu().pinned(|_| {
            if !found.cell.swap(found.word, Word::allocated(frames, found.word.owner())) {
                return Err(ResizeError::NotAllocated(self.why_not(found.head)));
            }
            if !planted(Bug::ShrinkLosesTail) {
                self.give_up(found.first.plus(frames), found.word.frames_field() - frames);
            }
            Ok(())
        })
    }

    fn grow(&self, found: Found<'a>, frames: u64) -> Result<(), ResizeError> {
        let had = found.word.frames_field();
        let (behind, wanted) = (found.first.plus(had), frames - had);
        self.cpu().pinned(|core| {
            self.ask(core, wanted)?;
            let zone = self.zone_of(found.head);
            let mut zone = self.locked(zone, core).ok_or(ResizeError::Busy)?;
            let taken = self.take_run(&mut zone, behind, wanted);
            let is_whole = taken == wanted || planted(Bug::GrowthOverlaps);
            if is_whole && found.cell.swap(found.word, Word::allocated(frames, found.word.owner())) {
                return Ok(());
            }
            zone.give(behind, taken);
            if is_whole {
                return Err(ResizeError::NotAllocated(self.why_not(found.head)));
            }
            let address = found.head.plus(had + taken).start();
            Err(ResizeError::NotFree { address, found: self.state(address) })
        })
    }

    /// Takes the frames from `first` on out of their zone, block by block, until one is not free; says how many.
    fn take_run(&self, zone: &mut Zone<'_>, first: Entry, frames: u64) -> u64 {
        let mut taken = 0;
        while let Some(order) = first.frame().plus(taken).largest_block(frames - taken) {
            let block = first.plus(taken);
            if zone.take_at(block.frame(), order).is_none() || !self.is_usable(block, order) {
                break;
            }
            taken += order.frames();
        }
        taken
    }

    /// Gives a zone frames of a block that are in one piece and no heads, or leaves them to whoever holds it.
    fn give_up(&self, first: Entry, frames: u64) {
        self.cpu().freed(span(first.frame(), frames));
        let zone = self.zone_of(first.frame());
        if let Some(mut locked) = self.try_locked(zone) {
            return locked.give(first, frames);
        }
        // In blocks that are aligned, for the map to describe them meanwhile.
        let (mut first, mut left) = (first, frames);
        while let Some(order) = first.frame().largest_block(left) {
            self.postpone(zone, Run { first, frames: order.frames() }, order.frames());
            first = first.plus(order.frames());
            left -= order.frames();
        }
    }
}
