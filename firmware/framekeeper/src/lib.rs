//! The memory of a machine: what there is, and who has it.
//!
//! ```text
//! device tree ─► regions ─► map ─► zones ─► core caches ─► slabs ─► magazines ─► typed caches, heap
//! ```
//!
//! [`devicetree`] reads what RAM there is and what of it is reserved, as [`RegionSet`]s of physical ranges. The
//! [`FrameMap`] has a word for each frame of it, and tells wait-free what any address is. A [`FrameAllocator`] hands out
//! blocks of frames by the buddy method, from zones below and above 4 GiB, through a [`CoreCache`] for each core; what it
//! needs of the machine it is told by a [`CpuLocal`]. A [`dump`] of it all goes to a host that draws it.
//!
//! None of these touches the memory it speaks of, unless it is to be [watched](Poisoned) while it is free. What is above
//! them does: [`slabs`] cut frames into objects of a size or a type, with a magazine for each core, and a [`heap`] has
//! memory of any size. Where memory is mapped they are told by a [`DirectMap`](slabs::DirectMap).

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]
#![cfg_attr(feature = "nightly", feature(allocator_api))]
#![no_std]

#[cfg(test)]
extern crate std;

// What the models share with the tests from outside calls this crate by its name.
#[cfg(all(test, shuttle))]
extern crate self as framekeeper;

mod addr;
mod allocator;
mod cache;
mod cpu;
pub mod devicetree;
pub mod dump;
mod entry;
mod errors;
mod frame;
pub mod heap;
mod level;
mod map;
#[cfg(all(test, any(loom, shuttle)))]
mod models;
mod owned;
mod pending;
#[cfg_attr(
    not(feature = "planted"),
    expect(dead_code, unreachable_pub, reason = "only who has the feature plants bugs")
)]
mod planted;
mod poison;
mod regions;
mod report;
mod request;
pub mod slabs;
mod sync;
mod verify;
mod word;
mod zone;

pub use addr::{FRAME_SIZE, PhysAddr, PhysRange};
pub use allocator::FrameAllocator;
pub use cache::CoreCache;
pub use cpu::{Asked, Core, CpuLocal, OneCore, Uncached, Zero};
pub use errors::{AddError, AllocError, FreeError, ResizeError, Shortage, ZoneShortage};
pub use frame::{Frame, Order};
pub use map::{FrameMap, MapError, MapLayout, Needs, State, Storage, ZoneKind};
pub use owned::Frames;
#[cfg(feature = "planted")]
pub use planted::{Bug, plant};
pub use poison::{Poisoned, Watch, WrittenAfterFree};
pub use regions::{RegionSet, TooManyRanges};
pub use report::{Free, Owners};
pub use request::Request;
pub use verify::Fault;
pub use word::{Owner, PoolId};
pub use zone::Effort;
