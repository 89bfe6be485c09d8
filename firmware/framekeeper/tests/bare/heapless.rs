//! No call allocates: a kernel's heap stands on this allocator, not the other way round.

#![expect(unsafe_code, reason = "a global allocator is unsafe to write")]

use crate::{
    ground::{GIB, MIB, Memory, ram, range, scaled},
    tour::{Zeroing, tour},
};
use framekeeper::{CoreCache, FrameAllocator, MapLayout};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The system's allocator, counting.
struct Counting;

thread_local! {
    /// Calls on this thread: other tests run beside this one.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    CALLS.with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: everything is handed on to the system's allocator as it came; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is the one that is asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn r004_16_no_call_uses_a_heap() {
    let (low, high) = (scaled(GIB, 2 * MIB), scaled(64, 2) * MIB);
    let whole = ram(&[(GIB, GIB + low), (4 * GIB, 4 * GIB + high)]);
    let reserved = range(GIB + scaled(32, 1) * MIB, GIB + scaled(33, 2) * MIB);
    let mut free = whole;
    free.subtract(reserved).unwrap();
    let (mut memory, caches, zeroed) = (Memory::of(&whole), [CoreCache::new()], Cell::new(0));
    let before = CALLS.with(Cell::get);
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(CALLS.with(Cell::get) - before, 2, "what is allocated is counted");
    let before = CALLS.with(Cell::get);
    MapLayout::of(&whole).unwrap();
    let frames = FrameAllocator::new(&whole, &free, memory.storage(), &caches, Zeroing(&zeroed)).unwrap();
    tour(&frames, reserved, &zeroed);
    assert_eq!(CALLS.with(Cell::get), before);
}
