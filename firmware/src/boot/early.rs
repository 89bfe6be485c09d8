//! The tables that the boot core turns its MMU on with.
//!
//! They are built with the MMU off, at the address where the image was loaded, before anything of the image may be
//! used that holds an absolute address. So this code uses arithmetic and stores, and nothing else.
//!
//! | tables | maps |
//! |---|---|
//! | 0, 3, 4, 5 | the trampoline page at its physical address |
//! | 1, 6, 7, 8 | the trampoline page at [`TRAMPOLINE`] |
//! | 2, 9, 10 | the image at its link address; later the frames for the final tables, the serial port, a watchdog |
//! | 11, 12 | the device tree |
//!
//! What is mapped as memory is the image, whose blocks are its own; the pages of the device tree, for what lies next to
//! them may be secure memory, where reading ahead is enough for a fault; and blocks that are free as a whole.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | nobody else writes the tables | the linker script gives them memory of their own | – |
//! | no cache line hides or overwrites them | each is invalidated before and after the stores | – (an emulator has no such lines) |

#![expect(unsafe_code, reason = "writes translation tables at physical addresses")]

use framekeeper::PhysRange;

use crate::layout::{
    BLOCK, DEVICE_TREE_WINDOW, FRAME_MAP, PAGE, TABLE_WINDOW, TRAMPOLINE, UART_WINDOW, WATCHDOG_WINDOW,
};

/// How many tables there are.
const TABLES: u64 = 13;

/// Access flag, inner shareable, memory attribute 1: normal memory, cached.
const NORMAL: u64 = 1 << 10 | 3 << 8 | 1 << 2;
const READ_ONLY: u64 = 1 << 7;
const NEVER_EXECUTE: u64 = 1 << 54 | 1 << 53;
const TABLE: u64 = 0b11;
const PAGE_ENTRY: u64 = 0b11;
const BLOCK_ENTRY: u64 = 0b01;

/// Tables at consecutive pages from this physical address on.
#[derive(Clone, Copy)]
struct Tables(u64);

impl Tables {
    const fn at(self, table: u64) -> u64 {
        self.0 + table * PAGE
    }

    fn write(self, table: u64, index: u64, entry: u64) {
        let slot = core::ptr::with_exposed_provenance_mut::<u64>((self.at(table) + index * 8) as usize);
        // SAFETY: the linker script reserves the tables for this module; `index` is below 512.
        unsafe { slot.write_volatile(entry) };
    }

    /// Makes `tables` (levels 0 to 3, the first being a root) lead from `va` to the page at `pa`.
    fn map_page(self, tables: [u64; 4], va: u64, pa: u64) {
        let [root, one, two, three] = tables;
        self.write(root, index(va, 0), self.at(one) | TABLE);
        self.write(one, index(va, 1), self.at(two) | TABLE);
        self.write(two, index(va, 2), self.at(three) | TABLE);
        self.write(three, index(va, 3), pa | NORMAL | READ_ONLY | PAGE_ENTRY);
    }
}

const fn index(va: u64, level: u64) -> u64 {
    (va >> (39 - 9 * level)) & 0x1ff
}

/// Builds the tables at `tables` for an image loaded at `load` and a device tree at `device_tree`.
///
/// Called by the entry code, with the MMU off; all addresses are physical.
pub(super) extern "C" fn build_early_tables(load: u64, device_tree: u64, tables: u64) {
    let tables = Tables(tables);
    for table in 0..TABLES {
        for index in 0..512 {
            tables.write(table, index, 0);
        }
    }
    tables.map_page([0, 3, 4, 5], load, load);
    tables.map_page([1, 6, 7, 8], TRAMPOLINE, load);
    map_image(tables, load);
    map_device_tree(tables, device_tree);
    invalidate(tables);
}

fn map_image(tables: Tables, load: u64) {
    let (start, end) = (crate::layout::image_start(), crate::layout::image_end());
    // With the MMU off the symbols give physical addresses; only their distance counts here.
    let va = LINK_ADDRESS;
    tables.write(2, index(va, 0), tables.at(9) | TABLE);
    tables.write(9, index(va, 1), tables.at(10) | TABLE);
    let guard = crate::layout::boot_guard() - start;
    for block in 0..(end - start).div_ceil(BLOCK) {
        let offset = block * BLOCK;
        if offset == guard {
            continue;
        }
        tables.write(10, index(va + offset, 2), (load + offset) | NORMAL | BLOCK_ENTRY);
    }
}

/// The link address; a constant, for the symbol gives the physical address as long as the MMU is off. The linker script
/// says the same, and `boot` checks that they agree.
pub(super) const LINK_ADDRESS: u64 = 0xc000_0000;

/// Maps the pages that the device tree lies in, of which there is one more than two MiB have at the most.
fn map_device_tree(tables: Tables, device_tree: u64) {
    let first = device_tree & !(PAGE - 1);
    let size = core::ptr::with_exposed_provenance::<u32>(device_tree as usize + 4);
    // SAFETY: the boot protocol puts a device tree there, and its second word is its size; the MMU is off.
    let size = u64::from(u32::from_be(unsafe { size.read_volatile() }));
    for table in 0..2 {
        let va = DEVICE_TREE_WINDOW + table * BLOCK;
        tables.write(10, index(va, 2), tables.at(11 + table) | TABLE);
    }
    for page in 0..(device_tree % PAGE + size).div_ceil(PAGE).clamp(1, BLOCK / PAGE + 1) {
        let pa = first + page * PAGE;
        let va = first % BLOCK + page * PAGE;
        let entry = pa | NORMAL | READ_ONLY | NEVER_EXECUTE | PAGE_ENTRY;
        tables.write(11 + va / BLOCK, index(va, 3), entry);
    }
}

/// Lines that were cached before the stores must not hide them from the table walk.
fn invalidate(tables: Tables) {
    let mut line = tables.0;
    while line < tables.at(TABLES) {
        // SAFETY: the tables are this module's. No line of them is modified: the entry code invalidated them before, and
        // the stores since went past the cache, which is off.
        unsafe { core::arch::asm!("dc ivac, {}", in(reg) line, options(nostack)) };
        // The smallest cache line there is: invalidating one twice does no harm.
        line += 16;
    }
    // SAFETY: a barrier has no other effect.
    unsafe { core::arch::asm!("dsb sy", options(nostack)) };
}

/// Maps the block at `pa` where its frames can be written as tables; returns its virtual address.
///
/// Only while booting, with the early tables in use.
pub(crate) fn map_table_block(pa: u64) -> u64 {
    map_block(TABLE_WINDOW, pa | NORMAL);
    TABLE_WINDOW
}

/// Maps the memory of the frame map, which starts and ends at blocks, at [`FRAME_MAP`].
///
/// Only while booting, with the early tables in use.
pub(crate) fn map_frame_map(place: PhysRange) {
    for offset in (0..place.size()).step_by(BLOCK as usize) {
        map_block(FRAME_MAP + offset, (place.start().0 + offset) | NORMAL);
    }
}

/// Maps the device registers at `pa`; returns their virtual address.
///
/// Only while booting, with the early tables in use.
pub(crate) fn map_uart(pa: u64) -> u64 {
    map_device(UART_WINDOW, pa)
}

/// Maps the watchdog's registers at `pa` instead of those of the one before it; returns their virtual address.
///
/// Only while booting, with the early tables in use.
pub(crate) fn map_watchdog(pa: u64) -> u64 {
    map_device(WATCHDOG_WINDOW, pa)
}

fn map_device(window: u64, pa: u64) -> u64 {
    const DEVICE: u64 = 1 << 10;
    map_block(window, pa & !(BLOCK - 1) | DEVICE);
    window + pa % BLOCK
}

/// Maps a block where another one may have been, by a start before this one: by way of nothing (Arm ARM D8.16,
/// "break-before-make").
fn map_block(va: u64, entry: u64) {
    let tables = Tables(crate::layout::early_tables());
    tables.write(10, index(va, 2), 0);
    forget_translations();
    tables.write(10, index(va, 2), entry | NEVER_EXECUTE | BLOCK_ENTRY);
    // SAFETY: makes the store above visible to the table walk.
    unsafe { core::arch::asm!("dsb ish", "isb", options(nostack)) };
}

/// Has this core, the only one that uses these tables, look at them anew.
///
/// Twice: on some cores, Cortex-A76 and A55 among them, accesses by the old translation may still be under way when the
/// first is complete (Linux, silicon-errata.rst, 1286807 and 2441007). It is not worth asking which core this is.
fn forget_translations() {
    // SAFETY: what is in the tables holds, whether or not it was remembered.
    unsafe {
        core::arch::asm!(
            "dsb ish",
            "tlbi vmalle1",
            "dsb nsh",
            "tlbi vmalle1",
            "dsb nsh",
            "isb",
            options(nostack)
        );
    }
}
