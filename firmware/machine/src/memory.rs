//! The machine's memory, and what of it is nobody's to use.

use framekeeper::{
    PhysRange, RegionSet,
    devicetree::{MeaningError, RamDescription, Tree},
};

use crate::{
    error::MachineError,
    soc::{HIDDEN, Soc},
};

/// The most ranges in a set of memory.
const MAX_RANGES: usize = 128;

/// A set of memory.
pub type Memory = RegionSet<MAX_RANGES>;

/// All of the machine's memory, and what of it is taken.
pub type Ram = RamDescription<MAX_RANGES>;

/// Reads the memory. `occupied` is what the device tree does not know of: the image, and the device tree itself. What the
/// [`Soc`] hides is reserved and not to be mapped, whether or not a node names it.
///
/// # Errors
///
/// A memory node or a reservation cannot be read, or something of `occupied` is where the tree says that nothing may be
/// mapped. Where only the [`Soc`] says so it is no error: it hides what some versions of a boot loader use and others do
/// not, and this one put something there.
pub fn read_ram<'a>(tree: &Tree<'a>, occupied: [PhysRange; 2]) -> Result<Ram, MachineError<'a>> {
    let hidden = Soc::of(tree).map_or([PhysRange::default(); HIDDEN], |soc| soc.hidden);
    let mut taken = [PhysRange::default(); 2 + HIDDEN];
    for (slot, range) in taken.iter_mut().zip(occupied.into_iter().chain(hidden)) {
        *slot = range;
    }
    let mut ram = Ram::read(tree, &taken)?;
    for occupied in occupied {
        if let Some(no_map) = ram.no_map.iter().find(|no_map| no_map.overlaps(occupied)) {
            return Err(MachineError::MustNotBeMapped { occupied, no_map });
        }
    }
    for range in hidden {
        let full = |error: framekeeper::TooManyRanges| MeaningError {
            node: tree.root().name(),
            offset: tree.root().offset(),
            kind: error.into(),
        };
        ram.no_map.add(range.round_outward()).map_err(full)?;
    }
    Ok(ram)
}
