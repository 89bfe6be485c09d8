//! Reservations with an address: the reservation block and static `/reserved-memory`
//! (Devicetree Specification 0.4 §3.5, §5.3).

#![deny(clippy::arithmetic_side_effects)]

use super::{
    meaning::{MeaningError, MeaningErrorKind},
    memory::{RamDescription, at},
    node::{Node, Nodes},
    tree::Tree,
};
use crate::{
    addr::{PhysAddr, PhysRange},
    planted::{Bug, planted},
    regions::{RegionSet, TooManyRanges},
};

pub(super) fn add_reservation_block<'a, const N: usize>(
    tree: &Tree<'a>,
    reserved: &mut RegionSet<N>,
) -> Result<(), MeaningError<'a>> {
    for (offset, start, size) in tree.reservations() {
        let error = |kind| MeaningError { node: "the reservation block", offset, kind };
        let start = PhysAddr(start);
        let range = PhysRange::from_size(start, size);
        let range = range.ok_or(error(MeaningErrorKind::RangeWraps { start, size }))?;
        add(reserved, range).map_err(|full| error(full.into()))?;
    }
    Ok(())
}

/// All entries of all enabled nodes, with or without `no-map`: duplicates and overlaps are common.
pub(super) fn add_static<'a, const N: usize>(
    tree: &Tree<'a>,
    memory: &mut RamDescription<N>,
) -> Result<(), MeaningError<'a>> {
    for node in ReservedNodes::new(tree) {
        let node = node?;
        for range in node.reg()? {
            add_region(memory, &node, range?).map_err(|full| at(&node, full.into()))?;
        }
    }
    Ok(())
}

/// Puts a region into the sets that its node asks for. `no-map` and `reusable` exclude each other; of a node that has
/// both, the stricter one is believed.
pub(super) fn add_region<const N: usize>(
    memory: &mut RamDescription<N>,
    node: &Node<'_>,
    range: PhysRange,
) -> Result<(), TooManyRanges> {
    add(&mut memory.reserved, range)?;
    if node.property("no-map").is_some() {
        add(&mut memory.no_map, range)
    } else if is_reusable(node) {
        add(&mut memory.reusable, range)
    } else {
        Ok(())
    }
}

pub(super) fn is_reusable(node: &Node<'_>) -> bool {
    node.property("reusable").is_some() && node.property("no-map").is_none()
}

fn add<const N: usize>(set: &mut RegionSet<N>, range: PhysRange) -> Result<(), TooManyRanges> {
    if planted(Bug::ReservedRoundedInward) {
        return set.add(range.round_inward());
    }
    // Rounding an empty range outward would make a frame of it.
    if range.is_empty() { Ok(()) } else { set.add(range.round_outward()) }
}

/// The enabled nodes in `/reserved-memory`, and those in them: the Pixel 6's boot loader groups its log buffers in a
/// node of their own. What is in a disabled node is disabled.
#[derive(Debug)]
pub(super) struct ReservedNodes<'a> {
    nodes: Nodes<'a>,
    /// Whether the node last seen at depth 1, 2 lets those in it count.
    counts: [bool; 2],
}

impl<'a> ReservedNodes<'a> {
    pub(super) fn new(tree: &Tree<'a>) -> Self {
        Self { nodes: tree.nodes(), counts: [false; 2] }
    }
}

impl<'a> Iterator for ReservedNodes<'a> {
    type Item = Result<Node<'a>, MeaningError<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let node = self.nodes.next()?;
            let [in_reserved, in_group] = &mut self.counts;
            match node.depth() {
                1 => *in_reserved = node.base_name() == "reserved-memory",
                2 if *in_reserved => match node.is_enabled() {
                    Ok(enabled) => {
                        *in_group = enabled;
                        if enabled {
                            return Some(Ok(node));
                        }
                    }
                    Err(error) => return Some(Err(error)),
                },
                3 if *in_reserved && *in_group && !planted(Bug::NestedReservationIgnored) => {
                    match node.is_enabled() {
                        Ok(true) => return Some(Ok(node)),
                        Ok(false) => {}
                        Err(error) => return Some(Err(error)),
                    }
                }
                _ => {}
            }
        }
    }
}
