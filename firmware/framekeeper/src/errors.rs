//! Why a request could not be met, as data and as one line.

use core::fmt;

use crate::{
    addr::{PhysAddr, PhysRange},
    cpu::Asked,
    frame::{Frame, Order},
    map::{State, ZoneKind},
};

/// What there was when memory was not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The order that was needed.
    pub wanted: Order,
    /// Where the block had to end, if that was asked.
    pub below: Option<PhysAddr>,
    /// What each zone had that could be asked.
    pub zones: [Option<ZoneShortage>; ZoneKind::ALL.len()],
    /// Free frames in the caches of other cores, which could not be had.
    pub in_other_caches: u64,
}

/// What a zone had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneShortage {
    /// Which.
    pub zone: ZoneKind,
    /// The largest free block.
    pub largest: Option<Order>,
    /// Free frames, of blocks of all orders.
    pub free_frames: u64,
}

/// Why a block could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocError {
    /// No free block is large enough.
    OutOfMemory(Shortage),
    /// Zero frames, or more than the largest block.
    BadSize {
        /// How many.
        frames: u64,
    },
    /// The block that was asked for by address is not free as a whole.
    NotFree {
        /// Where it was to start.
        address: PhysAddr,
        /// What is there.
        found: State,
    },
    /// The address is no start of a block of that size.
    Misaligned {
        /// Which.
        address: PhysAddr,
    },
    /// The zones were busy, and the caller is where it cannot wait.
    Busy,
    /// The machine does not [admit](crate::CpuLocal::admits) it. Nothing has changed then.
    Refused(Asked),
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wanted order {}", self.wanted.number())?;
        if let Some(below) = self.below {
            write!(f, " below {below}")?;
        }
        for ZoneShortage { zone, largest, free_frames } in self.zones.into_iter().flatten() {
            match largest {
                Some(largest) => {
                    let (name, largest) = (zone.name(), largest.number());
                    write!(f, "; {name} has {free_frames} frames free, largest order {largest}")?;
                }
                None => write!(f, "; {} has nothing free", zone.name())?,
            }
        }
        if self.in_other_caches > 0 {
            write!(f, "; {} frames are in other cores' caches", self.in_other_caches)?;
        }
        Ok(())
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory(shortage) => shortage.fmt(f),
            Self::BadSize { frames } => write!(f, "{frames} frames are not 1 to {}", Order::MAX.frames()),
            Self::NotFree { address, found } => write!(f, "wanted {address}, which is {found}"),
            Self::Misaligned { address } => write!(f, "{address} is no start of such a block"),
            Self::Busy => f.write_str("the zones are busy, and this is no place to wait"),
            Self::Refused(asked) => asked.fmt(f),
        }
    }
}

impl AllocError {
    /// Whether it may help to give back what nobody needs: not where the machine refused.
    pub(crate) const fn is_shortage(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

impl core::error::Error for AllocError {}

impl From<Asked> for AllocError {
    fn from(asked: Asked) -> Self {
        Self::Refused(asked)
    }
}

/// Why a block could not be given back. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeError {
    /// The address is no start of a frame.
    Misaligned {
        /// Which.
        address: PhysAddr,
    },
    /// The address lies inside a block that somebody has, and is not its start.
    NotHead {
        /// Which.
        address: PhysAddr,
        /// The block's start.
        head: Frame,
    },
    /// Nobody has what is there: it was given back before, or never handed out, or is no RAM.
    NotAllocated {
        /// Which.
        address: PhysAddr,
        /// What is there.
        found: State,
    },
}

impl fmt::Display for FreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned { address } => write!(f, "{address} is no start of a frame"),
            Self::NotHead { address, head } => {
                write!(f, "{address} lies inside the block at {}", head.start())
            }
            Self::NotAllocated { address, found } => write!(f, "nobody has {address}: it is {found}"),
        }
    }
}

impl core::error::Error for FreeError {}

/// Why a block could not become smaller or larger where it is. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeError {
    /// Zero frames, or more than the largest block.
    BadSize {
        /// How many.
        frames: u64,
    },
    /// No such block starts there.
    NotAllocated(FreeError),
    /// The address is no start of a block of that size.
    Misaligned {
        /// The block.
        address: PhysAddr,
        /// How many frames it was to have.
        frames: u64,
    },
    /// What lies behind the block is not free in its zone.
    NotFree {
        /// The first frame, or the first of some, that cannot be had.
        address: PhysAddr,
        /// What is there.
        found: State,
    },
    /// The zone was busy, and the caller is where it cannot wait.
    Busy,
    /// The machine does not [admit](crate::CpuLocal::admits) what the block would gain.
    Refused(Asked),
}

impl fmt::Display for ResizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSize { frames } => write!(f, "{frames} frames are not 1 to {}", Order::MAX.frames()),
            Self::NotAllocated(error) => error.fmt(f),
            Self::Misaligned { address, frames } => {
                write!(f, "no block of {frames} frames can start at {address}")
            }
            Self::NotFree { address, found } => write!(f, "wanted {address}, which is {found}"),
            Self::Busy => f.write_str("the zone is busy, and this is no place to wait"),
            Self::Refused(asked) => asked.fmt(f),
        }
    }
}

impl core::error::Error for ResizeError {}

impl From<Asked> for ResizeError {
    fn from(asked: Asked) -> Self {
        Self::Refused(asked)
    }
}

/// Why memory could not be added. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// There is a frame in the range that is not reserved: a hole, or added before.
    NotReserved {
        /// The range.
        range: PhysRange,
        /// The first such frame.
        frame: Frame,
        /// What it is.
        found: State,
    },
    /// A zone was busy, and the caller is where it cannot wait.
    Busy,
    /// The machine does not [admit](crate::CpuLocal::admits) it.
    Refused(Asked),
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReserved { range, frame, found } => {
                write!(f, "{range} cannot be added: {} is {found}", frame.start())
            }
            Self::Busy => f.write_str("a zone is busy, and this is no place to wait"),
            Self::Refused(asked) => asked.fmt(f),
        }
    }
}

impl core::error::Error for AddError {}

impl From<Asked> for AddError {
    fn from(asked: Asked) -> Self {
        Self::Refused(asked)
    }
}
