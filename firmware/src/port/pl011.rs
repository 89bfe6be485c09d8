//! Arm's PL011, by the crate of that name.

#![expect(unsafe_code, reason = "gives the crate's driver the port's registers")]

use core::ptr::NonNull;

use arm_pl011_uart::{PL011Registers, Uart, UniqueMmioPointer};

/// The port.
pub(super) struct Pl011(Uart<'static>);

impl Pl011 {
    /// # Safety
    ///
    /// As for [`super::Port::serial`].
    pub(super) unsafe fn new(registers: u64) -> Self {
        let registers = core::ptr::with_exposed_provenance_mut::<PL011Registers>(registers as usize);
        let Some(registers) = NonNull::new(registers) else { unreachable!("nothing is mapped at address 0") };
        // SAFETY: the caller says that they are a PL011's, mapped as device memory, and used by nothing else.
        Self(Uart::new(unsafe { UniqueMmioPointer::new(registers) }))
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.is_tx_fifo_full()
    }

    pub(super) fn write(&mut self, byte: u8) {
        self.0.write_word(byte);
    }

    pub(super) fn read(&mut self) -> Option<u8> {
        loop {
            // A framing or parity error: the frame's checksum will tell.
            if let Ok(byte) = self.0.read_word() {
                return byte;
            }
        }
    }
}
