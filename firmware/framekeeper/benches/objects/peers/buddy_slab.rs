//! `buddy-slab-allocator`: its global allocator, with slabs for each core.

#![expect(unsafe_code, reason = "the peer is given memory and takes objects back on the caller's word")]

use crate::{
    arena::FRAME,
    buddy_slab::{self, PAGE},
    memory::Memory,
    object::Objects,
};
use buddy_slab_allocator::GlobalAllocator;
use std::{
    alloc::Layout,
    ptr::{self, NonNull},
};

pub(crate) struct BuddySlab(GlobalAllocator<PAGE>);

impl Objects for BuddySlab {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.alloc(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn free(&self, object: *mut u8, layout: Layout) {
        if let Some(object) = NonNull::new(object) {
            // SAFETY: as promised by the caller.
            unsafe { self.0.dealloc(object, layout) };
        }
    }

    fn held(&self) -> Option<u64> {
        Some(self.0.allocated_bytes() as u64)
    }
}

pub(crate) fn on_fresh(memory: &mut Memory) -> BuddySlab {
    let bytes = memory.bytes();
    // It looks for a slab's head in the pages before an object and knows it by a number. Those of the turn before would
    // be taken for heads of this one, as after a warm restart.
    bytes.iter_mut().step_by(FRAME as usize).for_each(|first| *first = 0);
    // SAFETY: nobody else uses the memory until the next turn, and then the allocator is gone.
    BuddySlab(unsafe { buddy_slab::init(bytes) })
}
