//! What a worker found to be wrong.

use core::{alloc::Layout, fmt};

use framekeeper::{
    AllocError, Core, Fault, FreeError, PhysAddr, ResizeError,
    heap::{HeapError, ReallocError},
    slabs::{Misuse, SlabFault},
};

use crate::tags::Tagged;

/// Goes on where a promise was kept.
///
/// # Panics
///
/// It was not.
#[track_caller]
pub(crate) fn held(result: Result<(), Broken>) {
    if let Err(broken) = result {
        panic!("{broken}");
    }
}

/// As [`held`], where many cores work.
///
/// # Panics
///
/// As [`held`].
#[track_caller]
pub(crate) fn held_on(core: Core, result: Result<(), Broken>) {
    if let Err(broken) = result {
        panic!("core {}: {broken}", core.number());
    }
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Memory was handed out that somebody has, or somebody wrote into memory of another's.
    Memory(Tagged),
    /// A block has not the place that was asked for.
    Misplaced {
        /// The block.
        block: PhysAddr,
        /// How many frames were asked for.
        frames: u64,
        /// What was wrong with it.
        why: &'static str,
    },
    /// A block could not be had for a reason that cannot be.
    NoBlock(AllocError),
    /// A block was not taken back.
    NotTaken(FreeError),
    /// A block was taken back as one of another size.
    WrongSize {
        /// The block.
        block: PhysAddr,
        /// Its frames.
        frames: u64,
        /// Frames that were given back.
        given: u64,
    },
    /// A block could not be resized for a reason that cannot be.
    NotResized(ResizeError),
    /// Memory for an object is not aligned as was asked for.
    Misaligned {
        /// What was asked for.
        layout: Layout,
        /// Where it is.
        address: usize,
    },
    /// Memory that was to be zero is not.
    NotZero {
        /// Where.
        address: usize,
    },
    /// What was in memory is not there after it was moved.
    NotMoved {
        /// What it was.
        layout: Layout,
        /// What it became.
        size: usize,
        /// The first byte that is another.
        offset: usize,
    },
    /// Memory for an object could not be had for a reason that cannot be.
    NoObject(HeapError),
    /// An object was not taken back.
    Refused(Misuse),
    /// Memory was not changed for a reason that cannot be.
    NotChanged(ReallocError),
    /// The frames are not right about themselves.
    Frames(Fault),
    /// The slabs are not right about themselves.
    Slabs(SlabFault),
    /// Something is missing, or there is too much.
    Lost {
        /// Of what.
        what: &'static str,
        /// What there should be.
        expected: u64,
        /// What there is.
        found: u64,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(tagged) => tagged.fmt(f),
            Self::Misplaced { block, frames, why } => write!(f, "{frames} frames at {block} are {why}"),
            Self::NoBlock(error) => write!(f, "no block: {error}"),
            Self::NotTaken(error) => write!(f, "a block is not taken back: {error}"),
            Self::WrongSize { block, frames, given } => {
                write!(f, "the block at {block} has {frames} frames, and {given} were taken back")
            }
            Self::NotResized(error) => write!(f, "a block is not resized: {error}"),
            Self::Misaligned { layout, address } => write!(f, "{address:#x} was handed out for {layout:?}"),
            Self::NotZero { address } => write!(f, "what is at {address:#x} was to be zero"),
            Self::NotMoved { layout, size, offset } => {
                write!(f, "byte {offset} of {layout:?} is another after it became one of {size} bytes")
            }
            Self::NoObject(error) => write!(f, "no object: {error}"),
            Self::Refused(misuse) => write!(f, "an object is not taken back: {misuse}"),
            Self::NotChanged(error) => write!(f, "memory is not changed: {error:?}"),
            Self::Frames(fault) => write!(f, "frames: {fault:?}"),
            Self::Slabs(fault) => write!(f, "slabs: {fault:?}"),
            Self::Lost { what, expected, found } => write!(f, "{found} {what} where {expected} should be"),
        }
    }
}

impl core::error::Error for Broken {}

impl From<Tagged> for Broken {
    fn from(tagged: Tagged) -> Self {
        Self::Memory(tagged)
    }
}
