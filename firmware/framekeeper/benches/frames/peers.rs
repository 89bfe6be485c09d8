//! The allocators, each behind the same trait: one file for each.

pub(crate) mod bitmap;
pub(crate) mod buddy_slab;
pub(crate) mod buddy_system;
pub(crate) mod floor;
pub(crate) mod frame_alloc;
pub(crate) mod framekeeper;
