//! A zone: the free blocks of one stretch of physical memory, by the buddy method.
//!
//! A free block of order n starts at a multiple of 2^n frames. Taking a smaller one splits it in halves; giving back
//! joins a block with its buddy, the other half, whenever that is free as a whole. The free blocks of an order form a
//! list whose links lie in the frame map, so a block leaves its list without a search and the memory itself is never
//! touched. What is not free memory of this zone is not marked free in the map, so nothing joins across it.
//!
//! A zone is one writer: whoever shares it puts it behind a lock. Giving back is decided by one checked swap of the
//! map's word, so of two who give back the same block exactly one succeeds, whoever holds what.

use core::fmt;

use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    frame::{Frame, Order},
    map::{FrameMap, Owner, State},
    word::Word,
};

/// The free blocks of a stretch of memory.
#[derive(Debug)]
pub struct Zone<'a> {
    map: &'a FrameMap<'a>,
    limits: PhysRange,
    first: [Option<Frame>; Order::COUNT],
    blocks: [u64; Order::COUNT],
    /// Bit n: there is a free block of order n.
    nonempty: u32,
    effort: Effort,
}

/// Work that was done, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Blocks put into a list or taken out of one.
    pub list_changes: u64,
    /// Blocks split in halves.
    pub splits: u64,
    /// Blocks joined with their buddies.
    pub joins: u64,
}

/// Why a block could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocError {
    /// No free block is large enough.
    OutOfMemory {
        /// The order that was needed.
        wanted: Order,
        /// The largest free block.
        largest: Option<Order>,
        /// Free frames in blocks that were too small.
        free_frames: u64,
    },
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
    /// The address is no start of a block of that order.
    Misaligned {
        /// Which.
        address: PhysAddr,
    },
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory { wanted, largest: Some(largest), free_frames } => write!(
                f,
                "wanted order {}, largest free {}, {free_frames} frames free",
                wanted.number(),
                largest.number()
            ),
            Self::OutOfMemory { wanted, largest: None, .. } => {
                write!(f, "wanted order {}, nothing is free", wanted.number())
            }
            Self::BadSize { frames } => write!(f, "{frames} frames are not 1 to {}", Order::MAX.frames()),
            Self::NotFree { address, found } => write!(f, "wanted {address}, which is {found:?}"),
            Self::Misaligned { address } => write!(f, "{address} is no start of such a block"),
        }
    }
}

impl core::error::Error for AllocError {}

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
    /// Another zone has it.
    Foreign {
        /// Which.
        address: PhysAddr,
    },
}

impl fmt::Display for FreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned { address } => write!(f, "{address} is no start of a frame"),
            Self::NotHead { address, head } => {
                write!(f, "{address} lies inside the block at {}", head.start())
            }
            Self::NotAllocated { address, found } => write!(f, "nobody has {address}: {found:?}"),
            Self::Foreign { address } => write!(f, "{address} belongs to another zone"),
        }
    }
}

impl core::error::Error for FreeError {}

impl<'a> Zone<'a> {
    /// An empty zone for the memory in `limits`, which no other zone has.
    #[must_use]
    pub const fn new(map: &'a FrameMap<'a>, limits: PhysRange) -> Self {
        let (first, blocks) = ([None; Order::COUNT], [0; Order::COUNT]);
        let effort = Effort { list_changes: 0, splits: 0, joins: 0 };
        Self { map, limits, first, blocks, nonempty: 0, effort }
    }

    /// Adds the frames of `range` that are reserved and inside the zone's limits: from now on they are free.
    pub fn add(&mut self, range: PhysRange) {
        let range = range.round_inward();
        let (mut run, mut length) = (Frame::containing(range.start()), 0);
        for number in range.start().0 / FRAME_SIZE..range.end().0 / FRAME_SIZE {
            let frame = Frame::new(number);
            if self.limits.contains(frame.start()) && self.map.swap(frame, Word::RESERVED, Word::TAIL).is_ok()
            {
                length += 1;
                continue;
            }
            self.release(run, length);
            (run, length) = (frame.plus(1), 0);
        }
        self.release(run, length);
    }

    /// Hands out a block.
    ///
    /// # Errors
    ///
    /// [`AllocError::OutOfMemory`].
    pub fn take(&mut self, order: Order, owner: Owner) -> Result<Frame, AllocError> {
        let head = self.cut(order)?;
        self.map.set(head, Word::allocated(order.frames(), owner));
        Ok(head)
    }

    /// Hands out exactly so many frames in one piece, at a multiple of the next power of two.
    ///
    /// # Errors
    ///
    /// [`AllocError::OutOfMemory`] and [`AllocError::BadSize`].
    pub fn take_frames(&mut self, frames: u64, owner: Owner) -> Result<Frame, AllocError> {
        let order = Order::holding(frames).filter(|_| frames > 0).ok_or(AllocError::BadSize { frames })?;
        let head = self.cut(order)?;
        self.release(head.plus(frames), order.frames() - frames);
        self.map.set(head, Word::allocated(frames, owner));
        Ok(head)
    }

    /// Hands out the block of `order` that starts at `address`.
    ///
    /// # Errors
    ///
    /// [`AllocError::Misaligned`] and [`AllocError::NotFree`].
    pub fn take_at(&mut self, address: PhysAddr, order: Order, owner: Owner) -> Result<Frame, AllocError> {
        let frame = Frame::starting_at(address).filter(|frame| frame.is_aligned(order));
        let frame = frame.ok_or(AllocError::Misaligned { address })?;
        let found = self.map.state(address);
        let State::Free { head, order: found_order } = found else {
            return Err(AllocError::NotFree { address, found });
        };
        if found_order < order || !self.limits.contains(address) {
            return Err(AllocError::NotFree { address, found });
        }
        self.unlink(head, found_order);
        self.map.set(head, Word::TAIL);
        self.split_around(head, found_order, frame, order);
        self.map.set(frame, Word::allocated(order.frames(), owner));
        Ok(frame)
    }

    /// Takes back the block that starts at `address`. How large it is and whether it is out at all, the map knows.
    ///
    /// # Errors
    ///
    /// Nobody has a block that starts there. Nothing has changed then.
    pub fn give(&mut self, address: PhysAddr) -> Result<u64, FreeError> {
        let frame = Frame::starting_at(address).ok_or(FreeError::Misaligned { address })?;
        if !self.limits.contains(address) {
            return Err(FreeError::Foreign { address });
        }
        let word = self.map.word(frame);
        if !word.is_allocated() || self.map.swap(frame, word, Word::TAIL).is_err() {
            return Err(self.why_not(address, frame));
        }
        self.release(frame, word.frames());
        Ok(word.frames())
    }

    /// How many blocks of `order` are free.
    #[must_use]
    pub fn free_blocks(&self, order: Order) -> u64 {
        self.blocks.get(order.index()).copied().unwrap_or(0)
    }

    /// How many frames are free.
    #[must_use]
    pub fn free_frames(&self) -> u64 {
        Order::all().map(|order| self.free_blocks(order) * order.frames()).sum()
    }

    /// The order of the largest free block.
    #[must_use]
    pub fn largest(&self) -> Option<Order> {
        Order::all().rev().find(|order| self.nonempty >> order.number() & 1 == 1)
    }

    /// The share of free frames that lies in blocks smaller than `order`, in thousandths: Linux's unusable-space index.
    #[must_use]
    pub fn unusable_per_mille(&self, order: Order) -> u64 {
        let usable: u64 = Order::all()
            .filter(|&each| each >= order)
            .map(|each| self.free_blocks(each) * each.frames())
            .sum();
        let free = self.free_frames();
        (free - usable).saturating_mul(1000).checked_div(free).unwrap_or(0)
    }

    /// The work done so far.
    #[must_use]
    pub const fn effort(&self) -> Effort {
        self.effort
    }

    /// The memory that may be in this zone.
    #[must_use]
    pub const fn limits(&self) -> PhysRange {
        self.limits
    }

    pub(crate) const fn map(&self) -> &'a FrameMap<'a> {
        self.map
    }

    pub(crate) fn first(&self, order: Order) -> Option<Frame> {
        self.first.get(order.index()).copied().flatten()
    }

    pub(crate) const fn nonempty(&self) -> u32 {
        self.nonempty
    }

    /// Takes a block of `order` out of the lists, splitting the smallest that is large enough.
    fn cut(&mut self, order: Order) -> Result<Frame, AllocError> {
        let large_enough = self.nonempty >> order.number();
        let found = large_enough.trailing_zeros() + u32::from(order.number());
        let from = u8::try_from(found).ok().filter(|_| large_enough != 0).and_then(Order::new);
        let from = from.and_then(|from| Some((self.first(from)?, from)));
        let (head, from) = from.ok_or_else(|| self.out_of_memory(order))?;
        self.unlink(head, from);
        self.split_around(head, from, head, order);
        Ok(head)
    }

    /// Frees all of the block at `head` but the block of `order` at `keep`, which lies inside. Its word is left alone.
    fn split_around(&mut self, mut head: Frame, from: Order, keep: Frame, order: Order) {
        let mut current = from;
        while let Some(half) = current.below().filter(|_| current > order) {
            let upper = head.buddy(half);
            let kept_is_upper = keep >= upper;
            let (freed, kept) = if kept_is_upper { (head, upper) } else { (upper, head) };
            self.link(freed, half);
            self.effort.splits += 1;
            (head, current) = (kept, half);
        }
    }

    /// Frees `frames` frames from `first` on, none of which is a head.
    fn release(&mut self, mut first: Frame, mut frames: u64) {
        while let Some(order) = first.largest_block(frames) {
            self.join_in(first, order);
            first = first.plus(order.frames());
            frames -= order.frames();
        }
    }

    /// Frees a block, joined with its buddies as far as they are free.
    fn join_in(&mut self, mut head: Frame, mut order: Order) {
        while let Some(above) = order.above() {
            let buddy = head.buddy(order);
            if self.map.word(buddy).order() != Some(order) || !self.limits.contains(buddy.start()) {
                break;
            }
            self.unlink(buddy, order);
            self.map.set(buddy, Word::TAIL);
            self.effort.joins += 1;
            (head, order) = (head.min(buddy), above);
        }
        self.link(head, order);
    }

    /// Makes `head` the first of its list.
    fn link(&mut self, head: Frame, order: Order) {
        let next = self.first(order);
        self.map.set(head, Word::free(order, None, next.and_then(|next| self.map.slot(next))));
        if let Some(next) = next {
            let after = self.map.word(next).next();
            self.map.set(next, Word::free(order, self.map.slot(head), after));
        }
        self.count(order, Some(head), 1);
    }

    /// Takes `head` out of its list. Its word is left alone.
    fn unlink(&mut self, head: Frame, order: Order) {
        let word = self.map.word(head);
        let neighbour = |slot| self.map.frame(slot);
        let (previous, next) = (word.previous().and_then(neighbour), word.next().and_then(neighbour));
        if let Some(next) = next {
            self.map.set(next, Word::free(order, word.previous(), self.map.word(next).next()));
        }
        match previous {
            Some(previous) => {
                self.map.set(previous, Word::free(order, self.map.word(previous).previous(), word.next()));
                self.count(order, self.first(order), -1);
            }
            None => self.count(order, next, -1),
        }
    }

    /// Notes the first block of a list and that it is longer or shorter by one.
    fn count(&mut self, order: Order, first: Option<Frame>, change: i64) {
        if let (Some(slot), Some(blocks)) =
            (self.first.get_mut(order.index()), self.blocks.get_mut(order.index()))
        {
            *slot = first;
            *blocks = blocks.saturating_add_signed(change);
        }
        let bit = 1 << order.number();
        self.nonempty = if first.is_some() { self.nonempty | bit } else { self.nonempty & !bit };
        self.effort.list_changes += 1;
    }

    fn out_of_memory(&self, wanted: Order) -> AllocError {
        AllocError::OutOfMemory { wanted, largest: self.largest(), free_frames: self.free_frames() }
    }

    fn why_not(&self, address: PhysAddr, frame: Frame) -> FreeError {
        match self.map.state(address) {
            State::Allocated { head, .. } if head != frame => FreeError::NotHead { address, head },
            found => FreeError::NotAllocated { address, found },
        }
    }
}
