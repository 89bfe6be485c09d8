//! Whoever can be a program's global allocator.

#![expect(unsafe_code, reason = "global allocators take all on the caller's word")]

use crate::object::Objects;
use std::alloc::{GlobalAlloc, Layout};

#[derive(Debug)]
pub(crate) struct Global<G>(pub(crate) G);

impl<G: GlobalAlloc + Sync> Objects for Global<G> {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no object is empty.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn free(&self, object: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { self.0.dealloc(object, layout) };
    }
}
