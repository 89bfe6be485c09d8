//! Adapters for ArceOS: the traits of the crate `ax-allocator`, on a heap, on frames, and on numbers.
//!
//! | trait | adapter | memory |
//! |---|---|---|
//! | `ByteAllocator` | [`Bytes`] | a [`Heap`](super::Heap)'s |
//! | `PageAllocator` | [`Pages`] | a [`FrameAllocator`](crate::FrameAllocator)'s |
//! | `IdAllocator` | [`Ids`] | none: numbers |
//!
//! In ArceOS an allocator learns of its memory by `init` and `add_memory`. Here all RAM has its words in the frame map from
//! the start, and what is added is RAM that was reserved until then. So what is no RAM, or was added before, is known and
//! refused. `init` cannot say that it failed, and neither can the traits' `dealloc`s: [`Bytes`] and [`Pages`] count what
//! they refuse, and have a `try_dealloc` that says why.
//!
//! Addresses are those of the kernel, as a [`DirectMap`](crate::slabs::DirectMap) has them.

mod bytes;
mod errors;
mod ids;
mod pages;

pub use bytes::Bytes;
pub use ids::Ids;
pub use pages::Pages;
