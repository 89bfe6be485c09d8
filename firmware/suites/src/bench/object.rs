//! What is measured, and what it hands out.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | memory is given back once, and as it was asked for | `Object` is neither copied nor made elsewhere | the type |
//! | memory is given back to who handed it out | a turn has one subject | reading |

#![expect(unsafe_code, reason = "memory is written to, and allocators take it back on the caller's word")]

use core::{alloc::Layout, ptr::NonNull};

/// An allocator under measurement: of objects, or of frames, whose layouts are as large as they are aligned.
pub trait Subject: Sync {
    /// Hands out memory that nobody else has.
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>>;

    /// Takes it back.
    ///
    /// # Safety
    ///
    /// It was handed out by this allocator for the same layout, and nobody uses it from now on.
    unsafe fn free(&self, memory: NonNull<u8>, layout: Layout);
}

/// Memory that is out. It is the only way to it.
#[derive(Debug)]
pub struct Object {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: it is memory that nobody else uses, and subjects are shared between cores.
unsafe impl Send for Object {}

impl Object {
    /// How large it is.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.layout.size()
    }

    /// Takes one. A call, for a counter's readings must not move into what they measure, and everybody pays for it.
    #[inline(never)]
    pub(crate) fn take<A: Subject>(subject: &A, layout: Layout) -> Option<Self> {
        subject.alloc(layout).map(|start| Self { start, layout })
    }

    /// Gives it back. A call, as above.
    #[inline(never)]
    pub(crate) fn give<A: Subject>(self, subject: &A) {
        // SAFETY: it was taken from there with that layout, and ends here.
        unsafe { subject.free(self.start, self.layout) };
    }

    /// Writes to it, as whoever wants memory does.
    pub(crate) fn touch(&self) {
        // SAFETY: workloads ask for a word or more, aligned to one, and nobody else has it.
        unsafe { self.start.cast::<u64>().write_volatile(self.layout.size() as u64) };
    }
}

/// A layout of so many bytes, a word or more, as most objects have it.
pub(crate) const fn words(size: usize) -> Layout {
    match Layout::from_size_align(size, align_of::<u64>()) {
        Ok(layout) => layout,
        Err(_) => Layout::new::<u64>(),
    }
}

/// The layout of 2^order frames.
pub(crate) const fn frames(order: u8) -> Layout {
    const FRAME: usize = framekeeper::FRAME_SIZE as usize;
    match Layout::from_size_align(FRAME << order, FRAME << order) {
        Ok(layout) => layout,
        Err(_) => Layout::new::<u64>(),
    }
}

/// The order of frames with such a layout.
#[inline]
pub(crate) const fn order_of(layout: Layout) -> u8 {
    // At most 63 - 12, and of at least a frame.
    (layout.size().trailing_zeros().saturating_sub(framekeeper::FRAME_SIZE.trailing_zeros())) as u8
}
