//! Makes QEMU look like a Pixel 6, so that the phone's image runs there byte for byte.
//!
//! A monitor at EL2 runs the image at EL1 and stands in for what QEMU's `virt` machine lacks: the second stage of
//! translation leaves the phone's holes and carve-outs unmapped, and every access that is not to RAM ends in the
//! monitor, which has a model of each device that the phone's firmware may touch. Anything else is a *stray access*:
//! it is noted, and ends as an external abort in the core that made it.
//!
//! This library is what of it needs no processor: the models, the translation tables as numbers, and the two blocks of
//! memory through which the host runner and the monitor know of each other. The monitor's own part is the binary.
//!
//! - [`map`]: which address is what. [`block`]: what the host says and what the monitor notes.
//! - [`stage2`]: the tables. [`syndrome`]: what a trap says.
//! - [`affinity`]: the phone's numbers of cores, and QEMU's.
//! - [`devices`]: who answers an access. [`gic`], [`uart`], [`watchdog`], [`pmu`], [`mod@file`]: the models.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
#![no_std]

pub mod affinity;
pub mod block;
pub mod devices;
pub mod file;
pub mod gic;
pub mod map;
pub mod pmu;
pub mod stage2;
pub mod syndrome;
pub mod uart;
pub mod watchdog;

/// How many cores the phone has.
pub const CORES: usize = 8;

/// The twin's timer: as on the phone, which QEMU is told on its command line.
pub const TIMER_HZ: u64 = 24_576_000;

/// Registers of QEMU's own devices, as the models reach them.
pub trait Hardware {
    /// Reads `bytes` bytes at a physical address.
    fn read(&mut self, address: u64, bytes: u8) -> u64;
    /// Writes them.
    fn write(&mut self, address: u64, bytes: u8, value: u64);
}
