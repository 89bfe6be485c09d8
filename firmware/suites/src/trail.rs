//! What the arenas of a scenario were like when they ended, as one number for the whole scenario.
//!
//! An arena whose [course](crate::arena::Course) is fixed does the same on every machine, so whoever runs a scenario with
//! [`perform`] has its digest compared with the host's, without a word of the scenario about it. A scenario adds what else
//! must be the same everywhere: a state in the midst of it, or what it has counted.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{Machine, Number, digest::Digest};

/// The scenario's digest so far; as before anything was added, if nothing was. The scenario's own core reads and writes it,
/// and no other.
static SO_FAR: AtomicU64 = AtomicU64::new(Digest::new().value());

/// Runs a scenario, and reports the digest that it ends with, if it has one, under this name.
///
/// # Panics
///
/// A promise is broken.
pub fn perform<M: Machine>(machine: &M, name: &str, scenario: impl FnOnce(&M)) {
    SO_FAR.store(Digest::new().value(), Relaxed);
    scenario(machine);
    let value = SO_FAR.load(Relaxed);
    if value != Digest::new().value() {
        machine.report(&Number::Digest { scenario: name, value });
    }
}

/// Adds to the scenario's digest what is the same wherever seed and budget are.
pub(crate) fn add(value: u64) {
    let mut digest = Digest::from_value(SO_FAR.load(Relaxed));
    digest.word(value);
    SO_FAR.store(digest.value(), Relaxed);
}
