//! Samsung's serial port, as in Exynos and Google's chips made from it.
//!
//! Its registers take accesses of 32 bits only: one of 8 bits to a data register is an SError on a Pixel 6 (Linux,
//! samsung_tty.c, `reg-io-width`). No crate drives it. Every access is one instruction of the plain addressing mode, as
//! `safe_mmio` makes them, which a monitor can emulate.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | every access has 32 bits | every register is an `u32` | the twin, where an access of 8 bits is an SError |

#![expect(unsafe_code, reason = "takes the port's registers over")]

use core::ptr::NonNull;

use safe_mmio::{
    UniqueMmioPointer, field, field_shared,
    fields::{ReadOnly, ReadPure, WriteOnly},
};

/// The registers that are used, and those between them.
#[repr(C)]
struct Registers {
    /// 0x00: line control; UCON, control.
    _control: [u32; 2],
    /// 0x08: UFCON, FIFO control.
    fifo_control: ReadPure<u32>,
    /// 0x0c: UMCON, modem control.
    _modem_control: u32,
    /// 0x10: UTRSTAT, transfer status.
    transfer_status: ReadPure<u32>,
    /// 0x14: UERSTAT, errors.
    _errors: u32,
    /// 0x18: UFSTAT, FIFO status.
    fifo_status: ReadPure<u32>,
    /// 0x1c: UMSTAT, modem status.
    _modem_status: u32,
    /// 0x20: UTXH.
    transmit: WriteOnly<u32>,
    /// 0x24: URXH. A read takes the byte.
    receive: ReadOnly<u32>,
}

/// UFCON: the FIFOs are in use.
const FIFO_ENABLED: u32 = 1 << 0;
/// UFSTAT: how many bytes have arrived, and that the FIFO for them is full, where the count may read as 0.
const ARRIVED: u32 = 0x1ff;
/// UFSTAT: there is no room for a byte to send.
const FIFO_FULL: u32 = 1 << 24;
/// UTRSTAT: a byte has arrived.
const RECEIVED: u32 = 1 << 0;
/// UTRSTAT: there is room for a byte to send.
const HAS_ROOM: u32 = 1 << 1;

/// The port.
pub(super) struct Samsung {
    registers: UniqueMmioPointer<'static, Registers>,
    /// Whether the boot loader turned the FIFOs on; without them another register tells what has arrived.
    has_fifos: bool,
}

impl Samsung {
    /// # Safety
    ///
    /// As for [`super::Port::serial`].
    pub(super) unsafe fn new(registers: u64) -> Self {
        let registers = core::ptr::with_exposed_provenance_mut::<Registers>(registers as usize);
        let Some(registers) = NonNull::new(registers) else { unreachable!("nothing is mapped at address 0") };
        // SAFETY: the caller says that they are such a port's, mapped as device memory, and used by nothing else.
        let registers = unsafe { UniqueMmioPointer::new(registers) };
        let has_fifos = field_shared!(registers, fifo_control).read() & FIFO_ENABLED != 0;
        Self { registers, has_fifos }
    }

    pub(super) fn is_full(&self) -> bool {
        if self.has_fifos {
            field_shared!(self.registers, fifo_status).read() & FIFO_FULL != 0
        } else {
            field_shared!(self.registers, transfer_status).read() & HAS_ROOM == 0
        }
    }

    pub(super) fn write(&mut self, byte: u8) {
        field!(self.registers, transmit).write(u32::from(byte));
    }

    /// A byte with a framing or parity error is taken as it is: the frame's checksum will tell.
    pub(super) fn read(&mut self) -> Option<u8> {
        let has_arrived = if self.has_fifos {
            field_shared!(self.registers, fifo_status).read() & ARRIVED != 0
        } else {
            field_shared!(self.registers, transfer_status).read() & RECEIVED != 0
        };
        let [byte, ..] = has_arrived.then(|| field!(self.registers, receive).read())?.to_le_bytes();
        Some(byte)
    }
}
