//! What tells an object from those that were at the same place before and will be there after it.
//!
//! An address does not: who gives an object back a second time, when somebody else has been handed it meanwhile, takes it
//! from him. At [`Debug`](super::Debug) each object that is handed out has a [`Turn`], which lies behind it, sealed; who keeps
//! a [`Ticket`] in place of an address gives back what he was handed or is told that it is another's.

#![expect(unsafe_code, reason = "takes back what callers say is theirs")]

use core::{
    alloc::Layout,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use super::{
    errors::{Misuse, ObjectError},
    hardening::{Hardening, Level},
    memory::DirectMap,
    objects::Slabs,
};
use crate::cpu::CpuLocal;

/// When an object was handed out: another number for each of 2^32 in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Turn(u32);

impl Turn {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(super) const fn bits(self) -> u64 {
        self.0 as u64
    }

    /// The turn in the lower half of a word.
    pub(super) const fn of_bits(bits: u64) -> Self {
        let [first, second, third, fourth, ..] = bits.to_le_bytes();
        Self(u32::from_le_bytes([first, second, third, fourth]))
    }
}

/// The turns of some slabs.
#[derive(Debug)]
pub(super) struct Turns(AtomicU32);

impl Turns {
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(1))
    }

    pub(super) fn next(&self) -> Turn {
        // Relaxed: each number is had once, and nothing else is told by it.
        Turn(self.0.fetch_add(1, Relaxed))
    }
}

/// An object that was handed out, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    object: NonNull<u8>,
    layout: Layout,
    turn: Option<Turn>,
}

impl Ticket {
    /// Where the object is.
    #[must_use]
    pub const fn object(self) -> NonNull<u8> {
        self.object
    }

    /// What it was asked for as.
    #[must_use]
    pub const fn layout(self) -> Layout {
        self.layout
    }

    /// When it was handed out; none below [`Level::Debug`].
    #[must_use]
    pub const fn turn(self) -> Option<Turn> {
        self.turn
    }
}

impl<C: CpuLocal, M: DirectMap, H: Hardening> Slabs<'_, C, M, H> {
    /// As [`alloc`](Self::alloc), with what tells the object from others.
    ///
    /// # Errors
    ///
    /// As `alloc`.
    #[inline]
    #[track_caller]
    pub fn alloc_ticket(&self, layout: Layout) -> Result<Ticket, ObjectError> {
        if H::LEVEL < Level::Debug {
            return Ok(Ticket { object: self.alloc(layout)?, layout, turn: None });
        }
        let turn = self.next_turn();
        Ok(Ticket { object: self.alloc_in_turn(None, layout, turn)?, layout, turn })
    }

    /// As [`free`](Self::free), of what a ticket was had for.
    ///
    /// # Errors
    ///
    /// As `free`; at [`Level::Debug`] also [`Misuse::Stale`], when somebody else has it by now.
    ///
    /// # Safety
    ///
    /// Below [`Level::Debug`] as for `free`. At `Debug`: if nobody has given the object back since, nobody uses it from here
    /// on.
    #[inline]
    #[track_caller]
    pub unsafe fn free_ticket(&self, ticket: Ticket) -> Result<(), Misuse> {
        if H::LEVEL < Level::Debug {
            // SAFETY: as the caller promises.
            return unsafe { self.free(ticket.object, ticket.layout) };
        }
        // SAFETY: as the caller promises.
        unsafe { self.free_otherwise(ticket.object, ticket.layout, ticket.turn) }
    }
}
