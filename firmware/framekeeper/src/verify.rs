//! Checking a zone against the five clauses that make a buddy allocator correct.
//!
//! 1. A free block is in the list of its order, and only there.
//! 2. Links are mutual.
//! 3. A block is aligned to its order and lies inside its zone.
//! 4. No two buddies of equal order are both free, below the largest order.
//! 5. Everything else is allocated or reserved, and no two blocks overlap.
//!
//! And the counters say what the lists and the map say. This reads the whole map: it is for tests and for the end of
//! a suite, not for a running kernel.

use crate::{
    frame::{Frame, Order},
    word::Word,
    zone::Zone,
};

/// What is wrong with a zone, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A list leads to a frame that is no free head of its order.
    WrongHead {
        /// The list's order.
        order: Order,
        /// The frame.
        frame: Frame,
    },
    /// A block's link back is not to the block before it, or its link on leads nowhere.
    BrokenLink {
        /// The list's order.
        order: Order,
        /// The block.
        frame: Frame,
    },
    /// A list is longer or shorter than its counter says; also when it goes in a circle.
    WrongCount {
        /// The list's order.
        order: Order,
        /// What the counter says.
        counted: u64,
    },
    /// The mask of lists that are not empty is wrong about this order.
    WrongMask {
        /// The order.
        order: Order,
    },
    /// A word that nobody can have written.
    Damaged {
        /// Its frame.
        frame: Frame,
    },
    /// A block does not start at a multiple of its size, or leaves its zone.
    Misplaced {
        /// The block.
        frame: Frame,
    },
    /// Two buddies are free and were not joined.
    NotJoined {
        /// The lower one.
        frame: Frame,
        /// Their order.
        order: Order,
    },
    /// A free block is in no list.
    Unlisted {
        /// The block.
        frame: Frame,
    },
    /// A frame inside a block does not say that it is a tail.
    Overlap {
        /// The block.
        head: Frame,
        /// The frame.
        frame: Frame,
    },
    /// A frame says that it is a tail and belongs to no block.
    Stray {
        /// The frame.
        frame: Frame,
    },
}

impl Zone<'_> {
    /// Checks everything.
    ///
    /// # Errors
    ///
    /// The first fault that is found.
    pub fn verify(&self) -> Result<(), Fault> {
        Order::all().try_for_each(|order| self.verify_list(order))?;
        self.verify_map()
    }

    fn verify_list(&self, order: Order) -> Result<(), Fault> {
        let counted = self.free_blocks(order);
        if (self.nonempty() >> order.number() & 1 == 1) != self.first(order).is_some() {
            return Err(Fault::WrongMask { order });
        }
        let (mut next, mut previous) = (self.first(order), None);
        for _ in 0..counted {
            let Some(frame) = next else { return Err(Fault::WrongCount { order, counted }) };
            let word = self.map().word(frame);
            if word.order() != Some(order) {
                return Err(Fault::WrongHead { order, frame });
            }
            if word.previous() != previous {
                return Err(Fault::BrokenLink { order, frame });
            }
            previous = self.map().slot(frame);
            next = match word.next().map(|slot| self.map().frame(slot)) {
                Some(None) => return Err(Fault::BrokenLink { order, frame }),
                Some(found) => found,
                None => None,
            };
        }
        if next.is_none() { Ok(()) } else { Err(Fault::WrongCount { order, counted }) }
    }

    /// Every frame of the zone is a head, a tail of the block before it, reserved, or a hole.
    fn verify_map(&self) -> Result<(), Fault> {
        let mut free = [0; Order::COUNT];
        let mut block: Option<(Frame, u64)> = None;
        for frame in self.map().frames().filter(|frame| self.limits().contains(frame.start())) {
            let word = self.map().word(frame);
            if !word.is_canonical() {
                return Err(Fault::Damaged { frame });
            }
            let inside = block.filter(|&(head, frames)| frame.number() - head.number() < frames);
            match (inside, word) {
                (Some(_), Word::TAIL) | (None, Word::HOLE | Word::RESERVED) => continue,
                (Some((head, _)), _) => return Err(Fault::Overlap { head, frame }),
                (None, Word::TAIL) => return Err(Fault::Stray { frame }),
                (None, _) => {}
            }
            block = Some((frame, word.frames()));
            let last = frame.plus(word.frames().wrapping_sub(1)).start();
            if word.frames() == 0
                || !self.limits().contains(last)
                || self.map().slot(Frame::containing(last)).is_none()
            {
                return Err(Fault::Misplaced { frame });
            }
            if let Some(order) = word.order() {
                self.verify_free(frame, order)?;
                free.iter_mut().skip(order.index()).take(1).for_each(|count| *count += 1);
            }
        }
        let wrong = Order::all().find(|&order| free.get(order.index()) != Some(&self.free_blocks(order)));
        wrong.map_or(Ok(()), |order| Err(Fault::WrongCount { order, counted: self.free_blocks(order) }))
    }

    fn verify_free(&self, frame: Frame, order: Order) -> Result<(), Fault> {
        if !frame.is_aligned(order) {
            return Err(Fault::Misplaced { frame });
        }
        let buddy = self.map().word(frame.buddy(order));
        if buddy.order() == Some(order) && order < Order::MAX {
            return Err(Fault::NotJoined { frame: frame.min(frame.buddy(order)), order });
        }
        let word = self.map().word(frame);
        let is_first = self.first(order) == Some(frame);
        if word.previous().is_none() != is_first { Err(Fault::Unlisted { frame }) } else { Ok(()) }
    }
}
