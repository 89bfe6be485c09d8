//! What a physical address is.

use core::fmt;

use crate::{
    cpu::Core,
    frame::{Frame, Order},
    word::{Owner, PoolId},
};

/// What a physical address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not RAM, as far as anybody said.
    Hole,
    /// RAM that is not handed out.
    Reserved,
    /// Part of a free block.
    Free {
        /// The block's first frame.
        head: Frame,
        /// The block's order.
        order: Order,
    },
    /// Part of a free block that a core keeps.
    Cached {
        /// The block's first frame.
        head: Frame,
        /// The block's order.
        order: Order,
        /// Which core.
        core: Core,
    },
    /// Part of a block that was given back and waits until its zone is not busy.
    Pending {
        /// The block's first frame.
        head: Frame,
    },
    /// Part of a block that somebody has.
    Allocated {
        /// The block's first frame.
        head: Frame,
        /// How many frames the block has; not always a power of two.
        frames: u64,
        /// Who.
        owner: Owner,
    },
    /// Part of a slab.
    Slab {
        /// The slab's first frame.
        head: Frame,
        /// Whose objects it has.
        pool: PoolId,
    },
    /// Somebody is changing it at this moment.
    Changing,
    /// Its word in the map is not one that was ever written.
    Damaged {
        /// The word.
        word: u32,
    },
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hole => f.write_str("a hole"),
            Self::Reserved => f.write_str("reserved"),
            Self::Free { head, order } => write!(f, "free, order {} at {}", order.number(), head.start()),
            Self::Cached { head, order, core } => {
                let (order, core) = (order.number(), core.number());
                write!(f, "free, order {order} at {} in core {core}'s cache", head.start())
            }
            Self::Pending { head } => write!(f, "given back at {}", head.start()),
            Self::Allocated { head, frames, owner } => {
                write!(f, "{frames} frames at {} of owner {}", head.start(), owner.number())
            }
            Self::Slab { head, pool } => {
                write!(f, "in the slab at {} of pool {}", head.start(), pool.number())
            }
            Self::Changing => f.write_str("changing"),
            Self::Damaged { word } => write!(f, "damaged: its word is {word:#x}"),
        }
    }
}
