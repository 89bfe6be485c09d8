//! `rlsf`: two levels of size classes over one piece of memory (TLSF), behind a spin lock.

#![expect(unsafe_code, reason = "the peer is given memory and takes objects back on the caller's word")]

use crate::{
    memory::{Memory, SIZE},
    object::Objects,
};
use ::rlsf::Tlsf;
use spin::Mutex;
use std::{
    alloc::Layout,
    ptr::{self, NonNull},
};

/// 26 first levels, of blocks of 32 bytes to 2 GiB, each of 32 second levels: as many as the bitmaps have bits.
type Heap = Tlsf<'static, u32, u32, 26, 32>;

pub(crate) struct Locked(Mutex<Heap>);

impl Objects for Locked {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().allocate(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn free(&self, object: *mut u8, layout: Layout) {
        if let Some(object) = NonNull::new(object) {
            // SAFETY: as promised by the caller.
            unsafe { self.0.lock().deallocate(object, layout.align()) };
        }
    }
}

pub(crate) fn on_fresh(memory: &mut Memory) -> Locked {
    let mut heap = Heap::new();
    let block = NonNull::slice_from_raw_parts(memory.start(), SIZE as usize);
    // SAFETY: nobody else uses the memory until the next turn, and then the heap is gone.
    unsafe { heap.insert_free_block_ptr(block) }.expect("enough memory");
    Locked(Mutex::new(heap))
}
