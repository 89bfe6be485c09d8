//! A core's number in its affinity: in the second byte on the phone, in the first one on QEMU.

use crate::CORES;

/// Bits of MPIDR_EL1 that are set on the phone: RES1, and that a core's lowest number would be its thread's.
const ALWAYS: u64 = 1 << 31 | 1 << 24;

/// MPIDR_EL1 of a core, as on the phone.
#[must_use]
pub const fn mpidr(core: usize) -> u64 {
    ALWAYS | phone(core)
}

/// The phone's affinity of a core.
#[must_use]
pub const fn phone(core: usize) -> u64 {
    (core as u64) << 8
}

/// The core of an affinity of the phone's, if there is one.
#[must_use]
pub const fn core(phone: u64) -> Option<usize> {
    let core = (phone >> 8) as usize;
    if phone & 0xff == 0 && core < CORES { Some(core) } else { None }
}

/// MIDR_EL1 as on the phone: four Cortex-A55, two Cortex-A76, two Cortex-X1.
#[must_use]
pub const fn midr(core: usize) -> u64 {
    match core {
        0..4 => 0x412f_d050,
        4..6 => 0x414f_d0b0,
        _ => 0x411f_d440,
    }
}

/// What is written to ICC_SGI1R_EL1 on the phone, as QEMU's cores would write it (GIC architecture §12.2.20). None if
/// it reaches nobody.
#[must_use]
pub const fn interrupt(written: u64) -> Option<u64> {
    /// To all cores but this one.
    const ALL_OTHERS: u64 = 1 << 40;
    const NUMBER: u64 = 0xf << 24;
    if written & ALL_OTHERS != 0 {
        return Some(written & (ALL_OTHERS | NUMBER));
    }
    // Affinity 3, the selector of a range of lists, and affinity 2.
    let others = 0xff << 48 | 0xf << 44 | 0xff << 32;
    let core = written >> 16 & 0xff;
    if written & others != 0 || core >= CORES as u64 || written & 1 == 0 {
        return None;
    }
    Some(written & NUMBER | 1 << core)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_has_its_affinity_and_no_other_number_is_one() {
        for number in 0..CORES {
            assert_eq!(core(phone(number)), Some(number));
            assert_eq!(mpidr(number) & 0xff_00ff_ffff, (number as u64) << 8);
        }
        for wrong in [1, 0x101, 0x800, 0x1_0000, 1 << 32] {
            assert_eq!(core(wrong), None, "{wrong:#x}");
        }
    }

    #[test]
    fn an_interrupt_reaches_the_core_it_is_for() {
        let to = |affinity1: u64, list: u64| interrupt(2 << 24 | affinity1 << 16 | list);
        assert_eq!(to(5, 1), Some(2 << 24 | 1 << 5));
        assert_eq!(to(0, 1), Some(2 << 24 | 1));
        assert_eq!(to(5, 2), None, "no core has a thread 1");
        assert_eq!(to(8, 1), None);
        assert_eq!(interrupt(1 << 44 | 1), None, "the range of lists that begins at 16");
        assert_eq!(interrupt(1 << 40 | 3 << 24), Some(1 << 40 | 3 << 24));
    }
}
