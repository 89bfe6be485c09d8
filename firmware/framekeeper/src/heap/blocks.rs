//! Blocks: memory that is too large, or aligned to too much, for slabs.
//!
//! A block is exactly the frames that its bytes need; the rest of the power of two that it is cut from stays free. The map
//! has its size and its owner, and it goes back by one checked swap of a word that says both.

use core::{alloc::Layout, ptr::NonNull};

use super::{
    errors::{HeapError, ReallocError},
    phases::Parts,
};
use crate::{
    addr::{FRAME_SIZE, PhysAddr},
    allocator::FrameAllocator,
    cpu::CpuLocal,
    errors::{AllocError, ResizeError},
    frame::Order,
    map::State,
    request::Request,
    slabs::{DirectMap, FreeIn, Hardening, Misuse, ObjectAddr},
    sync::{AtomicU64, Ordering::Relaxed},
    word::Owner,
};

/// The blocks of a heap.
#[derive(Debug)]
pub(super) struct Blocks {
    owner: Owner,
    frames: AtomicU64,
}

/// What became of an attempt to change a block's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resized {
    /// It has its new size.
    InPlace,
    /// It cannot be done where it is.
    Not,
}

impl Blocks {
    pub(super) const fn new(owner: Owner) -> Self {
        Self { owner, frames: AtomicU64::new(0) }
    }

    /// Bytes of all blocks.
    pub(super) fn bytes(&self) -> u64 {
        self.frames.load(Relaxed) * FRAME_SIZE
    }

    fn count(&self, given: u64, taken: u64) {
        // Wrapping on the way: the sum is what it should be.
        self.frames.fetch_add(given.wrapping_sub(taken), Relaxed);
    }
}

impl<'a, C: CpuLocal, M: DirectMap, H: Hardening> Parts<'a, C, M, H> {
    /// A block for a layout.
    #[cold]
    #[inline(never)]
    pub(super) fn alloc_block(&self, layout: Layout) -> Result<NonNull<u8>, HeapError> {
        let (size, align) = (layout.size(), layout.align());
        let request = self.request(layout).ok_or(HeapError::TooLarge { size, align })?;
        let start = match self.frames().alloc(request) {
            Err(AllocError::OutOfMemory(_)) => {
                self.slabs.shrink();
                self.frames().alloc(request)
            }
            result => result,
        };
        let start = start.map_err(HeapError::NoMemory)?;
        let block = self.slabs.ground().memory().pointer(start);
        if !block.as_ptr().addr().is_multiple_of(align) {
            let _ = self.frames().free_exactly(start, frames_of(layout), self.blocks.owner);
            return Err(HeapError::Misaligned { align });
        }
        self.blocks.count(frames_of(layout), 0);
        Ok(block)
    }

    /// Takes a block back that was handed out for a layout.
    #[cold]
    #[inline(never)]
    pub(super) fn free_block(&self, block: NonNull<u8>, layout: Layout) -> Result<(), Misuse> {
        let start = self.slabs.ground().memory().address(block);
        self.frames()
            .free_exactly(start, frames_of(layout), self.blocks.owner)
            .map_err(|_| self.wrong_block(block, start, layout))?;
        self.blocks.count(0, frames_of(layout));
        Ok(())
    }

    /// Makes a block that was handed out for one layout one for another, where it is, if that can be done.
    pub(super) fn resize_block(
        &self,
        block: NonNull<u8>,
        from: Layout,
        to: Layout,
    ) -> Result<Resized, ReallocError> {
        let start = self.slabs.ground().memory().address(block);
        let (had, wanted, owner) = (frames_of(from), frames_of(to), self.blocks.owner);
        if !self.frames().has(start, had, owner) {
            return Err(self.wrong_block(block, start, from).into());
        }
        if !block.as_ptr().addr().is_multiple_of(to.align()) {
            return Ok(Resized::Not);
        }
        if had == wanted {
            return Ok(Resized::InPlace);
        }
        match self.frames().resize_from(start, had, wanted, owner) {
            Ok(()) => {
                self.blocks.count(wanted, had);
                Ok(Resized::InPlace)
            }
            Err(ResizeError::NotAllocated(_)) => Err(self.wrong_block(block, start, from).into()),
            // Not to be had by a copy either: it was refused, and is not asked for again.
            Err(ResizeError::Refused(asked)) => Err(HeapError::NoMemory(asked.into()).into()),
            Err(_) => Ok(Resized::Not),
        }
    }

    pub(super) fn frames(&self) -> &'a FrameAllocator<'a, C> {
        self.slabs.ground().frames()
    }

    fn request(&self, layout: Layout) -> Option<Request> {
        let request = Request::frames(frames_of(layout)).aligned_to(order_of(layout)?);
        request.holding().map(|_| request.owned_by(self.blocks.owner))
    }

    /// What is wrong with what was said to be a block for a layout.
    #[cold]
    fn wrong_block(&self, block: NonNull<u8>, start: PhysAddr, layout: Layout) -> Misuse {
        let address = ObjectAddr(block.as_ptr().addr());
        match self.frames().state(start) {
            State::Allocated { head, owner, .. } if owner == self.blocks.owner => {
                // The block's start, where it is mapped.
                let inside = self.slabs.ground().memory().pointer(head.start());
                if head.start() == start {
                    Misuse::WrongSize { address, size: layout.size() }
                } else {
                    Misuse::NotStart { address, object: Some(ObjectAddr(inside.as_ptr().addr())) }
                }
            }
            found @ (State::Free { .. } | State::Cached { .. } | State::Pending { .. }) => {
                Misuse::DoubleFree { address, found: FreeIn::Frames(found) }
            }
            found => Misuse::Foreign { address, found },
        }
    }
}

/// How many frames a layout needs.
fn frames_of(layout: Layout) -> u64 {
    (layout.size() as u64).div_ceil(FRAME_SIZE).max(1)
}

/// The smallest order that is aligned as a layout is; none if no order is.
fn order_of(layout: Layout) -> Option<Order> {
    Order::holding(layout.align() as u64 / FRAME_SIZE)
}
