//! A heap as the program's allocator. What is wrong with what is given back is told to the hook, for there is nobody else.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | memory fits its layout and is nobody else's | what hands it out: slabs and frames | `heap` in the tests, Miri |
//! | no call unwinds | no call panics; a hook must not either | – |

#![expect(unsafe_code, reason = "a global allocator is unsafe to write")]

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::{NonNull, null_mut},
};

use super::{errors::ReallocError, phases::Heap};
use crate::{
    cpu::CpuLocal,
    slabs::{DirectMap, Hardening, Misuse},
};

impl<C: CpuLocal, M: DirectMap, H: Hardening> Heap<'_, C, M, H> {
    /// Tells of what was given back and should not have been.
    #[cold]
    pub(super) fn tell(&self, misuse: Misuse) {
        if let Ok(parts) = self.parts() {
            parts.slabs.reported().report(misuse);
        }
    }

    pub(super) fn told(&self, error: ReallocError) {
        if let ReallocError::Misuse(misuse) = error {
            self.tell(misuse);
        }
    }
}

// SAFETY: it hands out memory that fits the layout and that nobody has, keeps it until it is given back, and does not
// unwind.
unsafe impl<C: CpuLocal, M: DirectMap, H: Hardening> GlobalAlloc for Heap<'_, C, M, H> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Heap::alloc(self, layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Heap::alloc_zeroed(self, layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let Some(memory) = NonNull::new(memory) else { return };
        // SAFETY: as the caller promises.
        if let Err(misuse) = unsafe { self.free(memory, layout) } {
            self.tell(misuse);
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(memory) = NonNull::new(memory) else { return null_mut() };
        // SAFETY: as the caller promises.
        match unsafe { Heap::realloc(self, memory, layout, size) } {
            Ok(memory) => memory.as_ptr(),
            Err(error) => {
                self.told(error);
                null_mut()
            }
        }
    }
}
