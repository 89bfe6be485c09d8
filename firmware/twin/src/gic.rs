//! The phone's interrupt controller on top of QEMU's, as software outside the secure world sees it.
//!
//! On the phone group 0 belongs to the secure world (GICD_CTLR.DS = 0), so of the registers that the two worlds share
//! the firmware sees its own half (GIC architecture §4.8). QEMU's controller has one world only; here its group 0 is
//! the monitor's, which has one interrupt of each core in it: the hypervisor's timer.

use crate::map::{GICD, GICR, GICR_STRIDE, qemu};
use crate::{Hardware, affinity};

/// The hypervisor timer's interrupt, which is the monitor's.
pub const OWN: u32 = 26;
const OWN_BIT: u64 = 1 << OWN;

/// Offsets that the two halves of the controller share (§12.9, §12.11).
mod register {
    pub(super) const GROUP: core::ops::Range<u64> = 0x80..0x100;
    /// Sets and clears of enabled, pending and active: a bit for each interrupt.
    pub(super) const BITS: core::ops::Range<u64> = 0x100..0x400;
    pub(super) const PRIORITY_OF_OWN: u64 = 0x400 + 24;
    pub(super) const CONTROL: u64 = 0;
    pub(super) const TYPE: u64 = 4;
    pub(super) const ROUTES: core::ops::Range<u64> = 0x6000..0x8000;
    pub(super) const REDISTRIBUTOR_TYPE: u64 = 8;
    pub(super) const MODIFIER: core::ops::Range<u64> = 0xd00..0xd80;
}
/// The second frame of a redistributor: private interrupts.
const PRIVATE: u64 = 0x1_0000;

/// GICD_CTLR with one world: both groups on, affinity routing.
const BOTH_GROUPS: u64 = 0b1_0011;
/// GICD_CTLR as the world outside sees it: its group on, and affinity routing.
const GROUP_1: u64 = 1 << 1;
const ROUTING: u64 = 1 << 4;
/// GICD_TYPER: 960 shared interrupts, two security worlds.
const LINES: u64 = 30;
const TWO_WORLDS: u64 = 1 << 10;

/// Gives all interrupts to the firmware but the monitor's own.
pub fn prepare(hardware: &mut impl Hardware) {
    for word in 1..32 {
        hardware.write(qemu::GICD + register::GROUP.start + 4 * word, 4, u64::from(u32::MAX));
    }
    hardware.write(qemu::GICD + register::CONTROL, 4, ROUTING | 1);
}

/// The same for the private interrupts of a core, and turns the monitor's own on.
pub fn prepare_core(core: usize, hardware: &mut impl Hardware) {
    let frame = qemu::GICR + core as u64 * GICR_STRIDE + PRIVATE;
    hardware.write(frame + register::GROUP.start, 4, u64::from(u32::MAX) & !OWN_BIT);
    hardware.write(frame + register::PRIORITY_OF_OWN, 4, 0);
    hardware.write(frame + register::BITS.start, 4, OWN_BIT);
}

/// Reads a register at one of the phone's addresses.
pub fn read(address: u64, bytes: u8, hardware: &mut impl Hardware) -> u64 {
    if GICD.contains(&address) {
        read_distributor(address - GICD.start, bytes, hardware)
    } else {
        read_redistributor(address - GICR.start, bytes, hardware)
    }
}

/// Writes it.
pub fn write(address: u64, bytes: u8, value: u64, hardware: &mut impl Hardware) {
    if GICD.contains(&address) {
        write_distributor(address - GICD.start, bytes, value, hardware);
    } else {
        write_redistributor(address - GICR.start, bytes, value, hardware);
    }
}

fn read_distributor(offset: u64, bytes: u8, hardware: &mut impl Hardware) -> u64 {
    if is_secure(offset) {
        return 0;
    }
    let value = hardware.read(qemu::GICD + offset, bytes);
    match offset {
        register::CONTROL => value & (1 << 31 | ROUTING) | (value & 0b10),
        register::TYPE => value & !0x41f | LINES | TWO_WORLDS,
        _ if register::ROUTES.contains(&offset) && bytes == 8 => affinity::phone((value & 0xff) as usize),
        _ => value,
    }
}

fn write_distributor(offset: u64, bytes: u8, value: u64, hardware: &mut impl Hardware) {
    let value = match offset {
        _ if is_secure(offset) => return,
        register::CONTROL if value & GROUP_1 != 0 => BOTH_GROUPS,
        register::CONTROL => ROUTING | 1,
        _ if register::ROUTES.contains(&offset) && bytes == 8 => match affinity::core(value & 0xff_00ff_ffff)
        {
            Some(core) => core as u64,
            None => return,
        },
        _ => value,
    };
    hardware.write(qemu::GICD + offset, bytes, value);
}

fn read_redistributor(offset: u64, bytes: u8, hardware: &mut impl Hardware) -> u64 {
    let (core, register) = (offset / GICR_STRIDE, offset % GICR_STRIDE);
    let is_private = register >= PRIVATE;
    if is_private && is_secure(register - PRIVATE) {
        return 0;
    }
    let value = hardware.read(qemu::GICR + offset, bytes);
    match (register, bytes) {
        (register::REDISTRIBUTOR_TYPE, 8) => value & 0xffff_ffff | affinity::phone(core as usize) << 32,
        (HIGH_HALF_OF_TYPE, _) => affinity::phone(core as usize),
        _ if is_private && register::BITS.contains(&(register - PRIVATE)) => value & !OWN_BIT,
        _ => value,
    }
}

const HIGH_HALF_OF_TYPE: u64 = register::REDISTRIBUTOR_TYPE + 4;

fn write_redistributor(offset: u64, bytes: u8, value: u64, hardware: &mut impl Hardware) {
    let register = offset % GICR_STRIDE;
    let mut value = value;
    if let Some(private) = register.checked_sub(PRIVATE) {
        if is_secure(private) {
            return;
        }
        if register::BITS.contains(&private) {
            value &= !OWN_BIT;
        }
        if private == register::PRIORITY_OF_OWN {
            // The byte of the monitor's own interrupt.
            value &= !(0xff << (OWN % 4 * 8));
        }
    }
    hardware.write(qemu::GICR + offset, bytes, value);
}

/// Which group an interrupt belongs to is the secure world's to say.
fn is_secure(offset: u64) -> bool {
    register::GROUP.contains(&offset) || register::MODIFIER.contains(&offset)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Registers(BTreeMap<u64, u64>);

    impl Hardware for Registers {
        fn read(&mut self, address: u64, _: u8) -> u64 {
            self.0.get(&address).copied().unwrap_or_default()
        }

        fn write(&mut self, address: u64, _: u8, value: u64) {
            self.0.insert(address, value);
        }
    }

    #[test]
    fn the_firmware_turns_its_group_on_and_cannot_turn_the_monitors_off() {
        let mut qemu = Registers::default();
        prepare(&mut qemu);
        assert_eq!(read(GICD.start, 4, &mut qemu), ROUTING);
        write(GICD.start, 4, 0b1_0010, &mut qemu);
        assert_eq!((qemu.0[&qemu::GICD], read(GICD.start, 4, &mut qemu)), (0b1_0011, 0b1_0010));
        write(GICD.start, 4, 0, &mut qemu);
        assert_eq!(qemu.0[&qemu::GICD] & 1, 1);
    }

    #[test]
    fn groups_are_not_the_firmwares_to_see_or_change() {
        let mut qemu = Registers::default();
        prepare_core(3, &mut qemu);
        let groups = GICR.start + 3 * GICR_STRIDE + 0x1_0080;
        write(groups, 4, 0xffff_ffff, &mut qemu);
        assert_eq!(read(groups, 4, &mut qemu), 0);
        assert_eq!(qemu.0[&(qemu::GICR + 3 * GICR_STRIDE + 0x1_0080)], 0xfbff_ffff);
    }

    #[test]
    fn the_monitors_interrupt_is_hidden() {
        let mut qemu = Registers::default();
        prepare_core(0, &mut qemu);
        let enable = GICR.start + 0x1_0100;
        assert_eq!(read(enable, 4, &mut qemu), 0);
        write(GICR.start + 0x1_0180, 4, 0xffff_ffff, &mut qemu);
        assert_eq!(qemu.0[&(qemu::GICR + 0x1_0180)], 0xfbff_ffff, "cannot be cleared");
        write(GICR.start + 0x1_0418, 4, 0x8080_8080, &mut qemu);
        assert_eq!(qemu.0[&(qemu::GICR + 0x1_0418)], 0x8000_8080);
    }

    #[test]
    fn affinities_are_the_phones() {
        let mut qemu = Registers::default();
        qemu.0.insert(qemu::GICR + 5 * GICR_STRIDE + 8, 5 << 32 | 5 << 8);
        assert_eq!(read(GICR.start + 5 * GICR_STRIDE + 8, 8, &mut qemu), 0x500 << 32 | 5 << 8);
        assert_eq!(read(GICR.start + 5 * GICR_STRIDE + 12, 4, &mut qemu), 0x500);
        write(GICD.start + 0x6100, 8, 0x700, &mut qemu);
        assert_eq!((qemu.0[&(qemu::GICD + 0x6100)], read(GICD.start + 0x6100, 8, &mut qemu)), (7, 0x700));
    }
}
