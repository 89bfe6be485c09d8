//! What is no memory of the heap, or not as it is said to be, is told exactly, and changes nothing.

use crate::{
    kernel::{BLOCKS, Kernel, KernelHeap, free, layout, realloc},
    machine::{Object, SLABS},
};
use framekeeper::{
    FRAME_SIZE, Owner, PhysAddr, Request, State,
    heap::ReallocError,
    slabs::{DirectMap, FreeIn, Hardening, Misuse, ObjectAddr, Off, Paranoid, Standard},
};
use std::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
    sync::Mutex,
};

fn moved(memory: NonNull<u8>, bytes: usize) -> NonNull<u8> {
    NonNull::new(memory.as_ptr().wrapping_add(bytes)).unwrap()
}

fn address(memory: NonNull<u8>) -> ObjectAddr {
    ObjectAddr(memory.as_ptr().addr())
}

/// Both calls say the same, and the heap is what it was.
fn refused<H: Hardening>(heap: &KernelHeap<'_, H>, memory: NonNull<u8>, layout: Layout) -> Misuse {
    let before = heap.usage();
    let error = free(heap, memory, layout).unwrap_err();
    for size in [layout.size() + 1, layout.size() + 5 * 4096, 10, 20_000] {
        assert_eq!(realloc(heap, memory, layout, size), Err(ReallocError::Misuse(error)), "{size}");
    }
    assert_eq!(heap.usage(), before);
    error
}

fn blocks<H: Hardening>() {
    Kernel::new(16, 1).run::<H>(|frames, heap| {
        let size = layout(5 * 4096, 8);
        let block = Object::new(heap.alloc(size).unwrap(), size, 6);
        let start = block.start;
        for inside in [1, 8, 4096, 4 * 4096, 5 * 4096 - 1] {
            let (address, object) = (address(moved(start, inside)), Some(address(start)));
            assert_eq!(refused(heap, moved(start, inside), size), Misuse::NotStart { address, object });
        }
        for wrong in [9000, 4 * 4096, 6 * 4096, 1 << 20, 1 << 35] {
            let error = Misuse::WrongSize { address: address(start), size: wrong };
            assert_eq!(refused(heap, start, layout(wrong, 8)), error);
        }
        // As an object: it is in no slab.
        let found = frames.state(frames_address(heap, start));
        let error = Misuse::Foreign { address: address(start), found };
        assert_eq!(refused(heap, start, layout(64, 8)), error);
        free(heap, block.checked().start, size).unwrap();
        let error = refused(heap, start, size);
        assert!(matches!(error, Misuse::DoubleFree { found: FreeIn::Frames(_), .. }), "{error}");
        others(heap);
    });
}

/// Memory of frames that somebody else has, or of slabs, or none at all.
fn others<H: Hardening>(heap: &KernelHeap<'_, H>) {
    let (frames, size) = (heap.frames().unwrap(), layout(4 * 4096, 8));
    for owner in [Owner::new(0), SLABS, Owner::new(9)] {
        let block = frames.alloc(Request::frames(4).owned_by(owner)).unwrap();
        let memory = pointer(heap, block);
        let error = Misuse::Foreign { address: address(memory), found: frames.state(block) };
        assert_eq!(refused(heap, memory, size), error);
        assert_eq!(frames.free_frame(block), Ok(4));
    }
    let object = heap.alloc(layout(64, 8)).unwrap();
    let error = refused(heap, object, size);
    assert!(matches!(error, Misuse::Foreign { found: State::Slab { .. }, .. }), "{error}");
    let owners = frames.owners();
    assert_eq!(owners.frames(SLABS) * FRAME_SIZE, heap.usage().descriptors, "{owners}");
    // Descriptors are blocks of frames as well, and none of the heap's.
    let ram = (0..4096).map(|frame| PhysAddr(0x8000_0000 + frame * FRAME_SIZE));
    let descriptors = ram.filter(|&start| is_head(frames.state(start), start, SLABS));
    for chunk in descriptors.collect::<Vec<_>>() {
        let State::Allocated { frames: count, .. } = frames.state(chunk) else {
            unreachable!("it is a head")
        };
        let error = refused(heap, pointer(heap, chunk), layout((count * FRAME_SIZE).max(9000) as usize, 8));
        assert!(matches!(error, Misuse::Foreign { found: State::Allocated { .. }, .. }), "{error}");
    }
    free(heap, object, layout(64, 8)).unwrap();
    let hole = NonNull::<u64>::dangling().cast();
    let error = Misuse::Foreign { address: address(hole), found: State::Hole };
    assert_eq!(refused(heap, hole, size), error);
}

fn is_head(state: State, start: PhysAddr, whose: Owner) -> bool {
    matches!(state, State::Allocated { head, owner, .. } if head.start() == start && owner == whose)
}

fn frames_address<H: Hardening>(heap: &KernelHeap<'_, H>, memory: NonNull<u8>) -> PhysAddr {
    mapped(heap).address(memory)
}

fn pointer<H: Hardening>(heap: &KernelHeap<'_, H>, address: PhysAddr) -> NonNull<u8> {
    mapped(heap).pointer(address)
}

/// Where memory is mapped, as told by any block.
fn mapped<H: Hardening>(heap: &KernelHeap<'_, H>) -> impl DirectMap {
    heap.memory().unwrap()
}

#[test]
fn what_is_wrong_with_a_block_is_told_exactly() {
    blocks::<Off>();
    blocks::<Standard>();
    blocks::<Paranoid>();
}

#[test]
fn what_is_wrong_with_an_object_is_told_by_realloc_too() {
    Kernel::new(4, 1).run::<Standard>(|_, heap| {
        let size = layout(100, 8);
        let object = heap.alloc(size).unwrap();
        let inside = refused(heap, moved(object, 8), size);
        assert_eq!(
            inside,
            Misuse::NotStart { address: address(moved(object, 8)), object: Some(address(object)) }
        );
        assert!(matches!(refused(heap, object, layout(200, 8)), Misuse::WrongPool { .. }));
        free(heap, object, size).unwrap();
        assert!(matches!(refused(heap, object, size), Misuse::DoubleFree { .. }));
    });
}

static TOLD: Mutex<Vec<Misuse>> = Mutex::new(Vec::new());

/// There is nobody else to be told.
#[test]
fn the_hook_is_told_what_a_global_allocator_is_given() {
    Kernel::new(4, 1).telling(|misuse| TOLD.lock().unwrap().push(misuse)).run::<Standard>(|_, heap| {
        for size in [100, 20_000] {
            let size = layout(size, 8);
            let memory = heap.alloc(size).unwrap();
            twice(heap, memory, size);
            let told = std::mem::take(&mut *TOLD.lock().unwrap());
            assert!(matches!(told[..], [Misuse::DoubleFree { .. }, Misuse::DoubleFree { .. }]), "{told:?}");
        }
        assert_eq!(heap.slabs().unwrap().reports(), 4);
    });
}

#[expect(unsafe_code, reason = "misuses a global allocator")]
fn twice(heap: &KernelHeap<'_, Standard>, memory: NonNull<u8>, layout: Layout) {
    // SAFETY: it was handed out.
    unsafe { heap.dealloc(memory.as_ptr(), layout) };
    // SAFETY: that is what is tested: nobody uses it.
    unsafe { heap.dealloc(memory.as_ptr(), layout) };
    // SAFETY: as above.
    let moved = unsafe { GlobalAlloc::realloc(heap, memory.as_ptr(), layout, layout.size() + 4096) };
    assert!(moved.is_null());
}

#[test]
fn blocks_are_of_their_owner() {
    Kernel::new(4, 1).run::<Standard>(|frames, heap| {
        let size = layout(20_000, 8);
        let block = heap.alloc(size).unwrap();
        let found = frames.state(frames_address(heap, block));
        assert!(matches!(found, State::Allocated { frames: 5, owner, .. } if owner == BLOCKS), "{found}");
        free(heap, block, size).unwrap();
    });
}
