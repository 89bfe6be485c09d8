//! What is noted in memory that outlives a reset, because no host hears it: the serial port is off, nobody is at its other
//! end, or it takes no bytes any more. A host that comes later is told, by this boot or by the next one that it hears.
//!
//! The lock comes before the link's. A core that finds it taken notes nothing: it may be its own, of a moment before the
//! exception that it is in.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | nobody else uses the memory | it is reserved, by the tree or by what is known of the system on chip | `host-runner/tests/attack/alone.rs` |
//! | what is noted is in memory, not in a cache, when the machine is reset | it is mapped as device memory | – (an emulator has no such caches) |

#![expect(unsafe_code, reason = "takes over the memory of the notes")]

use core::{
    fmt,
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use safe_mmio::{UniqueMmioPointer, fields::ReadPureWrite};
use spin::Mutex;
use wire::notes::{Notes, Words};

use crate::{boot, interrupts, layout, link, persist, screen};

static NOTES: Mutex<Option<Notes<Kept>>> = Mutex::new(None);

/// Whether there are notes that no host has heard of: of an earlier boot, or of this one while it was alone.
static OWED: AtomicBool = AtomicBool::new(false);

/// Memory that outlives a reset.
struct Kept(UniqueMmioPointer<'static, [ReadPureWrite<u32>]>);

impl Words for Kept {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn load(&self, place: usize) -> u32 {
        (*self.0).get(place).map_or(0, |word| word.read())
    }

    fn store(&mut self, place: usize, value: u32) {
        if let Some(mut word) = self.0.get(place) {
            word.write(value);
        }
    }
}

/// Takes over the notes, where the machine has memory for them.
pub(crate) fn open() {
    let Some(range) = boot::machine().notes else { return };
    let words = (layout::DEVICES + range.start().0) as usize;
    let words = core::ptr::with_exposed_provenance_mut::<ReadPureWrite<u32>>(words);
    let words = core::ptr::slice_from_raw_parts_mut(words, (range.size() / 4) as usize);
    let Some(words) = NonNull::new(words) else { unreachable!("devices are mapped in the upper half") };
    // SAFETY: the range is reserved for this, mapped as device memory, and this is called once per start.
    let notes = Notes::open(Kept(unsafe { UniqueMmioPointer::new(words) }));
    let is_of_a_restart = boot::restarts() > 0 && !persist::is_alone();
    OWED.store(!is_of_a_restart && !notes.is_empty(), Relaxed);
    *NOTES.lock() = Some(notes);
}

/// Notes a line, and shows it where there is a screen, if no host hears what is said.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    if link::is_heard() {
        return;
    }
    interrupts::without(|| {
        if let Some(Some(notes)) = NOTES.try_lock().as_deref_mut() {
            notes.add(text);
            OWED.store(true, Relaxed);
        }
    });
    screen::show(text);
}

/// Tells the host what was noted while none was there, and forgets it.
pub(crate) fn tell() {
    if !OWED.swap(false, Relaxed) {
        return;
    }
    interrupts::without(|| {
        if let Some(Some(notes)) = NOTES.try_lock().as_deref_mut() {
            notes.for_each(|line| defmt::warn!("noted while nobody heard: {=str}", line));
            notes.clear();
        }
    });
}
