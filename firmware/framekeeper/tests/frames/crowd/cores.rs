//! Threads as cores. Who is pinned has the core's lock, so whoever takes that lock holds the core outside of it.

use super::super::{Mutex, thread_local};
use core::cell::Cell;
use framekeeper::{Asked, Core, CpuLocal};
use std::vec::Vec;

thread_local! {
    /// Where the thread runs: on a core, or where none can be pinned.
    static PLACE: Cell<Option<Core>> = const { Cell::new(None) };
}

thread_local! {
    /// How many requests of the thread are admitted before one is refused; none if none is.
    static ADMITTED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Of the thread's requests the one after so many is refused; or none is, from here on. Says whether one was still to be
/// refused.
#[cfg(not(shuttle))]
pub(crate) fn refuse_after(requests: Option<u64>) -> bool {
    ADMITTED.with(|admitted| admitted.replace(requests)).is_some()
}

/// From here on the thread is this core.
pub(crate) fn on_core(number: u8) {
    PLACE.with(|place| place.set(Some(Core::new(number))));
}

/// From here on the thread is in a handler that nothing can mask.
pub(crate) fn in_handler() {
    PLACE.with(|place| place.set(None));
}

fn place() -> Option<Core> {
    PLACE.with(Cell::get)
}

/// Cores of which each can hold all others.
#[derive(Debug)]
pub(crate) struct Cores {
    pins: Vec<Mutex<()>>,
    /// One holds the others at a time: two that held each other would wait for ever.
    holder: Mutex<()>,
}

impl Cores {
    pub(crate) fn new(count: u8) -> Self {
        Self { pins: (0..count).map(|_| Mutex::new(())).collect(), holder: Mutex::new(()) }
    }
}

impl CpuLocal for Cores {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        let place = place();
        let _pinned = place.map(|core| self.pins[core.index()].lock().unwrap());
        work(place)
    }

    fn hold_others(&self, mut work: impl FnMut(Core)) -> bool {
        let Some(own) = place() else { return false };
        let _holder = self.holder.lock().unwrap();
        for (pin, other) in self.pins.iter().zip(0..).filter(|(_, other)| *other != own.number()) {
            let _held = pin.lock().unwrap();
            work(Core::new(other));
        }
        true
    }

    fn admits(&self, _: &Asked) -> bool {
        let admitted = ADMITTED.with(Cell::get);
        ADMITTED.with(|left| left.set(admitted.and_then(|left| left.checked_sub(1))));
        admitted != Some(0)
    }
}
