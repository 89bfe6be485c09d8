//! What should not be given back, and what is said of it: once, with the right text, and nothing changes.

use alloc::string::ToString;
use core::{alloc::Layout, fmt, ptr::NonNull};

use framekeeper::{
    FreeError, PhysAddr,
    slabs::{Hardening, Misuse, ObjectAddr, Ticket},
};

use super::{
    super::{cell::Outcome, memory, promises::Event, texts, told::told},
    Scene,
};

impl<H: Hardening> Scene<'_, '_, H> {
    /// Gives back what should not be, in one of the ways that there are. What was reported, which is done just once, has
    /// the right text and changes nothing.
    pub(in crate::misuse) fn misuse(&mut self, start: NonNull<u8>, layout: Layout) -> Option<Misuse> {
        let before = (self.slabs().report(), self.slabs().reports());
        let misuse = match self.dice.below(3) {
            0 => memory::free(self.slabs(), start, layout).err(),
            1 => memory::free_to_heap(self.arena.heap, start, layout).err(),
            _ => {
                memory::dealloc(self.arena.heap, start, layout);
                let (times, misuse) = told();
                self.same((times, self.slabs().reports()), (misuse.iter().count() as u64, before.1 + times));
                misuse
            }
        };
        self.same(told(), (0, None));
        if let Some(misuse) = misuse {
            self.same(&self.slabs().report(), &before.0);
            self.says(&misuse, &texts::of_misuse(&misuse));
        }
        misuse
    }

    /// Gives back by its ticket what was given back before, and is another's by now. Whether that was refused, with the right
    /// text and without a change.
    pub(in crate::misuse) fn stale_ticket(&self, ticket: Ticket) -> bool {
        let before = self.slabs().report();
        let Err(misuse) = memory::free_ticket(self.slabs(), ticket) else { return false };
        let address = ObjectAddr(ticket.object().as_ptr().addr());
        let is_stale = matches!(misuse, Misuse::Stale { address: at, expected, found }
            if at == address && Some(expected) == ticket.turn() && found != expected);
        self.same((is_stale, self.slabs().report()), (true, before));
        self.says(&misuse, &texts::of_misuse(&misuse));
        true
    }

    /// As [`misuse`](Self::misuse), of what must be found out, and just so.
    pub(in crate::misuse) fn refused(&mut self, start: NonNull<u8>, layout: Layout, expected: Misuse) {
        let found = self.misuse(start, layout);
        self.same(found, Some(expected));
    }

    /// Gives back a block that should not be. What was reported has the right text and changes nothing.
    pub(in crate::misuse) fn misuse_block(&mut self, address: PhysAddr) -> Option<FreeError> {
        let before = self.arena.frames.free();
        let error = self.arena.frames.free_frame(address).err()?;
        self.same(self.arena.frames.free(), before);
        self.says(&error, &texts::of_free_error(&error));
        Some(error)
    }

    /// As [`misuse_block`](Self::misuse_block), of what must be found out, and just so.
    pub(in crate::misuse) fn refused_block(&mut self, address: PhysAddr, expected: FreeError) {
        let found = self.misuse_block(address);
        self.same(found, Some(expected));
    }

    /// What became of an object that was taken back although it should not be, once all comes to its slab. Beside what
    /// others have, so many are in use.
    pub(in crate::misuse) fn at_the_flush(&self, beside: u64) -> Outcome {
        let is_told = self.flush().is_some();
        let allocated = self.slabs().report().allocated();
        let is_right = allocated == self.held.len() as u64 + self.lost + beside;
        match is_told {
            true if is_right => Outcome::at(Event::Flush),
            true => Outcome::at(Event::Flush).ending(),
            false if is_right && self.slabs().verify().is_ok() => Outcome::NOTHING,
            false => Outcome::NOTHING.ending(),
        }
    }

    /// What the hook is told when magazines go to their slabs: once, and with the right text, or not at all.
    pub(in crate::misuse) fn flush(&self) -> Option<Misuse> {
        let before = self.slabs().reports();
        self.slabs().shrink();
        self.told_once(before)
    }

    /// What the hook was told since there were so many reports: once, and with the right text, or not at all.
    pub(in crate::misuse) fn told_once(&self, before: u64) -> Option<Misuse> {
        let (times, misuse) = told();
        self.same((times, self.slabs().reports() - before), (misuse.iter().count() as u64, times));
        if let Some(misuse) = misuse {
            self.says(&misuse, &texts::of_misuse(&misuse));
        }
        misuse
    }

    /// What a report is to say.
    pub(in crate::misuse) fn says(&self, report: &dyn fmt::Display, text: &str) {
        if report.to_string() != text {
            self.broken(format_args!("a report says \"{report}\" in place of \"{text}\""));
        }
    }
}
