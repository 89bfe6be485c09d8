//! The Samsung serial port, on top of QEMU's PL011.
//!
//! Bytes go to the PL011 at once; how full the port's own FIFO would still be follows from the line's rate. Both FIFOs
//! hold 256 bytes. Only accesses of 32 bits are answered: others end as an SError, which is the caller's to raise.

use crate::Hardware;
use crate::map::qemu;

/// How many bytes each FIFO holds.
const DEPTH: u64 = 256;
/// Bits on the line for each byte: a start bit, eight of data, a stop bit.
const BITS: u64 = 10;

/// Offsets of registers.
mod register {
    pub(super) const UTRSTAT: u64 = 0x10;
    pub(super) const UERSTAT: u64 = 0x14;
    pub(super) const UFSTAT: u64 = 0x18;
    pub(super) const UTXH: u64 = 0x20;
    pub(super) const URXH: u64 = 0x24;
}

/// The PL011's data and flag registers (Arm DDI 0183, §3.3).
mod pl011 {
    pub(super) const DATA: u64 = 0;
    pub(super) const FLAGS: u64 = 0x18;
    pub(super) const RECEIVE_EMPTY: u64 = 1 << 4;
    pub(super) const TRANSMIT_FULL: u64 = 1 << 5;
}

/// The port.
#[derive(Debug)]
pub struct Uart {
    /// What was written to registers that do nothing here: line control, divisors, interrupt masks.
    kept: [u32; 16],
    /// Ticks that a byte takes on the line; 0 on one without a limit.
    byte_ticks: u64,
    /// When the last byte of the FIFO will have left.
    idle_at: u64,
    received: [u8; DEPTH as usize],
    /// How many bytes came in, and how many of them were read: both only grow.
    came: u64,
    pub(crate) taken: u64,
    pub(crate) sent: u64,
    pub(crate) overrun: u64,
    dies_after: u64,
}

impl Uart {
    /// A port at `baud` bits a second that falls silent after `dies_after` bytes; a boot loader has set it up.
    #[must_use]
    pub fn new(baud: u64, timer_hz: u64, dies_after: u64) -> Self {
        let mut kept = [0; 16];
        // 8N1; FIFOs on; and divisors of some clock or other.
        for (offset, value) in [(0x0, 3), (0x4, 0x5), (0x8, 1), (0x28, 4), (0x2c, 2)] {
            if let Some(place) = kept.get_mut(offset / 4) {
                *place = value;
            }
        }
        Self {
            kept,
            byte_ticks: (timer_hz * BITS).checked_div(baud).unwrap_or_default(),
            idle_at: 0,
            received: [0; DEPTH as usize],
            came: 0,
            taken: 0,
            sent: 0,
            overrun: 0,
            dies_after,
        }
    }

    /// Reads the register at `offset`.
    pub fn read(&mut self, offset: u64, now: u64, hardware: &mut impl Hardware) -> u32 {
        self.listen(hardware);
        let (waiting, leaving) = (self.came - self.taken, self.leaving(now));
        match offset {
            register::UTRSTAT => {
                u32::from(waiting > 0) | u32::from(leaving < DEPTH) << 1 | u32::from(leaving == 0) << 2
            }
            register::UFSTAT => level(waiting) | level(leaving) << 16,
            // Nothing goes wrong on this line, and what was sent cannot be read.
            register::UERSTAT | register::UTXH => 0,
            register::URXH => self.take(),
            _ => self.kept.get((offset / 4) as usize).copied().unwrap_or_default(),
        }
    }

    /// Writes it.
    pub fn write(&mut self, offset: u64, value: u32, now: u64, hardware: &mut impl Hardware) {
        match offset {
            register::UTXH => self.send(value as u8, now, hardware),
            register::UTRSTAT | register::UERSTAT | register::UFSTAT | register::URXH => {}
            _ => {
                if let Some(place) = self.kept.get_mut((offset / 4) as usize) {
                    *place = value;
                }
            }
        }
    }

    const fn is_dead(&self) -> bool {
        self.sent >= self.dies_after
    }

    fn leaving(&self, now: u64) -> u64 {
        self.idle_at.saturating_sub(now).div_ceil(self.byte_ticks.max(1))
    }

    fn send(&mut self, byte: u8, now: u64, hardware: &mut impl Hardware) {
        if self.leaving(now) >= DEPTH {
            self.overrun += 1;
            return;
        }
        self.idle_at = self.idle_at.max(now) + self.byte_ticks;
        if !self.is_dead() {
            while hardware.read(qemu::UART + pl011::FLAGS, 4) & pl011::TRANSMIT_FULL != 0 {}
            hardware.write(qemu::UART + pl011::DATA, 4, u64::from(byte));
        }
        self.sent += 1;
    }

    /// Takes what has come; what does not fit stays in the PL011, and with the host behind it.
    fn listen(&mut self, hardware: &mut impl Hardware) {
        while self.came - self.taken < DEPTH
            && hardware.read(qemu::UART + pl011::FLAGS, 4) & pl011::RECEIVE_EMPTY == 0
        {
            let byte = hardware.read(qemu::UART + pl011::DATA, 4) as u8;
            if self.is_dead() {
                continue;
            }
            if let Some(place) = self.received.get_mut((self.came % DEPTH) as usize) {
                *place = byte;
            }
            self.came += 1;
        }
    }

    fn take(&mut self) -> u32 {
        if self.came == self.taken {
            return 0;
        }
        let byte = self.received.get((self.taken % DEPTH) as usize).copied().unwrap_or_default();
        self.taken += 1;
        u32::from(byte)
    }
}

/// How full a FIFO is, as UFSTAT says it: a count of eight bits, and above it that it is full.
fn level(bytes: u64) -> u32 {
    if bytes >= DEPTH { 1 << 8 } else { bytes as u32 }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::collections::VecDeque;
    use std::vec::Vec;

    const HZ: u64 = 24_576_000;
    const BAUD: u64 = 3_000_000;
    /// Ticks for a byte at that rate.
    const BYTE: u64 = 81;

    #[derive(Default)]
    struct Pl011 {
        sent: Vec<u8>,
        coming: VecDeque<u8>,
    }

    impl Hardware for Pl011 {
        fn read(&mut self, address: u64, _: u8) -> u64 {
            match address - qemu::UART {
                pl011::FLAGS => u64::from(self.coming.is_empty()) << 4,
                _ => u64::from(self.coming.pop_front().unwrap()),
            }
        }

        fn write(&mut self, _: u64, _: u8, value: u64) {
            self.sent.push(value as u8);
        }
    }

    #[test]
    fn the_fifo_fills_is_full_at_256_and_empties_with_the_line() {
        let (mut uart, mut line) = (Uart::new(BAUD, HZ, u64::MAX), Pl011::default());
        let status = |uart: &mut Uart, line: &mut Pl011, now| uart.read(0x18, now, line);
        for byte in 0..255 {
            uart.write(0x20, byte, 0, &mut line);
        }
        assert_eq!(status(&mut uart, &mut line, 0), 255 << 16);
        uart.write(0x20, 255, 0, &mut line);
        assert_eq!(status(&mut uart, &mut line, 0), 1 << 24, "full: the count does not hold 256");
        uart.write(0x20, 7, 0, &mut line);
        assert_eq!((line.sent.len(), uart.overrun), (256, 1), "what is sent to a full FIFO is lost");
        assert_eq!(status(&mut uart, &mut line, BYTE), 255 << 16);
        assert_eq!(uart.read(0x10, 256 * BYTE, &mut line), 0b110, "empty again");
    }

    #[test]
    fn what_comes_is_counted_and_read_in_order() {
        let (mut uart, mut line) = (Uart::new(BAUD, HZ, u64::MAX), Pl011::default());
        line.coming.extend((0..300).map(|byte| byte as u8));
        assert_eq!(uart.read(0x18, 0, &mut line) & 0x1ff, 1 << 8, "full");
        for byte in 0..300 {
            assert_eq!(uart.read(0x24, 0, &mut line), byte & 0xff);
        }
        assert_eq!(uart.read(0x18, 0, &mut line) & 0x1ff, 0);
        assert_eq!(uart.read(0x24, 0, &mut line), 0);
    }

    #[test]
    fn a_port_that_dies_says_and_hears_nothing_any_more() {
        let (mut uart, mut line) = (Uart::new(0, HZ, 2), Pl011::default());
        line.coming.push_back(1);
        assert_eq!(uart.read(0x24, 0, &mut line), 1);
        for byte in 0..4 {
            uart.write(0x20, byte, 0, &mut line);
        }
        line.coming.push_back(2);
        assert_eq!(uart.read(0x18, 0, &mut line), 0);
        assert_eq!(line.sent, [0, 1]);
    }

    #[test]
    fn the_boot_loaders_settings_are_kept_until_others_are_written() {
        let (mut uart, mut line) = (Uart::new(BAUD, HZ, u64::MAX), Pl011::default());
        assert_eq!((uart.read(0x0, 0, &mut line), uart.read(0x28, 0, &mut line)), (3, 4));
        uart.write(0x28, 12, 0, &mut line);
        assert_eq!(uart.read(0x28, 0, &mut line), 12);
    }
}
