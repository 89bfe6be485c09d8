//! Frames as ArceOS's allocator of pages.

use core::ptr::NonNull;

use ax_allocator::{AllocError, AllocResult, BaseAllocator, PageAllocator};

use super::errors::{add, no_frames};
use crate::{
    addr::{FRAME_SIZE, PhysAddr},
    allocator::FrameAllocator,
    cpu::CpuLocal,
    frame::{Frame, Order},
    map::State,
    request::Request,
    slabs::DirectMap,
    word::Owner,
};

/// Frames as ArceOS's allocator of pages. Each call hands out, or takes back, one block.
#[derive(Debug)]
pub struct Pages<'a, C, M> {
    frames: &'a FrameAllocator<'a, C>,
    memory: M,
    owner: Owner,
    used: u64,
    refused: u64,
}

impl<'a, C: CpuLocal, M: DirectMap> Pages<'a, C, M> {
    /// The adapter for `frames`. What it hands out is `owner`'s, who is nobody else.
    pub const fn new(frames: &'a FrameAllocator<'a, C>, memory: M, owner: Owner) -> Self {
        Self { frames, memory, owner, used: 0, refused: 0 }
    }

    /// How often memory was not added or not taken back, and the trait had no way to say so.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes pages back, all that one call handed out.
    ///
    /// # Errors
    ///
    /// `NotAllocated` where no block starts that was handed out here, and `InvalidParam` for another number of pages.
    pub fn try_dealloc(&mut self, start: usize, pages: usize) -> AllocResult {
        let address = self.address(start)?;
        if self.frames.free_exactly(address, pages as u64, self.owner).is_ok() {
            self.used = self.used.saturating_sub(pages as u64);
            return Ok(());
        }
        Err(match self.frames.state(address) {
            State::Allocated { owner, head, .. } if owner == self.owner && head.start() == address => {
                AllocError::InvalidParam
            }
            _ => AllocError::NotAllocated,
        })
    }

    fn address(&self, start: usize) -> AllocResult<PhysAddr> {
        let start = NonNull::new(core::ptr::without_provenance_mut(start)).ok_or(AllocError::InvalidParam)?;
        Ok(self.memory.address(start))
    }

    /// The address in the kernel of a block that was just handed out; the block goes back if that is not aligned.
    fn hand_out(&mut self, start: PhysAddr, pages: usize, align: usize) -> AllocResult<usize> {
        let pointer = self.memory.pointer(start).as_ptr();
        if !pointer.addr().is_multiple_of(align) {
            let _ = self.frames.free_frame(start);
            return Err(AllocError::InvalidParam);
        }
        self.used += pages as u64;
        Ok(pointer.expose_provenance())
    }

    fn count(&mut self, result: &AllocResult) {
        self.refused += u64::from(result.is_err());
    }
}

impl<C: CpuLocal, M: DirectMap> BaseAllocator for Pages<'_, C, M> {
    fn init(&mut self, start: usize, size: usize) {
        let added = self.add_memory(start, size);
        self.count(&added);
    }

    fn add_memory(&mut self, start: usize, size: usize) -> AllocResult {
        add(self.frames, &self.memory, start, size)
    }
}

impl<C: CpuLocal, M: DirectMap> PageAllocator for Pages<'_, C, M> {
    const PAGE_SIZE: usize = 4096;

    fn alloc_pages(&mut self, pages: usize, align: usize) -> AllocResult<usize> {
        let request = Request::frames(pages as u64).aligned_to(order_of(align)?).owned_by(self.owner);
        let start = self.frames.alloc(request).map_err(|error| no_frames(&error))?;
        self.hand_out(start, pages, align)
    }

    fn dealloc_pages(&mut self, start: usize, pages: usize) {
        let freed = self.try_dealloc(start, pages);
        self.count(&freed);
    }

    /// Only where a block of so many pages can start: at a multiple of the next power of two.
    fn alloc_pages_at(&mut self, base: usize, pages: usize, align: usize) -> AllocResult<usize> {
        order_of(align)?;
        let (start, pages_wanted) = (self.address(base)?, pages as u64);
        let order = Order::holding(pages_wanted).filter(|_| pages > 0);
        let head = Frame::starting_at(start).zip(order);
        let head = head.filter(|(head, order)| head.is_aligned(*order) && base.is_multiple_of(align));
        // The largest block in it; what is missing is taken behind that.
        let first = head.and_then(|(head, _)| head.largest_block(pages_wanted));
        let first = first.ok_or(AllocError::InvalidParam)?;
        match self.frames.state(start) {
            State::Hole | State::Reserved => return Err(AllocError::InvalidParam),
            _ => self.frames.alloc_at(start, first, self.owner).map_err(|error| no_frames(&error))?,
        };
        if first.frames() < pages_wanted && self.frames.resize(start, pages_wanted).is_err() {
            let _ = self.frames.free_frame(start);
            return Err(AllocError::NoMemory);
        }
        self.hand_out(start, pages, align)
    }

    fn total_pages(&self) -> usize {
        self.used_pages() + self.available_pages()
    }

    fn used_pages(&self) -> usize {
        count(self.used)
    }

    fn available_pages(&self) -> usize {
        count(self.frames.free().total())
    }
}

/// The smallest order that is aligned to so many bytes.
fn order_of(align: usize) -> AllocResult<Order> {
    let order = Order::holding(align as u64 / FRAME_SIZE).filter(|_| align.is_power_of_two());
    order.ok_or(AllocError::InvalidParam)
}

fn count(pages: u64) -> usize {
    usize::try_from(pages).unwrap_or(usize::MAX)
}
