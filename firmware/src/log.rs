//! `defmt` records, from any core and from inside any exception.
//!
//! Each core writes into a buffer of its own; a record goes out whole, as one frame of the link. A core that begins a
//! record inside another, because formatting took an exception, gets the next of a few buffers. What finds no buffer,
//! does not fit or cannot be sent is counted, and the count is sent with the verdict.
//!
//! The encoding is `defmt`'s raw one: the link's frames already say where a record ends and whether it is whole.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | a core's buffers are touched by that core alone, one context at a time | interrupts are masked from `acquire` to `release`; deeper contexts use deeper buffers | the log tests |

#![expect(unsafe_code, reason = "defmt's logger is an unsafe trait, and per-core buffers are cells")]

use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use machine::MAX_CORES;
use wire::MAX_BODY;

use crate::{cores::CoreId, interrupts, link};

/// A record, a record of an exception taken while writing it, and one more.
const DEPTH: usize = 3;

struct Record {
    /// The core's number and the frame.
    body: [u8; MAX_BODY],
    length: usize,
    /// False in a new record, so that all of them can lie in `.bss`.
    is_cut: bool,
    masks: u64,
}

impl Record {
    const fn new() -> Self {
        Self { body: [0; MAX_BODY], length: 0, is_cut: false, masks: 0 }
    }

    fn begin(&mut self, core: usize, masks: u64) {
        (self.length, self.is_cut, self.masks) = (0, false, masks);
        self.write(&[core as u8]);
    }

    fn write(&mut self, bytes: &[u8]) {
        match self.body.get_mut(self.length..self.length + bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.is_cut = true,
        }
    }

    fn send(&self) -> bool {
        !self.is_cut && self.body.get(..self.length).is_some_and(link::log)
    }
}

struct Desk {
    records: [Record; DEPTH],
    /// Records begun and not ended; may pass `DEPTH`.
    open: usize,
    /// Interrupt masks of the records beyond `DEPTH`: the outermost of them counts.
    masks: u64,
}

struct Desks([UnsafeCell<Desk>; MAX_CORES]);

// SAFETY: each core touches its own cell only, and never two contexts of it at a time.
unsafe impl Sync for Desks {}

static DESKS: Desks = Desks(
    [const { UnsafeCell::new(Desk { records: [const { Record::new() }; DEPTH], open: 0, masks: 0 }) };
        MAX_CORES],
);
static DROPPED: [AtomicU32; MAX_CORES] = [const { AtomicU32::new(0) }; MAX_CORES];

/// How many records of `core` were dropped since this was last asked.
pub(crate) fn take_dropped(core: CoreId) -> u32 {
    DROPPED.get(core.index()).map_or(0, |dropped| dropped.swap(0, Relaxed))
}

fn with_desk(work: impl FnOnce(&mut Desk, usize)) {
    let core = CoreId::current().index();
    if let Some(desk) = DESKS.0.get(core) {
        // SAFETY: interrupts are masked, so no other context of this core runs until `work` returns, unless `work`
        // takes an exception; that never returns to it.
        work(unsafe { &mut *desk.get() }, core);
    }
}

#[defmt::global_logger]
struct Logger;

// SAFETY: `acquire` masks interrupts until `release`; other cores have desks of their own.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        let masks = interrupts::masks();
        interrupts::mask();
        with_desk(|desk, core| {
            match desk.records.get_mut(desk.open) {
                Some(record) => record.begin(core, masks),
                None if desk.open == DEPTH => desk.masks = masks,
                None => {}
            }
            desk.open += 1;
        });
    }

    unsafe fn flush() {}

    unsafe fn release() {
        let mut masks = None;
        with_desk(|desk, core| {
            desk.open = desk.open.saturating_sub(1);
            let sent = desk.records.get(desk.open).is_some_and(Record::send);
            if let Some(dropped) = DROPPED.get(core).filter(|_| !sent) {
                dropped.fetch_add(1, Relaxed);
            }
            let beyond = (desk.open == DEPTH).then_some(desk.masks);
            masks = desk.records.get(desk.open).map(|record| record.masks).or(beyond);
        });
        if let Some(masks) = masks {
            interrupts::restore(masks);
        }
    }

    unsafe fn write(bytes: &[u8]) {
        with_desk(|desk, _| {
            let current = desk.open.wrapping_sub(1);
            if let Some(record) = desk.records.get_mut(current) {
                record.write(bytes);
            }
        });
    }
}
