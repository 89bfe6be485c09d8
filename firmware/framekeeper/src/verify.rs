//! Checking an allocator against the five clauses that make a buddy allocator correct.
//!
//! 1. A free block is counted and found as a block of its order, and of no other.
//! 2. What leads to it is mutual: a node's bits, its counts, the classes and their summaries say the same.
//! 3. A block is aligned to its order and lies inside its zone.
//! 4. No two buddies of equal order are both free, below the largest order.
//! 5. Everything else is cached, pending, allocated or reserved, and no two blocks overlap.
//!
//! And the counters say what the bits and the map say. Where others have lists and links, here are bits: that clause 4
//! holds follows from clause 2, since a node's counts are those of its bits, joined as far as they go.
//!
//! This reads the whole map: it is for tests and for the end of a suite, not for a running kernel.

mod caches;
#[cfg(test)]
mod clauses;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod places;
mod words;
mod zone;

use crate::{
    allocator::FrameAllocator,
    cpu::{Core, CpuLocal},
    frame::{Frame, Order},
    map::ZoneKind,
};
use words::verify_words;
use zone::{verify_pending, verify_zone};

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node's free bits, its counts and its class do not agree.
    Node {
        /// The zone.
        zone: ZoneKind,
        /// The order of the node's units: 0 for frames, 9 for areas.
        units: Order,
        /// Which node, counted from the zone's start.
        node: usize,
    },
    /// The classes' summaries do not agree with the classes.
    Summary {
        /// The zone.
        zone: ZoneKind,
        /// The order of the units of its nodes.
        units: Order,
    },
    /// The number of free blocks of an order is wrong.
    Count {
        /// The zone.
        zone: ZoneKind,
        /// The order.
        order: Order,
        /// What the counter says.
        counted: u64,
        /// How many there are.
        found: u64,
    },
    /// A word that nobody can have written.
    Damaged {
        /// Its frame.
        frame: Frame,
    },
    /// A block does not start at a multiple of its size, or leaves its memory.
    Misplaced {
        /// The block.
        frame: Frame,
    },
    /// A frame inside a block is free, or says something else than that it is a part.
    Overlap {
        /// The block.
        head: Frame,
        /// The frame.
        frame: Frame,
    },
    /// A frame is free whose word says that it is something else.
    FreeAndNot {
        /// The frame.
        frame: Frame,
    },
    /// A frame that is part of nothing and says that it is.
    Stray {
        /// The frame.
        frame: Frame,
    },
    /// A core's cache and the map do not agree about a block.
    Cache {
        /// Whose.
        core: Core,
        /// The block.
        frame: Frame,
    },
    /// A core's cache was never like this: its count, its limit, or the word of its blocks.
    Stack {
        /// Whose.
        core: Core,
        /// The order of the blocks.
        order: Order,
    },
    /// The list of what waits for a zone leads to something else.
    Pending {
        /// The zone.
        zone: ZoneKind,
        /// The last block that is right, if any is.
        before: Option<Frame>,
    },
    /// Blocks wait that are in no zone's list.
    Forgotten {
        /// How many are in the lists.
        listed: usize,
        /// How many there are.
        found: usize,
    },
    /// Somebody is inside, against the condition.
    Busy {
        /// The zone that is locked.
        zone: ZoneKind,
    },
    /// The tables of the map are not right about a section.
    Table {
        /// Its first frame, as far as can be told.
        frame: Frame,
    },
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the allocator is damaged: {self:?}")
    }
}

impl core::error::Error for Fault {}

impl<C: CpuLocal> FrameAllocator<'_, C> {
    /// Checks everything and changes nothing, while no core is inside the allocator.
    ///
    /// # Errors
    ///
    /// The first fault that is found.
    pub fn verify(&self) -> Result<(), Fault> {
        let map = self.map();
        // First, since all else is found by the tables.
        if let Some(frame) = map.wrong_section() {
            return Err(Fault::Table { frame });
        }
        self.cpu().pinned(|_| {
            let mut pending = 0;
            for kind in ZoneKind::ALL {
                let zone = self.zone(kind);
                pending += verify_pending(map, zone, kind)?;
                let locked = zone.zone.try_lock().ok_or(Fault::Busy { zone: kind })?;
                verify_zone(&locked)?;
            }
            let heads = verify_words(map)?;
            if heads.pending != pending {
                return Err(Fault::Forgotten { listed: pending, found: heads.pending });
            }
            self.verify_caches(heads.cached)
        })
    }
}
