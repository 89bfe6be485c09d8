//! A global allocator for a program with a machine in it: memory of the machine's heap on its cores, of the host elsewhere
//! and on a core that panics.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | memory goes back to where it came from | its address tells | the heap, which refuses what is not its own |

#![expect(unsafe_code, reason = "a global allocator is unsafe to write")]

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};
use std::alloc::System;

use framekeeper::slabs::DirectMap;

use super::{
    cores,
    machine::{HEAP, is_free_ram},
};

/// The global allocator.
#[derive(Clone, Copy, Debug)]
pub struct Placed;

fn is_heaps(memory: *mut u8) -> bool {
    let address = HEAP.memory().ok().zip(NonNull::new(memory)).map(|(map, memory)| map.address(memory));
    address.is_some_and(is_free_ram)
}

// SAFETY: each piece of memory is the heap's or the host's, which its address tells; both keep what is asked for.
unsafe impl GlobalAlloc for Placed {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // What a core says when it panics is the host's: its own heap may have nothing left, and be what it panics about.
        if cores::is_core() && !std::thread::panicking() {
            // SAFETY: as the caller promises.
            unsafe { GlobalAlloc::alloc(&HEAP, layout) }
        } else {
            // SAFETY: as above.
            unsafe { System.alloc(layout) }
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if is_heaps(memory) {
            // SAFETY: as the caller promises.
            unsafe { GlobalAlloc::dealloc(&HEAP, memory, layout) }
        } else {
            // SAFETY: as above.
            unsafe { System.dealloc(memory, layout) }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if is_heaps(memory) {
            // SAFETY: as the caller promises.
            unsafe { GlobalAlloc::realloc(&HEAP, memory, layout, size) }
        } else {
            // SAFETY: as above.
            unsafe { System.realloc(memory, layout, size) }
        }
    }
}
