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

    /// Apart, so that where nobody asks for the reason no room need be made for it.
    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, layout: Layout, damaged: Option<NonNull<u8>>) -> *mut u8 {
        let instead = self.parts().ok().zip(damaged);
        if let Some(object) =
            instead.and_then(|(parts, damaged)| parts.slabs.alloc_otherwise(Some(damaged), layout).ok())
        {
            return object.as_ptr();
        }
        self.alloc(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    /// Takes memory back, or tells why not.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[cold]
    #[inline(never)]
    unsafe fn dealloc_slow(&self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as the caller promises.
        if let Err(misuse) = unsafe { self.free(memory, layout) } {
            self.tell(misuse);
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
        match self.parts().map_err(|_| None).and_then(|parts| parts.slabs.alloc_at_once(layout)) {
            Ok(object) => object.as_ptr(),
            Err(damaged) => self.alloc_slow(layout, damaged),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Heap::alloc_zeroed(self, layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let Some(memory) = NonNull::new(memory) else { return };
        let freed = self.parts().ok().and_then(|parts| {
            // SAFETY: as the caller promises.
            unsafe { parts.slabs.free_at_once(memory, layout) }
        });
        if freed.is_none() {
            // SAFETY: as the caller promises, and nothing has changed.
            unsafe { self.dealloc_slow(memory, layout) };
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
