//! A heap as the allocator of a collection, by the trait of `allocator-api2` on stable Rust, and by `core`'s own.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | memory stays what it is while the reference that handed it out is copied or moved | it is the frame allocator's, and not in the heap | Miri |

#![expect(unsafe_code, reason = "an allocator is unsafe to write")]

use core::{alloc::Layout, num::NonZero, ptr::NonNull};

use super::{errors::HeapError, phases::Heap};
use crate::{
    cpu::CpuLocal,
    slabs::{DirectMap, Hardening},
};

/// The bytes of a layout, no more: what is given back must be of the size that was asked for.
fn bytes(memory: NonNull<u8>, layout: Layout) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(memory, layout.size())
}

/// No bytes are nobody's memory, as with the standard library's allocator: a list that has shrunk to nothing gives nothing
/// back.
fn nothing(layout: Layout) -> Option<NonNull<u8>> {
    let align = NonZero::new(layout.align()).filter(|_| layout.size() == 0)?;
    Some(NonNull::without_provenance(align))
}

impl<C: CpuLocal, M: DirectMap, H: Hardening> Heap<'_, C, M, H> {
    /// Memory for a collection, by `alloc` if there is to be any.
    fn lend(
        &self,
        layout: Layout,
        alloc: impl FnOnce(&Self, Layout) -> Result<NonNull<u8>, HeapError>,
    ) -> Option<NonNull<[u8]>> {
        let memory = nothing(layout).or_else(|| alloc(self, layout).ok())?;
        Some(bytes(memory, layout))
    }

    /// Takes it back.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free), where the layout has bytes.
    unsafe fn reclaim(&self, memory: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        // SAFETY: as the caller promises.
        if let Err(misuse) = unsafe { self.free(memory, layout) } {
            self.tell(misuse);
        }
    }

    /// Makes it larger or smaller.
    ///
    /// # Safety
    ///
    /// As for `Allocator::grow` and `shrink`.
    unsafe fn relend(&self, memory: NonNull<u8>, from: Layout, to: Layout) -> Option<NonNull<[u8]>> {
        if from.size() == 0 {
            return self.lend(to, Self::alloc);
        }
        if let Some(nothing) = nothing(to) {
            // SAFETY: as the caller promises.
            unsafe { self.reclaim(memory, from) };
            return Some(bytes(nothing, to));
        }
        // SAFETY: as the caller promises.
        match unsafe { self.change(memory, from, to) } {
            Ok(memory) => Some(bytes(memory, to)),
            Err(error) => {
                self.told(error);
                None
            }
        }
    }
}

macro_rules! allocator {
    ($($api:ident)::+) => {
        // SAFETY: it hands out memory that fits the layout and that nobody has, keeps it until it is given back, and all
        // copies of the reference are the same allocator.
        unsafe impl<C: CpuLocal, M: DirectMap, H: Hardening> $($api)::+::Allocator for &Heap<'_, C, M, H> {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $($api)::+::AllocError> {
                self.lend(layout, Heap::alloc).ok_or($($api)::+::AllocError)
            }

            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, $($api)::+::AllocError> {
                self.lend(layout, Heap::alloc_zeroed).ok_or($($api)::+::AllocError)
            }

            #[inline]
            unsafe fn deallocate(&self, memory: NonNull<u8>, layout: Layout) {
                // SAFETY: as the caller promises.
                unsafe { self.reclaim(memory, layout) };
            }

            unsafe fn grow(
                &self,
                memory: NonNull<u8>,
                from: Layout,
                to: Layout,
            ) -> Result<NonNull<[u8]>, $($api)::+::AllocError> {
                // SAFETY: as the caller promises.
                unsafe { self.relend(memory, from, to) }.ok_or($($api)::+::AllocError)
            }

            unsafe fn grow_zeroed(
                &self,
                memory: NonNull<u8>,
                from: Layout,
                to: Layout,
            ) -> Result<NonNull<[u8]>, $($api)::+::AllocError> {
                // SAFETY: as the caller promises.
                let grown = unsafe { self.grow(memory, from, to) }?;
                // SAFETY: it has `to`'s size, which is `from`'s at least.
                let behind = unsafe { grown.cast::<u8>().add(from.size()) };
                // SAFETY: the bytes behind what was there are new, and nobody else's.
                unsafe { behind.write_bytes(0, to.size().saturating_sub(from.size())) };
                Ok(grown)
            }

            unsafe fn shrink(
                &self,
                memory: NonNull<u8>,
                from: Layout,
                to: Layout,
            ) -> Result<NonNull<[u8]>, $($api)::+::AllocError> {
                // SAFETY: as the caller promises.
                unsafe { self.grow(memory, from, to) }
            }
        }
    };
}

#[cfg(feature = "allocator-api2")]
allocator!(allocator_api2::alloc);

#[cfg(feature = "nightly")]
allocator!(core::alloc);
