//! A block in a dump.

use crate::{
    cpu::Core,
    frame::{Frame, Order},
    map::State,
    word::{Owner, PoolId},
};

/// What a block is, wherever it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// A frame that is not RAM.
    Hole,
    /// A frame of RAM that is not handed out.
    Reserved,
    /// A free block.
    Free {
        /// Its order.
        order: Order,
    },
    /// A free block that a core keeps.
    Cached {
        /// Its order.
        order: Order,
        /// Which core.
        core: Core,
    },
    /// A block that was given back and waits until its zone is not busy.
    Pending {
        /// How many frames it has.
        frames: u64,
    },
    /// A block that somebody has.
    Allocated {
        /// How many frames it has; not always a power of two.
        frames: u64,
        /// Who.
        owner: Owner,
    },
    /// A frame of a slab.
    Slab {
        /// Whose objects it has.
        pool: PoolId,
    },
    /// Frames that somebody was changing.
    Changing {
        /// How many.
        frames: u64,
    },
    /// A frame whose word in the map is not one that was ever written.
    Damaged {
        /// The word.
        word: u32,
    },
}

impl Block {
    /// How many frames it has.
    #[must_use]
    pub const fn frames(self) -> u64 {
        match self {
            Self::Hole | Self::Reserved | Self::Slab { .. } | Self::Damaged { .. } => 1,
            Self::Free { order } | Self::Cached { order, .. } => order.frames(),
            Self::Pending { frames } | Self::Allocated { frames, .. } | Self::Changing { frames } => frames,
        }
    }

    /// The block that starts at `frame`, by its state, and of a pending one by how many frames that has. What has no start
    /// here came about while the map was being read.
    pub(super) fn starting_at(frame: Frame, state: State, pending: u64) -> Self {
        let behind = |head: Frame, frames: u64| {
            frames.saturating_sub(frame.number().wrapping_sub(head.number())).max(1)
        };
        match state {
            State::Hole => Self::Hole,
            State::Reserved => Self::Reserved,
            State::Free { head, order } if head == frame => Self::Free { order },
            State::Cached { head, order, core } if head == frame => Self::Cached { order, core },
            State::Pending { head } if head == frame => Self::Pending { frames: pending },
            State::Allocated { head, frames, owner } if head == frame => Self::Allocated { frames, owner },
            State::Free { head, order } | State::Cached { head, order, .. } => {
                Self::Changing { frames: behind(head, order.frames()) }
            }
            State::Allocated { head, frames, .. } => Self::Changing { frames: behind(head, frames) },
            State::Slab { pool, .. } => Self::Slab { pool },
            State::Pending { .. } | State::Changing => Self::Changing { frames: 1 },
            State::Damaged { word } => Self::Damaged { word },
        }
    }
}
