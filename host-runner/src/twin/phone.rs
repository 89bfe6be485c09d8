//! What the phone's boot loader puts into the device tree, and what nobody may touch.
//!
//! All of it was seen in the log of a retail phone's kernel.

use serde::Deserialize;
use std::ops::Range;
use twin::block::Options;

/// Which of the phone's two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The upstream kernel's.
    Oriole,
    /// Stock Android's.
    OrioleStock,
}

impl Shape {
    /// The name of its source in `boards/pixel6`.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Oriole => "oriole.dts",
            Self::OrioleStock => "oriole-stock.dts",
        }
    }
}

/// Where the boot loader puts the image.
pub const IMAGE: u64 = 0x8000_0000;

/// Where the stand-in puts the device tree; the phone's place is not known.
pub const DEVICE_TREE: u64 = 0x8a00_0000;

/// The pieces of `/memory`: sizes have 32 bits.
pub const MEMORY: [Range<u64>; 4] = [
    0x8000_0000..0x1_0000_0000,
    0x8_8000_0000..0x9_0000_0000,
    0x9_0000_0000..0x9_8000_0000,
    0x9_8000_0000..0xa_0000_0000,
];

/// Regions that the boot loader adds, all of them `no-map`.
pub const ADDED: [(&str, Range<u64>); 4] = [
    ("pkvm_guest_firmware", 0x8b00_0000..0x8b0c_4000),
    ("sec_dram", 0xb720_0000..0xc000_0000),
    ("sec_pt", 0xe000_0000..0xe250_0000),
    ("debug_kinfo_reserved", 0xfd3f_e000..0xfd3f_f000),
];

/// The boot loader's own code: half as large on the phone as every source of a tree says.
pub const BOOT_LOADER: Range<u64> = 0xf880_0000..0xf980_0000;

/// Regions of the stock tree that the boot loader disables on phones that are sold.
pub const DISABLED: [&str; 4] =
    ["log_kevents@d8110000", "log_s2d@d8810000", "log_array_reset@d9d10000", "log_itmon@dc610000"];

/// What no access may touch, speculative ones included: every region that is `no-map`, but for the picture on the
/// screen, which is the display's to read and the firmware's to write.
const UNTOUCHABLE: [Range<u64>; 11] = [
    0x8b00_0000..0x8b0c_4000,
    0x9020_0000..0x9060_0000,
    0x9300_0000..0x9400_0000,
    0x9400_0000..0x9700_0000,
    0xb720_0000..0xc000_0000,
    0xe000_0000..0xe250_0000,
    BOOT_LOADER,
    0xfd3f_0000..0xfd3f_e000,
    0xfd3f_e000..0xfd3f_f000,
    0xfd80_0000..0xfd90_0000,
    0xfd90_0000..0xfd90_2000,
];

/// The same, of what only the stock tree has.
const UNTOUCHABLE_STOCK: [Range<u64>; 2] = [0x9700_0000..0x9740_0000, 0xfd90_c000..0xfd90_d000];

/// The picture on the screen.
pub const SPLASH: Range<u64> = 0xfac0_0000..0xfb5e_3400;

/// What the twin keeps out of its RAM.
#[must_use]
pub fn carve_outs(shape: Shape) -> Vec<Range<u64>> {
    match shape {
        Shape::Oriole => UNTOUCHABLE.to_vec(),
        Shape::OrioleStock => [UNTOUCHABLE.as_slice(), &UNTOUCHABLE_STOCK].concat(),
    }
}

/// The rate of the line after `fastboot oem uart config 3000000`.
const BAUD: u64 = 3_000_000;

/// A phone that is switched on, with nothing unusual about it.
///
/// # Errors
///
/// When the monitor has no room for what is to be kept out of the RAM, which is a bug.
pub fn at_rest(shape: Shape) -> Result<Options, String> {
    let mut options = Options::new(IMAGE, DEVICE_TREE);
    options.baud = BAUD;
    if carve_outs(shape).into_iter().all(|range| options.carve_out(range)) {
        Ok(options)
    } else {
        Err("bug: more carve-outs than the monitor has room for".to_owned())
    }
}
