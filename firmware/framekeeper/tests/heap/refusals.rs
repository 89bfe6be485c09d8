//! A machine that does not admit a request: the heap's call says so, and memory, its bytes and the sums are what they were;
//! the same call is met afterwards.

#![expect(unsafe_code, reason = "asks as a program does")]

use crate::{
    kernel::{Kernel, KernelHeap, bytes, free, layout, realloc},
    machine::cores::refuse_after,
};
use framekeeper::{
    AllocError, FRAME_SIZE,
    heap::{HeapError, HeapUsage, ReallocError},
    slabs::{Hardening, Paranoid, Standard},
};
use std::{alloc::GlobalAlloc, ptr::NonNull};

const FRAME: usize = FRAME_SIZE as usize;

const fn is_refusal(error: HeapError) -> bool {
    matches!(error, HeapError::NoMemory(AllocError::Refused(_)))
}

fn refused_at<T>(request: u64, call: impl FnOnce() -> T) -> (T, bool) {
    refuse_after(Some(request));
    let result = call();
    (result, !refuse_after(None))
}

fn sums<H: Hardening>(heap: &KernelHeap<'_, H>) -> HeapUsage {
    heap.slabs().unwrap().verify().unwrap();
    heap.frames().unwrap().verify().unwrap();
    heap.usage()
}

/// How many of the requests for memory of a size were refused, each in turn.
fn allocate<H: Hardening>(size: usize) -> u64 {
    for number in 0.. {
        let mut is_refused = false;
        Kernel::new(8, 1).run::<H>(|_, heap| {
            let before = sums(heap);
            let (result, refused) = refused_at(number, || heap.alloc(layout(size, 8)));
            is_refused = refused;
            if refused {
                assert!(is_refusal(result.unwrap_err()));
                assert_eq!(sums(heap), before, "{size}");
            }
            let memory = result.or_else(|_| heap.alloc(layout(size, 8))).unwrap();
            free(heap, memory, layout(size, 8)).unwrap();
        });
        if !is_refused {
            return number;
        }
    }
    0
}

#[test]
fn memory_that_is_refused_is_not_missed() {
    for size in [1, 64, 8000] {
        assert_eq!(
            (allocate::<Standard>(size), allocate::<Paranoid>(size)),
            (2, 2),
            "{size}: slab, descriptors"
        );
    }
    for size in [9000, 100 * FRAME, 512 * FRAME] {
        assert_eq!((allocate::<Standard>(size), allocate::<Paranoid>(size)), (1, 1), "{size}: one block");
    }
}

/// By growing in place, by moving from slab to slab, and between slabs and blocks.
#[test]
fn memory_whose_growth_is_refused_is_what_it_was() {
    let changes = [(10, 8000), (8000, 9000), (9000, 3), (3 * FRAME, 4 * FRAME), (4 * FRAME, 5 * FRAME)];
    for (from, to) in changes {
        Kernel::new(8, 1).run::<Standard>(|_, heap| {
            let memory = heap.alloc(layout(from, 8)).unwrap();
            bytes(memory, from).fill(0x5a);
            let before = sums(heap);
            let (result, refused) = refused_at(0, || realloc(heap, memory, layout(from, 8), to));
            assert!(refused, "{from} to {to} asked for nothing");
            assert!(matches!(result, Err(ReallocError::NoMemory(error)) if is_refusal(error)), "{result:?}");
            assert_eq!(sums(heap), before, "{from} to {to}");
            assert!(bytes(memory, from).iter().all(|&byte| byte == 0x5a));
            let memory = realloc(heap, memory, layout(from, 8), to).unwrap();
            assert!(bytes(memory, from.min(to)).iter().all(|&byte| byte == 0x5a));
            free(heap, memory, layout(to, 8)).unwrap();
        });
    }
}

#[test]
fn a_program_is_given_no_memory_where_that_is_refused() {
    Kernel::new(8, 1).run::<Standard>(|_, heap| {
        for size in [100, 100 * FRAME] {
            // SAFETY: the size is not zero.
            let ask = || NonNull::new(unsafe { GlobalAlloc::alloc(heap, layout(size, 8)) });
            let before = sums(heap);
            assert_eq!(refused_at(0, ask), (None, true));
            assert_eq!(sums(heap), before);
            free(heap, ask().unwrap(), layout(size, 8)).unwrap();
        }
    });
}
