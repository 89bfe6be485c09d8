//! Memory that outlives a reset, for what no host hears.

use framekeeper::{
    PhysAddr, PhysRange,
    devicetree::{Tree, ram},
};

use crate::{memory::Memory, soc::Soc};

/// How much of it is used: the results of some hundred tests.
const SIZE: u64 = 0x1_0000;

/// Where notes are kept: at the start of the region that a kernel keeps its last words in (Linux, ramoops.yaml; the stock
/// tree of a Pixel 6 has only the region, called so), or where the system on chip has it although no node says so.
pub(crate) fn notes(tree: &Tree<'_>) -> Option<PhysRange> {
    let region = named(tree).or_else(|| Soc::of(tree).map(|soc| soc.notes))?;
    let region = region.round_inward();
    let end = PhysAddr(region.start().0.saturating_add(SIZE)).min(region.end());
    let region = PhysRange::new(region.start(), end);
    let memory: Memory = ram(tree).ok()?;
    let is_memory = memory.iter().any(|bank| bank.start() <= region.start() && region.end() <= bank.end());
    (is_memory && !region.is_empty()).then_some(region)
}

fn named(tree: &Tree<'_>) -> Option<PhysRange> {
    let mut nodes = tree.find("/reserved-memory")?.children();
    let node = nodes.find(|node| node.is_compatible("ramoops") || node.base_name().starts_with("ramoops"))?;
    if !node.is_enabled().ok()? {
        return None;
    }
    node.reg().ok()?.next()?.ok()
}
