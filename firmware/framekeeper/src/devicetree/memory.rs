//! The memory of a machine, as its device tree tells it.

#![deny(clippy::arithmetic_side_effects)]

use super::{
    meaning::{MeaningError, MeaningErrorKind},
    node::Node,
    place::place_dynamic,
    reserved::{add_reservation_block, add_static},
    tree::Tree,
};
use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    planted::{Bug, planted},
    regions::{RegionSet, TooManyRanges},
};

/// What memory there is, and which of it is taken. Every set holds whole frames.
#[derive(Clone, Debug)]
pub struct RamDescription<const N: usize> {
    /// All RAM, taken or not. Every address comes from a memory node.
    pub ram: RegionSet<N>,
    /// Everything that must not be handed out, the two sets below included. Some of it may lie outside RAM.
    pub reserved: RegionSet<N>,
    /// What must not be mapped either.
    pub no_map: RegionSet<N>,
    /// What may hold pages that can be moved away, until the driver of the region wants it.
    pub reusable: RegionSet<N>,
    /// The initial RAM disk, to the byte.
    pub initrd: Option<PhysRange>,
}

impl<const N: usize> RamDescription<N> {
    /// Reads the memory nodes, the reservation block, `/reserved-memory` and `/chosen`.
    ///
    /// `occupied` is what only the caller knows of: the kernel image, the device tree itself. Regions that have a
    /// size and no address are placed last, in the order of the tree, each as high as it fits into what is free
    /// then (as Linux does: low memory is scarcer). One that fits nowhere is an error, unless it is `reusable`: then
    /// nothing is lost by leaving it out.
    ///
    /// # Errors
    ///
    /// The first node that says something impossible.
    pub fn read<'a>(tree: &Tree<'a>, occupied: &[PhysRange]) -> Result<Self, MeaningError<'a>> {
        let mut memory = Self {
            ram: ram(tree)?,
            reserved: RegionSet::new(),
            no_map: RegionSet::new(),
            reusable: RegionSet::new(),
            initrd: initrd(tree)?,
        };
        for &range in occupied.iter().chain(&memory.initrd) {
            memory.reserved.add(range.round_outward()).map_err(|error| at(&tree.root(), error.into()))?;
        }
        add_reservation_block(tree, &mut memory.reserved)?;
        add_static(tree, &mut memory)?;
        place_dynamic(tree, &mut memory)?;
        Ok(memory)
    }

    /// The RAM that is not reserved.
    ///
    /// # Errors
    ///
    /// It is in more than `N` pieces.
    pub fn free(&self) -> Result<RegionSet<N>, TooManyRanges> {
        let mut free = self.ram;
        for range in self.reserved.iter() {
            free.subtract(range)?;
        }
        Ok(free)
    }
}

/// The RAM: every entry of every enabled memory node, rounded inward after neighbours are merged.
///
/// A memory node is a child of the root whose `device_type` is `memory`, or that has none and is called `memory`.
/// Deeper nodes of that name stand on buses with addresses of their own.
///
/// # Errors
///
/// A memory node cannot be read, or there is no RAM.
pub fn ram<'a, const N: usize>(tree: &Tree<'a>) -> Result<RegionSet<N>, MeaningError<'a>> {
    let mut told = RegionSet::<N>::new();
    for node in tree.root().children().filter(is_memory) {
        if !node.is_enabled()? {
            continue;
        }
        for range in node.reg()? {
            told.add(range?).map_err(|error| at(&node, error.into()))?;
        }
    }
    let mut ram = RegionSet::new();
    for range in told.iter() {
        let range = if planted(Bug::BankEndOffByOne) { with_one_more(range) } else { range };
        ram.add(range.round_inward()).map_err(|error| at(&tree.root(), error.into()))?;
    }
    let Some(first) = ram.iter().next() else {
        return Err(at(&tree.root(), MeaningErrorKind::NoMemory));
    };
    if planted(Bug::HoleTakenForRam) {
        let all = ram.iter().fold(first, |all, range| PhysRange::new(all.start(), range.end()));
        ram.add(all).map_err(|error| at(&tree.root(), error.into()))?;
    }
    Ok(ram)
}

/// A range and a frame behind it, for a bug.
fn with_one_more(range: PhysRange) -> PhysRange {
    PhysRange::new(range.start(), range.end().checked_add(FRAME_SIZE).unwrap_or(range.end()))
}

fn is_memory(node: &Node<'_>) -> bool {
    match node.text("device_type") {
        Some(device_type) => device_type == "memory",
        None => node.base_name() == "memory",
    }
}

/// `linux,initrd-start` and `-end` (Linux, chosen.yaml), each of one or two cells.
fn initrd<'a>(tree: &Tree<'a>) -> Result<Option<PhysRange>, MeaningError<'a>> {
    let Some(chosen) = tree.find("/chosen") else {
        return Ok(None);
    };
    let address = |property: &'static str| match chosen.property(property) {
        Some(found) => {
            let error = bad(&chosen, found.offset(), property);
            found.number().map(|number| Some(PhysAddr(number))).ok_or(error)
        }
        None => Ok(None),
    };
    match (address("linux,initrd-start")?, address("linux,initrd-end")?) {
        (Some(start), Some(end)) if start <= end => {
            Ok(Some(PhysRange::new(start, end)).filter(|range| !range.is_empty()))
        }
        (Some(start), Some(end)) => Err(at(&chosen, MeaningErrorKind::InitrdReversed { start, end })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(bad(&chosen, chosen.offset(), "linux,initrd-start")),
        (Some(_), None) => Err(bad(&chosen, chosen.offset(), "linux,initrd-end")),
    }
}

pub(super) fn at<'a>(node: &Node<'a>, kind: MeaningErrorKind) -> MeaningError<'a> {
    MeaningError { node: node.name(), offset: node.offset(), kind }
}

pub(super) fn bad<'a>(node: &Node<'a>, offset: usize, property: &'static str) -> MeaningError<'a> {
    MeaningError { node: node.name(), offset, kind: MeaningErrorKind::BadProperty { property } }
}
