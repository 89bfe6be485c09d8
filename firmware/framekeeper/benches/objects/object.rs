//! What is measured, and what measures it.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | an object is given back once, as large as it was taken | `Object` is neither copied nor made elsewhere | the type |
//! | an object is given back to who handed it out | a workload has one subject | reading |

#![expect(unsafe_code, reason = "objects are written to, and allocators take them back on the caller's word")]

use std::{alloc::Layout, ptr::NonNull};

/// An allocator of objects. The measured loops are generic over it: a call through a vtable would cost as much as the
/// fastest of them.
pub(crate) trait Objects: Sync {
    /// Hands out an object that nobody else has, or null.
    fn alloc(&self, layout: Layout) -> *mut u8;

    /// Takes an object back.
    ///
    /// # Safety
    ///
    /// The object was handed out by this allocator for the same layout, and nobody uses it from now on.
    unsafe fn free(&self, object: *mut u8, layout: Layout);

    /// The bytes that it has taken from below and not given back, if there is a below.
    fn held(&self) -> Option<u64> {
        None
    }

    /// Gives back to below what it can.
    fn shrink(&self) {}
}

/// One turn of one allocator.
pub(crate) trait Workload {
    /// A figure.
    type Reading: Copy;

    /// The figures, always as many and in the same order.
    fn measure<S: Objects>(&self, subject: &S) -> Vec<Self::Reading>;
}

/// What every object is aligned to, and the least that one has.
const WORD: usize = align_of::<u64>();

/// An object that is out. It is the only way to it.
#[derive(Debug)]
pub(crate) struct Object {
    start: NonNull<u8>,
    size: u32,
}

// SAFETY: it is memory that nobody else uses, and the allocators are shared between threads.
unsafe impl Send for Object {}

impl Object {
    /// Takes one of at least a word, and writes to it, as whoever wants one does.
    #[inline]
    pub(crate) fn take<S: Objects>(subject: &S, size: u32) -> Option<Self> {
        debug_assert!(size as usize >= WORD, "there is room for a word");
        let start = NonNull::new(subject.alloc(layout(size)))?;
        // SAFETY: the object has room for a word and is aligned to it, and nobody else has it.
        unsafe { start.cast::<u64>().write_volatile(u64::from(size)) };
        Some(Self { start, size })
    }

    #[inline]
    pub(crate) fn give<S: Objects>(self, subject: &S) {
        // SAFETY: it was taken from the same allocator with that size, and ends here.
        unsafe { subject.free(self.start.as_ptr(), layout(self.size)) };
    }

    /// Where it starts and ends.
    pub(crate) fn bounds(&self) -> (usize, usize) {
        let start = self.start.addr().get();
        (start, start + self.size as usize)
    }
}

#[inline]
const fn layout(size: u32) -> Layout {
    match Layout::from_size_align(size as usize, WORD) {
        Ok(layout) => layout,
        Err(_) => Layout::new::<u64>(),
    }
}
