//! Memory: the monitor's own view of it, and the image's.
//!
//! The monitor sees its own RAM and QEMU's devices, and nothing of the phone's.

use core::cell::UnsafeCell;

use twin::Hardware;
use twin::block::{MAX_CARVE_OUTS, Options};
use twin::map::BANKS;
use twin::stage2::{Stage2, Table};

use crate::registers::write_register;

/// Enough for every carve-out to have a ragged start and a ragged end.
const TABLES: usize = 2 + 8 + 2 * MAX_CARVE_OUTS;

/// Device-nGnRE, and normal memory that is written back.
const MAIR: u64 = 0xff04;
/// 39 bits in pages of 4 KiB, tables cached and inner shareable, addresses of 40 bits.
const TCR: u64 = 1 << 31 | 1 << 23 | 0b010 << 16 | 0b11 << 12 | 0b01 << 10 | 0b01 << 8 | 25;
/// The same for the second stage: 40 bits, from level 1 on.
const VTCR: u64 = 1 << 31 | 0b010 << 16 | 0b11 << 12 | 0b01 << 10 | 0b01 << 8 | 0b01 << 6 | 24;
/// The bits that are RES1, MMU and caches on.
const SCTLR: u64 = 0x30c5_0830 | 1 << 0 | 1 << 2 | 1 << 12;

const GIB: u64 = 1 << 30;
/// Entries of level 1: valid blocks, accessed, inner shareable.
const BLOCK: u64 = 0b01 | 1 << 6 | 1 << 10 | 0b11 << 8;
const DEVICES: u64 = BLOCK | 1 << 54;
const RAM: u64 = BLOCK | 1 << 2;

#[repr(C, align(8192))]
struct Tables<const N: usize>(UnsafeCell<[Table; N]>);

// SAFETY: written by the boot core before another one runs, and only read by the hardware after that.
unsafe impl<const N: usize> Sync for Tables<N> {}

static OWN: Tables<1> = Tables(UnsafeCell::new([[0; 512]; 1]));
static PHONE: Tables<TABLES> = Tables(UnsafeCell::new([[0; 512]; TABLES]));

impl<const N: usize> Tables<N> {
    fn address(&self) -> u64 {
        self.0.get().addr() as u64
    }

    /// # Safety
    ///
    /// The boot core is the only one that runs, and holds no other reference to them.
    #[expect(clippy::mut_from_ref, reason = "a cell; the caller vouches for uniqueness")]
    unsafe fn get_mut(&self) -> &mut [Table; N] {
        // SAFETY: the caller says so.
        unsafe { &mut *self.0.get() }
    }
}

/// Builds the monitor's table and turns its MMU on, on the boot core.
pub(crate) fn turn_on_first() {
    // SAFETY: called once, before other cores run.
    let [table] = unsafe { OWN.get_mut() };
    let [devices, ram, ..] = table;
    (*devices, *ram) = (DEVICES, GIB | RAM);
    turn_on();
}

/// Turns the monitor's MMU on.
pub(crate) fn turn_on() {
    write_register!("mair_el2", MAIR);
    write_register!("tcr_el2", TCR);
    write_register!("ttbr0_el2", OWN.address());
    // SAFETY: nothing of this level was translated before.
    unsafe { core::arch::asm!("dsb ish", "tlbi alle2", "dsb nsh", "isb", options(nostack)) };
    write_register!("sctlr_el2", SCTLR);
}

/// Builds the image's view of RAM.
pub(crate) fn map_phone(options: &Options) {
    // SAFETY: called once, before other cores run.
    let tables = unsafe { PHONE.get_mut() };
    let mut carve_outs = [const { 0..0 }; MAX_CARVE_OUTS];
    let count = carve_outs.iter_mut().zip(options.carve_outs()).map(|(place, range)| *place = range).count();
    let carve_outs = carve_outs.get(..count).unwrap_or_default();
    if Stage2::new(tables, PHONE.address()).map_ram(&BANKS, carve_outs).is_err() {
        panic!("there are enough tables for every carve-out");
    }
}

/// Has the image on this core see it.
pub(crate) fn turn_phone_on() {
    write_register!("vtcr_el2", VTCR);
    write_register!("vttbr_el2", PHONE.address());
    // SAFETY: nothing was translated by these tables before.
    unsafe { core::arch::asm!("dsb ish", "tlbi alle1", "dsb nsh", "isb", options(nostack)) };
}

/// QEMU's devices.
pub(crate) struct Registers;

impl Hardware for Registers {
    fn read(&mut self, address: u64, bytes: u8) -> u64 {
        read(address, bytes)
    }

    fn write(&mut self, address: u64, bytes: u8, value: u64) {
        write(address, bytes, value);
    }
}

/// Reads at an address that the monitor sees.
pub(crate) fn read(address: u64, bytes: u8) -> u64 {
    let at = core::ptr::with_exposed_provenance::<u8>(address as usize);
    match bytes {
        // SAFETY: the models name registers of QEMU's devices, and the blocks' words; all are mapped.
        1 => u64::from(unsafe { at.read_volatile() }),
        // SAFETY: as above; the image's own access had to be aligned, too.
        2 => u64::from(unsafe { at.cast::<u16>().read_volatile() }),
        // SAFETY: as above.
        4 => u64::from(unsafe { at.cast::<u32>().read_volatile() }),
        // SAFETY: as above.
        _ => unsafe { at.cast::<u64>().read_volatile() },
    }
}

/// Writes there.
pub(crate) fn write(address: u64, bytes: u8, value: u64) {
    let at = core::ptr::with_exposed_provenance_mut::<u8>(address as usize);
    match bytes {
        // SAFETY: as in `read`; no Rust object lies there.
        1 => unsafe { at.write_volatile(value as u8) },
        // SAFETY: as above.
        2 => unsafe { at.cast::<u16>().write_volatile(value as u16) },
        // SAFETY: as above.
        4 => unsafe { at.cast::<u32>().write_volatile(value as u32) },
        // SAFETY: as above.
        _ => unsafe { at.cast::<u64>().write_volatile(value) },
    }
}
