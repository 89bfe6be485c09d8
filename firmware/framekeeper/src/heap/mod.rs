//! The heap: memory of any size, from slabs and from frames.
//!
//! ```text
//! alloc ─► up to 8 KiB: slabs ─► frames
//!      └─► above: a block of just so many frames
//! ```
//!
//! What a size class has room for is an **object** and comes from [slabs](crate::slabs); all else is a **block** of frames,
//! whose size and owner the frame map knows. The two have owners of their own, so memory that the slabs use for themselves
//! is never mistaken for a block.
//!
//! A [`Heap`] begins empty, in a `static`, and is told of its memory once. Before that each call is an error, and after
//! that it never waits for who told it. It is a [`GlobalAlloc`](core::alloc::GlobalAlloc); `&Heap` is an `Allocator` for
//! collections with the features `allocator-api2` and `nightly`; and the feature `arceos` has adapters for ArceOS.

#[cfg(feature = "arceos")]
pub mod arceos;
mod blocks;
#[cfg(any(feature = "allocator-api2", feature = "nightly"))]
mod collections;
mod errors;
mod global;
mod objects;
mod phases;
mod realloc;
mod report;

pub use errors::{HeapError, InitError, ReallocError};
pub use phases::Heap;
pub use report::{HeapReport, HeapUsage};
