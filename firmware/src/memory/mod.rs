//! The tables that map the running firmware's memory. Their frames, and those of the stacks, are the allocator's.

mod tables;

pub use machine::Memory;
pub use tables::Space;
pub(crate) use tables::{Roots, build};
