//! The memory of a machine: what there is, and who may have it.
//!
//! [`addr`] gives physical addresses a type; [`regions`] keeps sets of address ranges and answers which of them are
//! free. Nothing here touches the memory it speaks of.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]
#![no_std]

#[cfg(test)]
extern crate std;

pub mod addr;
pub mod frame;
pub mod map;
pub mod regions;
mod verify;
mod word;
pub mod zone;

pub use addr::{FRAME_SIZE, PhysAddr, PhysRange};
pub use frame::{Frame, Order};
pub use map::{FrameMap, MapError, MapLayout, Owner, State};
pub use regions::{RegionSet, TooManyRanges};
pub use verify::Fault;
pub use zone::{AllocError, Effort, FreeError, Zone};
