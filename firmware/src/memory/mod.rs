//! The memory of the running firmware: which frames are free, and the tables that map them.
//!
//! Free at first is what the device tree reserves for nobody, without the image and the device tree. While booting,
//! frames are taken from that set of ranges itself; what is left when the tables stand is what the allocators get.

mod tables;

pub use crate::machine::Memory;
pub(crate) use tables::{Roots, build};
