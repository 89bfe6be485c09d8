//! Handing out memory and taking it back: what is for slabs, and what is for frames.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | memory is written to only while nobody else has it | it was just handed out | Miri |

#![expect(unsafe_code, reason = "takes back what callers say is theirs, and fills memory with zeros")]

use core::{alloc::Layout, ptr::NonNull};

use super::{errors::HeapError, phases::Heap};
use crate::{
    cpu::CpuLocal,
    map::State,
    planted::{Bug, planted},
    slabs::{DirectMap, Hardening, Misuse, ObjectAddr, ObjectError, Slabs},
};

impl<C: CpuLocal, M: DirectMap, H: Hardening> Heap<'_, C, M, H> {
    /// Memory for a layout. For a size of zero too, as if it were one.
    ///
    /// # Errors
    ///
    /// There is not enough, there never will be, or the heap has none yet.
    #[inline]
    #[track_caller]
    pub fn alloc(&self, layout: Layout) -> Result<NonNull<u8>, HeapError> {
        let parts = self.parts()?;
        match parts.slabs.alloc(layout) {
            Ok(object) => Ok(object),
            Err(ObjectError::TooLarge { .. }) => parts.alloc_block(layout),
            Err(error) => Err(HeapError::of(error, layout.size(), layout.align())),
        }
    }

    /// Memory for a layout, all zeros.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    #[track_caller]
    pub fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, HeapError> {
        let memory = self.alloc(layout)?;
        let zeros = layout.size().saturating_sub(usize::from(planted(Bug::ZerosEndEarly)));
        // SAFETY: it was just handed out for so many bytes.
        unsafe { memory.write_bytes(0, zeros) };
        Ok(memory)
    }

    /// Takes memory back.
    ///
    /// # Errors
    ///
    /// It is none of this heap's, does not start there, is free, or of another size: for objects as far as the hardening
    /// level tells, for blocks always. Nothing has changed then.
    ///
    /// # Safety
    ///
    /// If it was handed out for this layout, nobody uses it from here on.
    #[inline]
    #[track_caller]
    pub unsafe fn free(&self, memory: NonNull<u8>, layout: Layout) -> Result<(), Misuse> {
        let Ok(parts) = self.parts() else { return Err(never_handed_out(memory)) };
        if Slabs::<C, M, H>::class_of(layout).is_none() {
            return parts.free_block(memory, layout);
        }
        // SAFETY: as the caller promises.
        unsafe { parts.slabs.free(memory, layout) }
    }
}

/// What is wrong with memory of a heap that has none.
#[cold]
fn never_handed_out(memory: NonNull<u8>) -> Misuse {
    Misuse::Foreign { address: ObjectAddr(memory.as_ptr().addr()), found: State::Hole }
}
