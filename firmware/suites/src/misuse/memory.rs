//! What is done to memory against the rules, and what is needed for that: the only place of the suite that touches any.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | what is read and written is RAM of an arena | the scenarios, whose addresses are objects, or lie in slabs around them | the machine: what is not mapped faults |
//! | nobody has a reference to it | all pointers of the suite are raw | – |

#![expect(unsafe_code, reason = "misuses memory")]

use alloc::vec::Vec;
use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};

use framekeeper::{
    CpuLocal,
    heap::Heap,
    slabs::{DirectMap, Hardening, Misuse, Slab, Slabs, Ticket},
};

/// Gives back what may be an object, or not.
#[track_caller]
pub(super) fn free<C: CpuLocal, M: DirectMap, H: Hardening>(
    slabs: &Slabs<'_, C, M, H>,
    start: NonNull<u8>,
    layout: Layout,
) -> Result<(), Misuse> {
    // SAFETY: the suite uses no object that it gave back, but where that is what is measured, and then by raw pointers.
    unsafe { slabs.free(start, layout) }
}

/// As [`free`], to a heap.
#[track_caller]
pub(super) fn free_to_heap<C: CpuLocal, M: DirectMap, H: Hardening>(
    heap: &Heap<'_, C, M, H>,
    start: NonNull<u8>,
    layout: Layout,
) -> Result<(), Misuse> {
    // SAFETY: as in `free`.
    unsafe { heap.free(start, layout) }
}

/// As [`free`], by the call of a global allocator: nothing is returned.
pub(super) fn dealloc<C: CpuLocal, M: DirectMap, H: Hardening>(
    heap: &Heap<'_, C, M, H>,
    start: NonNull<u8>,
    layout: Layout,
) {
    // SAFETY: as in `free`.
    unsafe { GlobalAlloc::dealloc(heap, start.as_ptr(), layout) };
}

/// As [`free`], to a cache of one size.
pub(super) fn free_to_cache<C: CpuLocal, M: DirectMap, H: Hardening>(
    cache: &Slab<'_, C, M, H>,
    start: NonNull<u8>,
) -> Result<(), Misuse> {
    // SAFETY: as in `free`.
    unsafe { cache.free(start) }
}

/// As [`free`], of what a ticket was had for.
#[track_caller]
pub(super) fn free_ticket<C: CpuLocal, M: DirectMap, H: Hardening>(
    slabs: &Slabs<'_, C, M, H>,
    ticket: Ticket,
) -> Result<(), Misuse> {
    // SAFETY: as in `free`.
    unsafe { slabs.free_ticket(ticket) }
}

/// The address so many bytes away.
pub(super) fn away(start: NonNull<u8>, bytes: isize) -> NonNull<u8> {
    NonNull::new(start.as_ptr().wrapping_offset(bytes)).unwrap_or(NonNull::dangling())
}

/// Turns bits of a byte over.
pub(super) fn turn(start: NonNull<u8>, offset: isize, bits: u8) {
    let byte = away(start, offset).as_ptr();
    // SAFETY: RAM of the arena, and there is no reference to it.
    let was = unsafe { byte.read() };
    // SAFETY: as above.
    unsafe { byte.write(was ^ bits) };
}

/// Turns bits of some bytes over.
pub(super) fn turn_all(start: NonNull<u8>, offsets: core::ops::Range<isize>, bits: u8) {
    offsets.for_each(|offset| turn(start, offset, bits));
}

/// Fills so many bytes with a word, from the first to the last.
pub(super) fn fill(start: NonNull<u8>, bytes: usize, word: u64) {
    for (offset, byte) in (0..bytes).zip(word.to_le_bytes().into_iter().cycle()) {
        // SAFETY: an object of at least so many bytes.
        unsafe { start.as_ptr().wrapping_add(offset).write(byte) };
    }
}

/// Words that start at a multiple of 8.
pub(super) fn words(start: NonNull<u8>, bytes: usize) -> Vec<u64> {
    let word = |number| {
        let word = start.as_ptr().cast::<u64>().wrapping_add(number);
        // SAFETY: RAM of the arena that somebody has written, the allocator or the suite.
        unsafe { word.read() }
    };
    (0..bytes / 8).map(word).collect()
}
