//! The slabs: what they promise, case by case, and under storms.

mod caches;
mod conformance;
mod storms;

pub use caches::*;
pub use conformance::*;
pub use storms::*;
