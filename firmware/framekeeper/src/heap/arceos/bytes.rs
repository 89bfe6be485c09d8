//! A heap as ArceOS's allocator of bytes.

#![expect(unsafe_code, reason = "what a safe trait takes back is what its callers say is theirs")]

use core::{alloc::Layout, ptr::NonNull};

use ax_allocator::{AllocResult, BaseAllocator, ByteAllocator};

use super::errors::{add, misused, refused};
use crate::{
    cpu::CpuLocal,
    heap::Heap,
    slabs::{DirectMap, Hardening, Standard},
};

/// A heap as ArceOS's allocator of bytes.
///
/// The heap is to be [told](Heap::init) of its frames, none of which need be free, before it is given memory here.
#[derive(Debug)]
pub struct Bytes<'h, 'a, C, M, H = Standard> {
    heap: &'h Heap<'a, C, M, H>,
    refused: u64,
}

impl<'h, 'a, C: CpuLocal, M: DirectMap, H: Hardening> Bytes<'h, 'a, C, M, H> {
    /// The adapter for a heap.
    #[must_use]
    pub const fn new(heap: &'h Heap<'a, C, M, H>) -> Self {
        Self { heap, refused: 0 }
    }

    /// How often memory was not added or not taken back, and the trait had no way to say so.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes memory back.
    ///
    /// # Errors
    ///
    /// `NotAllocated` where nothing was handed out, and `InvalidParam` for another size.
    pub fn try_dealloc(&mut self, start: NonNull<u8>, layout: Layout) -> AllocResult {
        // SAFETY: who gives memory back to an ArceOS allocator does not use it any more; the trait has no word for it.
        unsafe { self.heap.free(start, layout) }.map_err(|misuse| misused(&misuse))
    }

    fn count(&mut self, result: &AllocResult) {
        self.refused += u64::from(result.is_err());
    }
}

impl<C: CpuLocal, M: DirectMap, H: Hardening> BaseAllocator for Bytes<'_, '_, C, M, H> {
    fn init(&mut self, start: usize, size: usize) {
        let added = self.add_memory(start, size);
        self.count(&added);
    }

    fn add_memory(&mut self, start: usize, size: usize) -> AllocResult {
        let slabs = self.heap.slabs().map_err(|error| refused(&error))?;
        add(slabs.ground().frames(), slabs.ground().memory(), start, size)
    }
}

impl<C: CpuLocal, M: DirectMap, H: Hardening> ByteAllocator for Bytes<'_, '_, C, M, H> {
    fn alloc(&mut self, layout: Layout) -> AllocResult<NonNull<u8>> {
        self.heap.alloc(layout).map_err(|error| refused(&error))
    }

    fn dealloc(&mut self, start: NonNull<u8>, layout: Layout) {
        let freed = self.try_dealloc(start, layout);
        self.count(&freed);
    }

    fn total_bytes(&self) -> usize {
        size(self.heap.usage().total())
    }

    fn used_bytes(&self) -> usize {
        size(self.heap.usage().used())
    }

    fn available_bytes(&self) -> usize {
        size(self.heap.usage().available)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
