//! The memory of a machine: what there is, and who may have it.
//!
//! ```text
//! device tree ─► regions ─► map ─► zone
//! ```
//!
//! [`devicetree`] reads what RAM there is and what of it is reserved, as [`regions`]: sets of physical ranges. The
//! frame [`map`] has a word for each frame of it, and a [`zone`] hands out blocks of frames by the buddy method.
//! [`addr`] and [`frame`] give addresses, frames and orders their types.
//!
//! Nothing here touches the memory it speaks of.

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
pub mod devicetree;
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
