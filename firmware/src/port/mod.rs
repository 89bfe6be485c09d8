//! What bytes go out and come in by: a driver for each kind of serial port that a device tree can name, and a ring in RAM for
//! a debugger.
//!
//! A boot loader has set a serial line up, and its divisors are kept: the clock behind them is not in every device tree.

mod pl011;
mod ram;
mod samsung;

use machine::SerialKind;

use crate::clock::Deadline;
use pl011::Pl011;
use ram::Ram;
use samsung::Samsung;

/// How long the port may take no byte before it is given up. At 115200 baud an entire FIFO of 256 bytes is out in 23 ms;
/// the rest is for a host that an emulator waits for, and for a debugger that looks only now and then.
const PATIENCE_MS: u64 = 1000;

/// A way out and in.
pub(crate) struct Port {
    driver: Driver,
    /// It takes no bytes: whoever sends does not wait for it any more, and what does not fit is dropped. The host asks for
    /// what it misses, should the port come back.
    is_stuck: bool,
}

enum Driver {
    Pl011(Pl011),
    Samsung(Samsung),
    Ram(Ram),
}

impl Port {
    /// The ring in RAM.
    pub(crate) fn ram() -> Self {
        Self { driver: Driver::Ram(Ram::take()), is_stuck: false }
    }

    /// The serial port of this kind whose registers are mapped at `registers`.
    ///
    /// # Safety
    ///
    /// They are the registers of such a port, mapped as device memory for as long as this value is used, and nothing else
    /// uses them in that time.
    #[expect(unsafe_code, reason = "passes on what the caller vouches for")]
    pub(crate) unsafe fn serial(kind: SerialKind, registers: u64) -> Self {
        let driver = match kind {
            // SAFETY: the caller vouches for it.
            SerialKind::Pl011 => Driver::Pl011(unsafe { Pl011::new(registers) }),
            // SAFETY: likewise.
            SerialKind::Samsung => Driver::Samsung(unsafe { Samsung::new(registers) }),
        };
        Self { driver, is_stuck: false }
    }

    /// Sends a byte, when there is room for it; false if it was dropped.
    pub(crate) fn send(&mut self, byte: u8) -> bool {
        if self.is_full() && (self.is_stuck || !self.has_room_in_time()) {
            self.is_stuck = true;
            return false;
        }
        self.is_stuck = false;
        match &mut self.driver {
            Driver::Pl011(port) => port.write(byte),
            Driver::Samsung(port) => port.write(byte),
            Driver::Ram(port) => port.write(byte),
        }
        true
    }

    /// Whether it is a serial port.
    pub(crate) fn is_serial(&self) -> bool {
        !matches!(self.driver, Driver::Ram(_))
    }

    /// Whether it takes no bytes.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    /// The next byte that has arrived.
    pub(crate) fn receive(&mut self) -> Option<u8> {
        match &mut self.driver {
            Driver::Pl011(port) => port.read(),
            Driver::Samsung(port) => port.read(),
            Driver::Ram(port) => port.read(),
        }
    }

    fn is_full(&mut self) -> bool {
        match &mut self.driver {
            Driver::Pl011(port) => port.is_full(),
            Driver::Samsung(port) => port.is_full(),
            Driver::Ram(port) => port.is_full(),
        }
    }

    fn has_room_in_time(&mut self) -> bool {
        let deadline = Deadline::in_ms(PATIENCE_MS);
        while self.is_full() {
            if deadline.has_passed() {
                return false;
            }
            core::hint::spin_loop();
        }
        true
    }
}
