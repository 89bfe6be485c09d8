//! Reservations without an address: `size`, `alignment` and `alloc-ranges` (Devicetree Specification 0.4 §3.5.2).

#![deny(clippy::arithmetic_side_effects)]

use super::{
    meaning::{MeaningError, MeaningErrorKind},
    memory::{RamDescription, at, bad},
    node::Node,
    reserved::{ReservedNodes, add_region, is_reusable},
    tree::Tree,
};
use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    regions::RegionSet,
};

/// Places every enabled region that has a `size` and no `reg`, in the order of the tree.
pub(super) fn place_dynamic<'a, const N: usize>(
    tree: &Tree<'a>,
    memory: &mut RamDescription<N>,
) -> Result<(), MeaningError<'a>> {
    let mut free = memory.free().map_err(|full| at(&tree.root(), full.into()))?;
    for node in ReservedNodes::new(tree) {
        let node = node?;
        let Some(wish) = Wish::read(&node)? else {
            continue;
        };
        let Some(range) = wish.place(&free, &node)? else {
            if is_reusable(&node) {
                continue;
            }
            let kind = MeaningErrorKind::NoPlace { size: wish.size, alignment: wish.alignment };
            return Err(at(&node, kind));
        };
        add_region(memory, &node, range).map_err(|full| at(&node, full.into()))?;
        free.subtract(range).map_err(|full| at(&node, full.into()))?;
    }
    Ok(())
}

/// What a region wants. Both are whole frames.
struct Wish {
    size: u64,
    alignment: u64,
}

impl Wish {
    fn read<'a>(node: &Node<'a>) -> Result<Option<Self>, MeaningError<'a>> {
        if node.property("reg").is_some() {
            return Ok(None);
        }
        let Some(size) = number(node, "size")? else {
            return Ok(None);
        };
        let alignment = number(node, "alignment")?.unwrap_or(FRAME_SIZE);
        if !alignment.is_power_of_two() {
            return Err(at(node, MeaningErrorKind::BadAlignment { alignment }));
        }
        let alignment = alignment.max(FRAME_SIZE);
        let whole = size.checked_next_multiple_of(FRAME_SIZE);
        let size = whole.ok_or(at(node, MeaningErrorKind::NoPlace { size, alignment }))?;
        Ok(Some(Self { size, alignment }).filter(|wish| wish.size > 0))
    }

    /// The highest place in the first of the node's `alloc-ranges` that has one, or in all that is free.
    fn place<'a, const N: usize>(
        &self,
        free: &RegionSet<N>,
        node: &Node<'a>,
    ) -> Result<Option<PhysRange>, MeaningError<'a>> {
        if node.property("alloc-ranges").is_none() {
            return Ok(self.highest(free, PhysRange::new(PhysAddr(0), PhysAddr(u64::MAX))));
        }
        for window in node.ranges("alloc-ranges")? {
            if let Some(range) = self.highest(free, window?) {
                return Ok(Some(range));
            }
        }
        Ok(None)
    }

    fn highest<const N: usize>(&self, free: &RegionSet<N>, window: PhysRange) -> Option<PhysRange> {
        let places = free.iter().filter_map(|held| {
            let end = held.end().min(window.end());
            let start = PhysAddr(end.0.checked_sub(self.size)?).align_down(self.alignment);
            let range = PhysRange::from_size(start, self.size)?;
            (start >= held.start().max(window.start())).then_some(range)
        });
        places.last()
    }
}

/// A number of one or two cells, whatever the parent's cells: both are met.
fn number<'a>(node: &Node<'a>, name: &'static str) -> Result<Option<u64>, MeaningError<'a>> {
    match node.property(name) {
        Some(property) => {
            let error = bad(node, property.offset(), name);
            property.number().map(Some).ok_or(error)
        }
        None => Ok(None),
    }
}
