//! The memory of the running firmware: which frames are free, and the tables that map them.
//!
//! While booting, frames are taken from the set of free ranges itself; what is left when the tables stand is what
//! the allocators get.

mod tables;

use crate::{layout, machine::Machine};
use framekeeper::{PhysAddr, PhysRange, TooManyRanges};

pub use crate::machine::Memory;
pub(crate) use tables::{Roots, build};

/// RAM that nobody has: all of it, minus what the device tree reserves, the image, and the device tree itself.
///
/// # Errors
///
/// The set needs more ranges than it has room for.
pub fn free_ram(machine: &Machine, load: PhysAddr, device_tree: PhysRange) -> Result<Memory, TooManyRanges> {
    let mut free = machine.ram;
    for range in machine.reserved.iter() {
        free.subtract(range)?;
    }
    free.subtract(layout::image_range(load))?;
    free.subtract(device_tree.round_outward())?;
    Ok(free)
}
