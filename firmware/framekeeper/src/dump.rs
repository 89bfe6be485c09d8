//! The whole map in few bytes, for a host that draws or searches it.
//!
//! [`FrameAllocator::dump`](crate::FrameAllocator::dump) writes it and [`Dump`] reads it. A dump is `FKMAP`, a byte for
//! the version, and then, in rising order of frames, for each block a byte and what belongs to it:
//!
//! | upper 3 bits | block | lower 5 bits | behind it |
//! |---|---|---|---|
//! | 0 | a frame that is no RAM | 0 | |
//! | 1 | a frame that is reserved | 0 | |
//! | 2 | free | order | |
//! | 3 | allocated | order; 31 if none fits | 31: frames |
//! | 4 | in the cache of a core | order | |
//! | 5 | given back, on the way to its zone | order; 31 if none fits | 31: frames |
//! | 6 | changing while it was read; damaged; of a slab | 0; 1; 2 | frames; the word; the pool |
//! | 7 | *no block* | 0 to 27: the last block so many times more, plus one | |
//! | | | 28: the last block so many times more | how many |
//! | | | 29: so many frames that have no word | how many |
//! | | | 30: blocks behind this are of this owner, or core; before the first of these, of 0 | the byte |
//! | | | 31: the end | |
//!
//! Numbers are in groups of seven bits, the lowest first, each but the last with its highest bit set. Only the end says
//! that a dump is whole. What is alike becomes the same bytes, so that a compressor behind this finds it.

mod block;
mod read;
mod write;

pub use block::Block;
pub use read::{Dump, DumpError, Run};

/// What a dump begins with.
const MAGIC: &[u8; 5] = b"FKMAP";

/// Bumped whenever a reader of the old one would be wrong.
const VERSION: u8 = 1;

/// The upper three bits.
mod kind {
    pub(super) const HOLE: u8 = 0;
    pub(super) const RESERVED: u8 = 1;
    pub(super) const FREE: u8 = 2;
    pub(super) const ALLOCATED: u8 = 3;
    pub(super) const CACHED: u8 = 4;
    pub(super) const PENDING: u8 = 5;
    pub(super) const ODD: u8 = 6;
    pub(super) const CONTROL: u8 = 7;
}

/// The lower five bits of what is no block.
mod control {
    pub(super) const MOST_AGAIN: u8 = 28;
    pub(super) const AGAIN: u8 = 28;
    pub(super) const GAP: u8 = 29;
    pub(super) const WHO: u8 = 30;
    pub(super) const END: u8 = 31;
}

/// The lower five bits of a block whose size is no order.
const FRAMES: u8 = 31;

#[cfg(test)]
mod tests;
