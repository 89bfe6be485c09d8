//! A screen that somebody has left on: memory whose words are pixels.

use framekeeper::{
    PhysAddr, PhysRange,
    devicetree::{Node, Tree, ram},
};

use crate::{memory::Memory, nodes, soc::Soc};

/// A screen with words of 32 bits for its pixels, blue in the lowest byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Its memory.
    pub pixels: PhysRange,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
    /// Writes that have it show its memory, to be made once.
    pub begin: &'static [Write],
    /// Writes that have it show what was drawn since, for a panel that keeps its last picture by itself.
    pub refresh: &'static [Write],
}

/// A register and what is to be written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its physical address.
    pub register: PhysAddr,
    /// The value.
    pub value: u32,
}

/// The screen that the system on chip is known to have, or that the tree describes (Linux, simple-framebuffer.yaml). Its
/// memory must be RAM that is reserved: a kernel writes nowhere else without a driver.
pub(crate) fn screen(tree: &Tree<'_>) -> Option<Screen> {
    let known = Soc::of(tree).map(|soc| soc.screen);
    let screen = known.or_else(|| {
        let mut nodes = nodes::enabled(tree);
        described(&nodes.find(|node| node.is_compatible("simple-framebuffer"))?)
    })?;
    let size = u64::from(screen.stride).checked_mul(u64::from(screen.height))?;
    let memory: Memory = ram(tree).ok()?;
    let (start, end) = (screen.pixels.start(), screen.pixels.end());
    let is_memory = memory.iter().any(|bank| bank.start() <= start && end <= bank.end());
    let is_whole =
        size <= screen.pixels.size() && u64::from(screen.width).checked_mul(4)? <= u64::from(screen.stride);
    (is_memory && is_whole).then_some(screen)
}

fn described(node: &Node<'_>) -> Option<Screen> {
    let number = |property| u32::try_from(node.property(property)?.number()?).ok();
    if !matches!(node.text("format")?, "a8r8g8b8" | "x8r8g8b8") {
        return None;
    }
    Some(Screen {
        pixels: node.reg().ok()?.next()?.ok()?,
        width: number("width")?,
        height: number("height")?,
        stride: number("stride")?,
        begin: &[],
        refresh: &[],
    })
}
