//! The debug port and its one access port (Arm Debug Interface, ADIv5.2): what comes in over two wires or four reads and writes
//! their registers, and through them the bus.

use super::bus::Bus;
use crate::gdb::GdbError;

/// The access port's registers.
const CSW: u8 = 0x00;
const TAR: u8 = 0x04;
const TAR_HIGH: u8 = 0x08;
const DRW: u8 = 0x0c;
/// Four words from the address on, down to a multiple of 16.
const BANKED: u8 = 0x10;
const BANKED_END: u8 = 0x1c;
const BASE: u8 = 0xf8;
const IDENTITY: u8 = 0xfc;

/// A memory access port to an APB.
const APB: u32 = 0x4477_0002;
/// There is no table of what is on the bus.
const NO_TABLE: u32 = 0xffff_ffff;

/// Of CSW: words, the device is there, and the address goes on after an access.
const WORDS: u32 = 0b010;
const DEVICE_ENABLED: u32 = 1 << 6;
const INCREMENT: u32 = 0b11 << 4;

/// Of CTRL/STAT: an access has failed; power, as it is asked for, and as it is there.
const FAILED: u32 = 1 << 5;
const POWER_ASKED: u32 = 1 << 28 | 1 << 30;

/// A debug port of version 1, by Arm.
const DEBUG_PORT: u32 = 0x2ba0_1477;

/// The ports.
#[derive(Debug)]
pub(super) struct Port {
    bus: Bus,
    select: u32,
    control: u32,
    access: u32,
    address: u32,
}

impl Port {
    /// Ports that lead to this bus.
    pub(super) const fn new(bus: Bus) -> Self {
        Self { bus, select: 0, control: 0, access: WORDS | DEVICE_ENABLED, address: 0 }
    }

    /// A register of the debug port.
    pub(super) const fn read(&self, register: u8) -> u32 {
        match (register, self.select & 0xf) {
            (0x0, _) => DEBUG_PORT,
            // Power is there when it is asked for.
            (0x4, 0) => self.control | (self.control & POWER_ASKED) << 1,
            _ => 0,
        }
    }

    /// Changes a register of the debug port; `abort` is one that the four wires reach on a way of its own.
    pub(super) const fn write(&mut self, register: u8, value: u32) {
        match (register, self.select & 0xf) {
            (0x4, 0) => {
                let failed = self.control & FAILED & !value;
                self.control = value & !FAILED | failed;
            }
            (0x8, _) => self.select = value,
            _ => {}
        }
    }

    /// Clears what has failed, where `value` says so (the register ABORT).
    pub(super) const fn abort(&mut self, value: u32) {
        if value & 1 << 2 != 0 {
            self.control &= !FAILED;
        }
    }

    /// Whether an access has failed, and none is made until that is cleared.
    pub(super) const fn has_failed(&self) -> bool {
        self.control & FAILED != 0
    }

    /// A register of the access port.
    pub(super) fn read_access(&mut self, register: u8) -> Result<u32, GdbError> {
        if self.has_failed() {
            return Ok(0);
        }
        let Some(register) = self.selected(register) else { return Ok(0) };
        Ok(match register {
            CSW => self.access,
            TAR => self.address,
            DRW => {
                let value = self.read_bus(self.address)?;
                self.advance();
                value
            }
            BANKED..=BANKED_END => self.read_bus(self.banked(register))?,
            BASE => NO_TABLE,
            IDENTITY => APB,
            _ => 0,
        })
    }

    /// Changes a register of the access port.
    pub(super) fn write_access(&mut self, register: u8, value: u32) -> Result<(), GdbError> {
        if self.has_failed() {
            return Ok(());
        }
        match self.selected(register) {
            Some(CSW) => self.access = value & !0b111 | WORDS | DEVICE_ENABLED,
            Some(TAR) => self.address = value,
            Some(TAR_HIGH) if value != 0 => self.control |= FAILED,
            Some(DRW) => {
                self.write_bus(self.address, value)?;
                self.advance();
            }
            Some(register @ BANKED..=BANKED_END) => self.write_bus(self.banked(register), value)?,
            _ => {}
        }
        Ok(())
    }

    /// The register that is meant in the bank that is selected; none of another access port.
    const fn selected(&self, register: u8) -> Option<u8> {
        match self.select >> 24 {
            0 => Some((self.select & 0xf0) as u8 | register & 0xc),
            _ => None,
        }
    }

    const fn banked(&self, register: u8) -> u32 {
        self.address & !0xf | register as u32 & 0xc
    }

    const fn advance(&mut self) {
        if self.access & INCREMENT != 0 {
            self.address = self.address.wrapping_add(4);
        }
    }

    fn read_bus(&mut self, address: u32) -> Result<u32, GdbError> {
        let value = self.bus.read(address)?;
        if value.is_none() {
            self.control |= FAILED;
        }
        Ok(value.unwrap_or_default())
    }

    fn write_bus(&mut self, address: u32, value: u32) -> Result<(), GdbError> {
        if !self.bus.write(address, value)? {
            self.control |= FAILED;
        }
        Ok(())
    }
}
