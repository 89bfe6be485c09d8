//! Blocks that free themselves.

use core::mem::ManuallyDrop;

use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    allocator::FrameAllocator,
    cpu::CpuLocal,
    errors::AllocError,
    request::Request,
};

/// A block of frames that somebody has, and that is given back when this is dropped.
///
/// Holding one proves that nobody else was handed these frames, and that the allocator gets them back exactly once,
/// unless its address is given to [`FrameAllocator::free_frame`] behind its back. It does not prove that the memory is
/// mapped, or what it contains.
#[derive(Debug)]
pub struct Frames<'f, 'a, C: CpuLocal> {
    allocator: &'f FrameAllocator<'a, C>,
    start: PhysAddr,
    count: u64,
}

impl<'f, 'a, C: CpuLocal> Frames<'f, 'a, C> {
    /// What `allocator` hands out for `request`.
    ///
    /// # Errors
    ///
    /// As [`FrameAllocator::alloc`].
    pub fn new(allocator: &'f FrameAllocator<'a, C>, request: Request) -> Result<Self, AllocError> {
        let start = allocator.alloc(request)?;
        Ok(Self { allocator, start, count: request.frame_count() })
    }

    /// The first address.
    #[must_use]
    pub const fn start(&self) -> PhysAddr {
        self.start
    }

    /// How many frames.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// All of its addresses.
    #[must_use]
    pub const fn range(&self) -> PhysRange {
        PhysRange::new(self.start, PhysAddr(self.start.0 + self.count * FRAME_SIZE))
    }

    /// Leaves the block with the caller, who gives it back by its address.
    #[must_use]
    pub fn into_raw(self) -> PhysAddr {
        ManuallyDrop::new(self).start
    }
}

impl<C: CpuLocal> Drop for Frames<'_, '_, C> {
    fn drop(&mut self) {
        // An error means that somebody gave it back already, who was told nothing. There is nobody to tell here.
        let _ = self.allocator.free_frame(self.start);
    }
}
