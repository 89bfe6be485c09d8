//! The allocators, each behind the same trait.

pub(crate) mod buddy_slab;
pub(crate) mod floor;
pub(crate) mod framekeeper;
pub(crate) mod general;
mod global;
pub(crate) mod heaps;
pub(crate) mod rlsf;
pub(crate) mod slabmalloc;
