//! What was done wrong with an object, and why one could not be had.

use core::{alloc::Layout, fmt};

use super::ticket::Turn;
use crate::{
    cpu::Core,
    errors::AllocError,
    map::State,
    word::{Owner, PoolId},
};

/// An object's address, as its user sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectAddr(pub usize);

/// Why there can be no slabs: the frames have some already. The frame map tells objects apart by the numbers of their
/// pools alone, and those of two would be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasSlabs {
    /// Whose they are.
    pub owner: Owner,
}

/// Why an object could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// It is larger, or aligned to more, than any slab is for.
    TooLarge {
        /// What was asked for.
        layout: Layout,
    },
    /// There is no memory for another slab.
    NoMemory(AllocError),
    /// The object's constructor refused.
    Refused,
}

/// Why a cache cannot be, or cannot end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheError {
    /// No slab has objects of this size.
    BadSize {
        /// Bytes of an object, with what is kept behind it.
        size: usize,
    },
    /// There are as many caches as there can be.
    TooMany,
    /// Somebody has objects of it.
    InUse {
        /// How many.
        objects: u64,
    },
}

/// What was done wrong with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// No object was ever there: it is not in a slab.
    Foreign {
        /// What was given back.
        address: ObjectAddr,
        /// What is there.
        found: State,
    },
    /// It is in a slab of another pool: of another size, or another cache.
    WrongPool {
        /// What was given back.
        address: ObjectAddr,
        /// The pool that it was given to.
        expected: PoolId,
        /// The pool that it is of.
        found: PoolId,
    },
    /// It lies inside an object, or behind the last one of a slab.
    NotStart {
        /// What was given back.
        address: ObjectAddr,
        /// The object that it lies in.
        object: Option<ObjectAddr>,
    },
    /// It was given back with another size than it was asked for.
    WrongSize {
        /// What was given back.
        address: ObjectAddr,
        /// The size it was given back with.
        size: usize,
    },
    /// It was given back before.
    DoubleFree {
        /// What was given back.
        address: ObjectAddr,
        /// Where it lies since then.
        found: FreeIn,
    },
    /// It was given back before, and somebody else was handed it since then.
    Stale {
        /// What was given back.
        address: ObjectAddr,
        /// The turn in which it was handed out to who gives it back.
        expected: Turn,
        /// The turn of who has it.
        found: Turn,
    },
    /// Somebody wrote into it after it was given back. It is not handed out any more.
    WrittenAfterFree {
        /// The object.
        address: ObjectAddr,
    },
    /// Somebody wrote behind its end.
    WrittenBehind {
        /// The object.
        address: ObjectAddr,
        /// Its size.
        size: usize,
    },
    /// The pool is busy, and this is no place to wait.
    Busy {
        /// What was given back.
        address: ObjectAddr,
    },
}

/// Where a free object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeIn {
    /// In a core's magazine.
    Magazine(Core),
    /// Between the cores.
    Depot,
    /// In its slab.
    Slab,
    /// In the hands of another core, which is giving it back.
    Hands,
    /// Among the frames: it was, or would be, a block of these.
    Frames(State),
}

impl fmt::Debug for ObjectAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for HasSlabs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the frames have slabs already: those of owner {}", self.owner.number())
    }
}

impl core::error::Error for HasSlabs {}

impl fmt::Display for ObjectAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { layout } => {
                write!(f, "no slab has objects of {} bytes, aligned to {}", layout.size(), layout.align())
            }
            Self::NoMemory(error) => write!(f, "no memory for a slab: {error}"),
            Self::Refused => f.write_str("the object could not be constructed"),
        }
    }
}

impl core::error::Error for ObjectError {}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSize { size } => write!(f, "no slab has objects of {size} bytes"),
            Self::InUse { objects } => write!(f, "{objects} objects of the cache were never given back"),
            Self::TooMany => f.write_str("there are as many caches as there can be"),
        }
    }
}

impl core::error::Error for CacheError {}

impl fmt::Display for FreeIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magazine(core) => write!(f, "in the magazine of core {}", core.number()),
            Self::Depot => f.write_str("in the depot"),
            Self::Slab => f.write_str("in its slab"),
            Self::Hands => f.write_str("in the hands of another core"),
            Self::Frames(state) => write!(f, "among the frames: {state}"),
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { address, found } => write!(f, "no object was ever at {address}: it is {found}"),
            Self::WrongPool { address, expected, found } => {
                let (expected, found) = (expected.number(), found.number());
                write!(f, "{address} is an object of pool {found}, and was given to pool {expected}")
            }
            Self::NotStart { address, object: Some(object) } => {
                write!(f, "{address} lies inside the object at {object}")
            }
            Self::NotStart { address, object: None } => {
                write!(f, "{address} lies behind a slab's last object")
            }
            Self::WrongSize { address, size } => {
                write!(f, "{address} was given back with {size} bytes, and asked for with another size")
            }
            Self::DoubleFree { address, found } => {
                write!(f, "{address} was given back before: it is free, {found}")
            }
            Self::Stale { address, expected, found } => {
                let (expected, found) = (expected.number(), found.number());
                write!(
                    f,
                    "{address} was given back before: its turn was {expected}, and who has it now has {found}"
                )
            }
            Self::WrittenAfterFree { address } => {
                write!(f, "{address} was written to after it was given back")
            }
            Self::WrittenBehind { address, size } => {
                write!(f, "somebody wrote behind the {size} bytes at {address}")
            }
            Self::Busy { address } => {
                write!(f, "{address} could not be given back: its pool is busy, and this is no place to wait")
            }
        }
    }
}

impl core::error::Error for Misuse {}
