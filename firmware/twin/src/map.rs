//! Which address is what: on the phone, and on the QEMU below it.

use core::ops::Range;

/// The phone's two banks of DRAM.
pub const BANKS: [Range<u64>; 2] = [0x8000_0000..0x1_0000_0000, 0x8_8000_0000..0xa_0000_0000];

/// RAM of QEMU that the phone does not have: the monitor's own.
pub const MONITOR: Range<u64> = 0x4000_0000..0x8000_0000;

/// All of QEMU's RAM.
pub const QEMU_RAM: Range<u64> = MONITOR.start..BANKS[1].end;

/// The block in which the host says what it wants, [`crate::block::Options`].
pub const OPTIONS: u64 = 0x4200_0000;

/// The block in which the monitor notes what happened, [`crate::block::Record`].
pub const RECORD: u64 = 0x4201_0000;

/// The interrupt controller's distributor.
pub const GICD: Range<u64> = 0x1040_0000..0x1041_0000;
/// Its redistributors, two frames of 64 KiB for each core.
pub const GICR: Range<u64> = 0x1044_0000..0x1054_0000;
/// From one core's redistributor to the next.
pub const GICR_STRIDE: u64 = 0x2_0000;
/// The serial port, without the wrapper behind it.
pub const UART: Range<u64> = 0x10a0_0000..0x10a0_00c0;
/// The two watchdogs, one for each cluster of cores.
pub const WATCHDOGS: [Range<u64>; 2] = [0x1006_0000..0x1006_0100, 0x1007_0000..0x1007_0100];
/// The power management unit.
pub const PMU: Range<u64> = 0x1746_0000..0x1747_0000;

/// Registers that keep what is written to them and do nothing else here.
pub const FILES: [Range<u64>; 5] = [
    // The wrapper that makes a serial port of a universal serial interface, and its switch.
    0x10a0_00c0..0x10a0_00e0,
    0x1082_1000..0x1082_2000,
    // The display: the planes, and the controller that is told to send a picture.
    0x1c0b_0000..0x1c0b_1000,
    0x1c30_0000..0x1c30_1000,
    // Power and volume buttons.
    0x174d_0000..0x174f_0000,
];

/// QEMU's devices.
pub mod qemu {
    /// The distributor.
    pub const GICD: u64 = 0x0800_0000;
    /// The redistributors.
    pub const GICR: u64 = 0x080a_0000;
    /// The serial port, a PL011.
    pub const UART: u64 = 0x0900_0000;
}
