//! What is known of a system on chip and its boot loader, and stands in no device tree.

use framekeeper::{PhysAddr, PhysRange, devicetree::Tree};

use crate::{
    error::{MachineError, bad},
    nodes,
    screen::{Screen, Write},
};

/// How many ranges a [`Soc`] hides.
pub(crate) const HIDDEN: usize = 3;

/// A system on chip, by the `compatible` of the root.
#[derive(Debug)]
pub struct Soc {
    /// What the root is compatible with.
    compatible: &'static str,
    /// RAM that belongs to someone else whether or not a node names it.
    pub hidden: [PhysRange; HIDDEN],
    /// The screen that its boot loader leaves on.
    pub(crate) screen: Screen,
    /// Where a kernel would keep its last words over a reset.
    pub(crate) notes: PhysRange,
}

/// Every one that is known. Where no source is given, the address stands in the kernel's own trees and in the log of a
/// phone (both are cited in `boards/pixel6`).
static SOCS: [Soc; 1] = [Soc {
    // Google Tensor, in the Pixel 6. Upstream the root has the board's name before this one; in the stock tree it is the
    // only one.
    compatible: "google,gs101",
    hidden: [
        // The boot loader itself: 32 MiB in every tree, of which the phone's boot loader reserved 16 on the one phone whose
        // log is public. Nobody says what is in the rest.
        range(0xf880_0000, 0x200_0000),
        // The frame buffer that the boot loader's picture is in. Only the upstream trees name it, and the screen reads it
        // for as long as nobody points it elsewhere.
        range(0xfac0_0000, 10_368_000),
        // The start of `notes`.
        range(0xfd3f_f000, 0x1_0000),
    ],
    // The panel keeps its picture by itself, and takes a new one when the display controller is told to send it. All from a
    // boot loader that was ported to the phone (m8l8th814n-eng/u-boot-gs101, debug_fb.c).
    screen: Screen {
        pixels: range(0xfac0_0000, 10_368_000),
        width: 1080,
        height: 2400,
        stride: 4320,
        begin: &[
            // The first plane's size, as it is read and as it is shown, and where it is.
            write(0x1c0b_0010, 2400 << 16 | 1080),
            write(0x1c0b_0018, 2400 << 16 | 1080),
            write(0x1c0b_0040, 0xfac0_0000),
        ],
        // What was set takes effect; a picture is sent.
        refresh: &[write(0x1c30_0030, 0x3061), write(0x1c30_0050, 0x8010_003f)],
    },
    // Only the stock tree names it, in one of its versions 4 KiB higher up.
    notes: range(0xfd3f_f000, 0x40_0000),
}];

const fn range(start: u64, size: u64) -> PhysRange {
    match PhysRange::from_size(PhysAddr(start), size) {
        Some(range) => range,
        None => panic!("an entry of the table wraps"),
    }
}

const fn write(register: u64, value: u32) -> Write {
    Write { register: PhysAddr(register), value }
}

impl Soc {
    /// The one that the tree is for, if it is known.
    #[must_use]
    pub fn of(tree: &Tree<'_>) -> Option<&'static Self> {
        SOCS.iter().find(|soc| tree.root().is_compatible(soc.compatible))
    }
}

/// What resets the machine and switches it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// PSCI.
    Psci,
    /// The power management unit of Google's chips, with its registers from this address on, which only firmware at EL3
    /// may write; PSCI where that refuses. First, because on the Pixel 6 nobody relies on PSCI for this: the kernels and
    /// the one boot loader that was ported to it use the unit.
    GooglePmu(PhysAddr),
}

/// The unit's upstream name, and the stock names of the two nodes for it.
const PMUS: [&str; 3] = ["google,gs101-pmu", "samsung,gs101-pmu", "samsung,exynos-pmu"];

impl Power {
    /// What the tree has. Other chips have a unit of the same name, and another way to its registers.
    pub(crate) fn read<'a>(tree: &Tree<'a>) -> Result<Self, MachineError<'a>> {
        if Soc::of(tree).is_none() {
            return Ok(Self::Psci);
        }
        let Some(node) = nodes::enabled(tree).find(|node| nodes::is_compatible(node, &PMUS)) else {
            return Ok(Self::Psci);
        };
        let registers = node.reg()?.next().ok_or(bad(&node, "reg"))??;
        Ok(Self::GooglePmu(registers.start()))
    }
}
