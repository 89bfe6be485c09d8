//! Where things lie in the virtual address space.
//!
//! | addresses | what |
//! |---|---|
//! | `0xc000_0000` (link address) | the image |
//! | `0xe000_0000` | while booting: the device tree, frames that become tables, the serial port, a watchdog |
//! | `0xe0a0_0000` | the frame map |
//! | `0xf000_0000` + 1 MiB each | a core's stacks, with unmapped guards below |
//! | `0xffff_0000_0000_0000` + physical | all RAM that is free to use: the direct map |
//! | `0xffff_8000_0000_0000` + physical | devices |
//! | `0xffff_ffff_ffe0_0000` | the trampoline, a page of code |

#![expect(unsafe_code, reason = "takes the addresses of symbols that the linker defines")]

use core::ops::Range;
use framekeeper::{PhysAddr, PhysRange};

use crate::cores::CoreId;

/// The device tree while booting; four MiB, for it is at most two and may start anywhere in the first.
pub const DEVICE_TREE_WINDOW: u64 = 0xe000_0000;
/// The block of frames that become the final tables, while booting.
pub const TABLE_WINDOW: u64 = 0xe040_0000;
/// The block that holds the serial port's registers, while booting.
pub const UART_WINDOW: u64 = 0xe060_0000;
/// The block that holds a watchdog's registers, while booting.
pub const WATCHDOG_WINDOW: u64 = 0xe080_0000;
/// The frame map: here while booting and after it.
pub const FRAME_MAP: u64 = 0xe0a0_0000;
/// What there is room for: a map of more than 200 GiB.
pub const FRAME_MAP_SIZE: u64 = STACKS - FRAME_MAP;
/// The stacks of core 0; those of core n follow n times [`STACK_SLOT`] above.
pub const STACKS: u64 = 0xf000_0000;
/// From one core's stacks to the next one's.
pub const STACK_SLOT: u64 = 0x10_0000;
/// The direct map.
pub const DIRECT_MAP: u64 = 0xffff_0000_0000_0000;
/// The devices.
pub const DEVICES: u64 = 0xffff_8000_0000_0000;
/// The first page of the image once more.
pub const TRAMPOLINE: u64 = 0xffff_ffff_ffe0_0000;
/// The size of a page and of a frame.
pub const PAGE: u64 = 4096;
/// The size of a block, one level above pages.
pub const BLOCK: u64 = 0x20_0000;

macro_rules! linker_symbols {
    ($($(#[$doc:meta])* $function:ident = $symbol:ident;)*) => {
        unsafe extern "C" {
            $(static $symbol: u8;)*
        }
        $($(#[$doc])*
        #[must_use]
        pub fn $function() -> u64 {
            // No reference is made: the symbol has an address and nothing else.
            (&raw const $symbol).addr() as u64
        })*
    };
}

linker_symbols! {
    /// The first byte of the image.
    image_start = __image_start;
    /// Behind the code.
    text_end = __text_end;
    /// The first values of `.data`, behind the constants.
    data_load = __data_load;
    /// The first writable byte.
    writable_start = __writable_start;
    /// `.data` where it is used.
    data_start = __data_start;
    /// Behind `.data`.
    data_end = __data_end;
    /// `.bss`.
    bss_start = __bss_start;
    /// Behind `.bss`.
    bss_end = __bss_end;
    /// The note that holds the build id.
    build_id_start = __build_id_start;
    /// Behind the note.
    build_id_end = __build_id_end;
    /// The tables that are used while booting.
    early_tables = __early_tables;
    /// The block below the boot stacks; the next one holds them.
    boot_guard = __boot_guard;
    /// The stack on which the boot core runs until it has mapped ones.
    boot_stack_top = __boot_stack_top;
    /// And that for exceptions.
    boot_exception_stack_top = __boot_exception_stack_top;
    /// Behind the image.
    image_end = __image_end;
}

/// What of the image is in its file and is never written: code, constants, the first values of `.data`.
#[must_use]
pub fn image_file_end() -> u64 {
    data_load() + (data_end() - data_start())
}

/// Where the image lies, given where it was loaded.
#[must_use]
pub fn image_range(load: PhysAddr) -> PhysRange {
    PhysRange::new(load, PhysAddr(load.0 + (image_end() - image_start())))
}

/// One core's stacks, as virtual addresses.
#[derive(Clone, Copy, Debug)]
pub struct Stacks {
    slot: u64,
}

impl Stacks {
    /// Of this core.
    #[must_use]
    pub const fn of(core: CoreId) -> Self {
        Self { slot: STACKS + core.index() as u64 * STACK_SLOT }
    }

    /// The stack that code runs on. 64 KiB below it are unmapped.
    #[must_use]
    pub const fn main(self) -> Range<u64> {
        self.slot + 0x1_0000..self.slot + 0x5_0000
    }

    /// The stack that exceptions are taken on. Bit 15 is set in every address of it and clear in the guard below:
    /// the vectors test that bit.
    #[must_use]
    pub const fn exception(self) -> Range<u64> {
        self.slot + 0x8_8000..self.slot + 0x9_0000
    }

    /// The stack for the report that the exception stack is used up.
    #[must_use]
    pub const fn emergency(self) -> Range<u64> {
        self.slot + 0xa_8000..self.slot + 0xb_0000
    }

    /// Whether `address` lies in the guard below the main stack.
    #[must_use]
    pub fn is_guard(self, address: u64) -> bool {
        (self.slot..self.main().start).contains(&address)
    }
}
