//! The ring in RAM that a debugger reads and writes: the way out of a board that has no serial port.
//!
//! A debugger that reads through a core sees what that core sees. One that reads past the caches of all cores would see old
//! bytes, for nothing here writes lines back.

use crate::persist::{self, Ring};

/// The ring.
pub(super) struct Ram(&'static Ring);

impl Ram {
    /// A cold boot has opened it.
    pub(super) fn take() -> Self {
        Self(persist::ring())
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// There is room, as the caller has seen.
    pub(super) fn write(&self, byte: u8) {
        self.0.send(byte);
    }

    pub(super) fn read(&self) -> Option<u8> {
        self.0.receive()
    }
}
