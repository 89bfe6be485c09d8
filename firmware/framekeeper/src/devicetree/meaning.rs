//! What is wrong with what a sound tree says.

#![deny(clippy::arithmetic_side_effects)]

use crate::{addr::PhysAddr, regions::TooManyRanges};
use core::fmt;

/// A node says something about memory that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeaningError<'a> {
    /// The node's name.
    pub node: &'a str,
    /// Which byte of the blob: the property if there is one, or else the node.
    pub offset: usize,
    /// What is wrong there.
    pub kind: MeaningErrorKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeaningErrorKind {
    /// No memory node has a whole frame of RAM.
    NoMemory,
    /// Addresses and sizes have one or two cells.
    BadCells {
        /// `#address-cells` or `#size-cells`.
        property: &'static str,
        /// Its value, if it has one.
        found: Option<u32>,
    },
    /// Not a whole number of ranges.
    BadLength {
        /// Bytes in the property.
        length: usize,
        /// Bytes in a range.
        entry: usize,
    },
    /// A range that reaches the end of the address space or passes it.
    RangeWraps {
        /// Its first address.
        start: PhysAddr,
        /// How many bytes it claims.
        size: u64,
    },
    /// Not of the form that it must have.
    BadProperty {
        /// Its name.
        property: &'static str,
    },
    /// Not a power of two.
    BadAlignment {
        /// What it is instead.
        alignment: u64,
    },
    /// A region without an address fits nowhere in the free RAM it may lie in.
    NoPlace {
        /// How many bytes.
        size: u64,
        /// A multiple of what.
        alignment: u64,
    },
    /// The initial RAM disk ends before it starts.
    InitrdReversed {
        /// Where it starts.
        start: PhysAddr,
        /// Where it ends.
        end: PhysAddr,
    },
    /// More ranges than there is room for.
    TooManyRanges(TooManyRanges),
}

impl From<TooManyRanges> for MeaningErrorKind {
    fn from(error: TooManyRanges) -> Self {
        Self::TooManyRanges(error)
    }
}

impl fmt::Display for MeaningError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device tree node `{}`, byte {:#x}: {:?}", self.node, self.offset, self.kind)
    }
}

impl core::error::Error for MeaningError<'_> {}
