//! The power management unit: read by loads, written only by a call to the secure monitor.

use crate::block::End;
use crate::file::File;

/// The call, and what it does.
pub const CALL: u64 = 0x8200_0504;
const READ: u64 = 0;
const WRITE: u64 = 1;
const MODIFY: u64 = 2;
/// What the call returns for what it does not do.
const INVALID: u64 = (-22_i64).cast_unsigned();

/// Offsets of registers that do something.
mod register {
    /// What the next boot is to be: the boot loader's own mode, or the system's.
    pub(super) const SYSIP_DAT0: u64 = 0x0810;
    pub(super) const SYSTEM_CONFIGURATION: u64 = 0x3a00;
    pub(super) const RST_STAT: u64 = 0x3b44;
    pub(super) const PAD_CTRL_PWR_HOLD: u64 = 0x3e9c;
}
const SOFTWARE_RESET: u32 = 1 << 1;
const HOLD: u32 = 1 << 8;

/// Above this offset, and not at all for two registers, there are no aliases that set or clear one bit.
const ALIASED: u64 = 0x4000;
const SET: u64 = 0xc000;
const CLEAR: u64 = 0x8000;
const SIZE: u64 = 0x1_0000;

/// The unit.
#[derive(Debug)]
pub struct Pmu {
    base: u64,
    registers: File,
}

impl Pmu {
    /// After a reset of this kind, with what the last boot has left.
    #[must_use]
    pub fn new(base: u64, reset_status: u32, boot_mode: u32) -> Self {
        let mut registers = File::default();
        registers.write(register::RST_STAT, reset_status);
        registers.write(register::SYSIP_DAT0, boot_mode);
        registers.write(register::PAD_CTRL_PWR_HOLD, HOLD);
        Self { base, registers }
    }

    /// Reads the register at `offset`.
    #[must_use]
    pub fn read(&self, offset: u64) -> u32 {
        self.registers.read(offset)
    }

    /// What the next boot is to be.
    #[must_use]
    pub fn boot_mode(&self) -> u32 {
        self.read(register::SYSIP_DAT0)
    }

    /// The secure monitor's call: what it returns, and how the machine ends if it does.
    pub fn call(&mut self, [address, what, first, second]: [u64; 4]) -> (u64, Option<End>) {
        let offset = address.wrapping_sub(self.base);
        if offset >= SIZE || !offset.is_multiple_of(4) {
            return (INVALID, None);
        }
        match what {
            READ => (u64::from(self.read(offset)), None),
            WRITE => (0, self.write(offset, first as u32)),
            MODIFY => {
                let (mask, value) = (first as u32, second as u32);
                (0, self.write(offset, self.read(offset) & !mask | value & mask))
            }
            _ => (INVALID, None),
        }
    }

    fn write(&mut self, offset: u64, value: u32) -> Option<End> {
        let (real, value) = match offset & SET {
            SET => (offset % ALIASED, self.read(offset % ALIASED) | 1 << (value & 31)),
            CLEAR => (offset % ALIASED, self.read(offset % ALIASED) & !(1 << (value & 31))),
            _ => (offset, value),
        };
        self.registers.write(real, value);
        match real {
            register::SYSTEM_CONFIGURATION if value & SOFTWARE_RESET != 0 => Some(End::WarmReset),
            register::PAD_CTRL_PWR_HOLD if value & HOLD == 0 => Some(End::PowerOff),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x1746_0000;

    #[test]
    fn a_reset_to_the_boot_loader_is_two_calls() {
        let mut pmu = Pmu::new(BASE, 1, 0);
        assert_eq!(pmu.read(0x3b44), 1);
        assert_eq!(pmu.call([BASE + 0x810, 2, 0xff, 0xfc]), (0, None));
        assert_eq!(pmu.call([BASE + 0x3a00, 2, 2, 2]), (0, Some(End::WarmReset)));
        assert_eq!(pmu.boot_mode(), 0xfc);
    }

    #[test]
    fn letting_go_of_the_power_switches_off() {
        let mut pmu = Pmu::new(BASE, 0, 0);
        assert_eq!(pmu.call([BASE + 0x3e9c, 2, 0x100, 0x100]), (0, None));
        assert_eq!(pmu.call([BASE + 0x3e9c, 2, 0x100, 0]), (0, Some(End::PowerOff)));
    }

    #[test]
    fn aliases_set_and_clear_one_bit() {
        let mut pmu = Pmu::new(BASE, 0, 0);
        pmu.call([BASE + 0xc000 + 0x1220, 1, 8, 0]);
        assert_eq!(pmu.read(0x1220), 1 << 8);
        pmu.call([BASE + 0x8000 + 0x1220, 1, 8, 0]);
        assert_eq!(pmu.call([BASE + 0x1220, 0, 0, 0]), (0, None));
    }

    #[test]
    fn what_is_no_register_is_refused() {
        let mut pmu = Pmu::new(BASE, 0, 0);
        for (address, what) in [(BASE - 4, 1), (BASE + SIZE, 1), (BASE + 2, 1), (BASE, 3)] {
            assert_eq!(pmu.call([address, what, 0, 0]).0.cast_signed(), -22);
        }
    }
}
