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
pub mod devicetree;
pub mod regions;

pub use addr::{FRAME_SIZE, PhysAddr, PhysRange};
pub use regions::{RegionSet, TooManyRanges};
