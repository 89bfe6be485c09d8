//! Memory that becomes smaller or larger: where it is if that can be done, else by a copy.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | what is copied was handed out, to its end | what is found to be none is refused before; the rest the caller promises | `heap::misuse`, Miri |

#![expect(unsafe_code, reason = "copies memory, and looks at what callers say is theirs")]

use core::{alloc::Layout, ptr::NonNull};

use super::{
    blocks::Resized,
    errors::{HeapError, ReallocError},
    phases::{Heap, Parts},
};
use crate::{
    cpu::CpuLocal,
    planted::{Bug, planted},
    slabs::{Class, DirectMap, Hardening, Level, Misuse, Slabs},
};

impl<C: CpuLocal, M: DirectMap, H: Hardening> Heap<'_, C, M, H> {
    /// Makes memory one of `size` bytes, with what was in it as far as there is room; says where it is then.
    ///
    /// # Errors
    ///
    /// Other memory was needed and could not be had, or it is none that was handed out for this layout. It is what it was
    /// then.
    ///
    /// # Safety
    ///
    /// If it was handed out for this layout, nobody uses it by its old address from here on, unless this fails.
    #[track_caller]
    pub unsafe fn realloc(
        &self,
        memory: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Result<NonNull<u8>, ReallocError> {
        let align = layout.align();
        let new = Layout::from_size_align(size, align).map_err(|_| HeapError::TooLarge { size, align })?;
        // SAFETY: as the caller promises.
        unsafe { self.change(memory, layout, new) }
    }

    /// Makes memory for one layout memory for another.
    ///
    /// # Safety
    ///
    /// As for [`realloc`](Self::realloc).
    #[track_caller]
    pub(super) unsafe fn change(
        &self,
        memory: NonNull<u8>,
        from: Layout,
        to: Layout,
    ) -> Result<NonNull<u8>, ReallocError> {
        // SAFETY: as the caller promises.
        if unsafe { self.parts()?.change_in_place(memory, from, to) }? == Resized::InPlace {
            return Ok(memory);
        }
        let new = self.alloc(to)?;
        let kept = from.size().min(to.size());
        let kept = if planted(Bug::ReallocCopiesTooLittle) { kept & !7 } else { kept };
        // SAFETY: both were handed out for at least so many bytes, and nobody else has the new ones.
        unsafe { memory.copy_to_nonoverlapping(new, kept) };
        // SAFETY: as the caller promises.
        if let Err(misuse) = unsafe { self.free(memory, from) } {
            // SAFETY: it was just handed out, and nobody was told of it.
            let _ = unsafe { self.free(new, to) };
            return Err(misuse.into());
        }
        Ok(new)
    }
}

impl<C: CpuLocal, M: DirectMap, H: Hardening> Parts<'_, C, M, H> {
    /// Makes memory for one layout memory for another without a copy, if that can be done.
    ///
    /// # Safety
    ///
    /// As for [`Heap::realloc`].
    unsafe fn change_in_place(
        &self,
        memory: NonNull<u8>,
        from: Layout,
        to: Layout,
    ) -> Result<Resized, ReallocError> {
        let class_of = Slabs::<C, M, H>::class_of;
        let Some(class) = class_of(from) else {
            return match class_of(to) {
                None => self.resize_block(memory, from, to),
                // To the same size: only to see whether it is a block.
                Some(_) => self.resize_block(memory, from, from).map(|_| Resized::Not),
            };
        };
        // SAFETY: as the caller promises.
        unsafe { self.check(memory, class) }?;
        // Where the exact size is checked it must not change unseen; and who still uses the old address is found.
        let may_stay = H::LEVEL < Level::Paranoid || from.size() == to.size();
        let is_large_enough = class_of(to) == Some(class) || planted(Bug::ReallocStaysTooSmall);
        let stays = may_stay && is_large_enough;
        Ok(if stays { Resized::InPlace } else { Resized::Not })
    }

    /// Whether an object of the class starts there that is not free.
    ///
    /// # Safety
    ///
    /// As for [`Heap::realloc`].
    unsafe fn check(&self, object: NonNull<u8>, class: Class) -> Result<(), Misuse> {
        let counter = self.slabs.counter(class);
        let starts = self.slabs.ground().place(object).is_some_and(|place| {
            place.is_in(counter.pool.id()) && class.shape().slot(place.offset()).is_some()
        });
        if !starts {
            return Err(self.slabs.why_not(object, counter.pool));
        }
        // SAFETY: a slot of the class starts there.
        unsafe { counter.refuse_free(object) }
    }
}
