//! Why memory could not be had from a heap. What is wrong with what is given back says [`Misuse`].

use core::fmt;

use crate::{
    errors::AllocError,
    slabs::{HasSlabs, Misuse, ObjectError},
    word::Owner,
};

/// Why memory could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapError {
    /// The heap was not told of its memory yet.
    NotReady,
    /// It is larger, or aligned to more, than the largest block of frames.
    TooLarge {
        /// Bytes.
        size: usize,
        /// What they are to be aligned to.
        align: usize,
    },
    /// Memory is mapped where nothing is aligned to that much.
    Misaligned {
        /// What it is to be aligned to.
        align: usize,
    },
    /// There is not enough, with everything given back that nobody needs.
    NoMemory(AllocError),
}

/// Why a heap was not told of its memory. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitError {
    /// It was before, or is at this moment.
    Twice,
    /// The frames are another's, or have slabs beside.
    HasSlabs(HasSlabs),
    /// Blocks are to have the owner that the slabs' frames have.
    OneOwner {
        /// Which.
        owner: Owner,
    },
}

/// Why memory could not become smaller or larger. It is what it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReallocError {
    /// Other memory was needed and could not be had.
    NoMemory(HeapError),
    /// It is none that could be.
    Misuse(Misuse),
}

impl HeapError {
    /// What an object's error is for a heap, which does not construct objects.
    pub(super) const fn of(error: ObjectError, size: usize, align: usize) -> Self {
        match error {
            ObjectError::NoMemory(error) => Self::NoMemory(error),
            ObjectError::TooLarge { .. } | ObjectError::Refused => Self::TooLarge { size, align },
        }
    }
}

impl fmt::Display for HeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("the heap has no memory yet"),
            Self::TooLarge { size, align } => {
                write!(f, "no block of frames has {size} bytes, aligned to {align}")
            }
            Self::Misaligned { align } => write!(f, "memory is mapped where nothing is aligned to {align}"),
            Self::NoMemory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for HeapError {}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice => f.write_str("the heap has its memory already"),
            Self::HasSlabs(error) => error.fmt(f),
            Self::OneOwner { owner } => {
                write!(f, "blocks and slabs cannot both be of owner {}", owner.number())
            }
        }
    }
}

impl core::error::Error for InitError {}

impl From<HasSlabs> for InitError {
    fn from(error: HasSlabs) -> Self {
        Self::HasSlabs(error)
    }
}

impl From<HeapError> for ReallocError {
    fn from(error: HeapError) -> Self {
        Self::NoMemory(error)
    }
}

impl From<Misuse> for ReallocError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl fmt::Display for ReallocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMemory(error) => error.fmt(f),
            Self::Misuse(misuse) => misuse.fmt(f),
        }
    }
}

impl core::error::Error for ReallocError {}
