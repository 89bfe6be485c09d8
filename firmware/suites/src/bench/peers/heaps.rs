//! Heaps: objects of any size from one piece of memory, with no frames below. Each is behind `spin::Mutex`, which talc
//! takes as a `lock_api` lock.

#![expect(unsafe_code, reason = "heaps are given memory, and take it back on the caller's word")]

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};

use spin::Mutex;
use talc::{TalcLock, source::Manual};

use super::{
    super::{Stand, Subject, Turn, Workload},
    memory,
};

type Talc = TalcLock<Mutex<()>, Manual>;
/// 26 first levels, of blocks of 32 bytes to 2 GiB, each of 32 second levels: as many as the bitmaps have bits.
type Rlsf = rlsf::Tlsf<'static, u32, u32, 26, 32>;
/// Blocks of up to 2 GiB.
type BuddySystem = buddy_system_allocator::Heap<32>;

struct Locked<H>(Mutex<H>);

/// A heap that one caller has at a time.
trait Heap: Send {
    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// # Safety
    ///
    /// As [`Subject::free`].
    unsafe fn free(&mut self, memory: NonNull<u8>, layout: Layout);
}

impl<H: Heap> Subject for Locked<H> {
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.lock().alloc(layout)
    }

    unsafe fn free(&self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { self.0.lock().free(memory, layout) };
    }
}

impl Heap for Rlsf {
    #[inline]
    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate(layout)
    }

    #[inline]
    unsafe fn free(&mut self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { self.deallocate(memory, layout.align()) };
    }
}

impl Heap for linked_list_allocator::Heap {
    #[inline]
    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_first_fit(layout).ok()
    }

    #[inline]
    unsafe fn free(&mut self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { self.deallocate(memory, layout) };
    }
}

impl Heap for BuddySystem {
    #[inline]
    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        Self::alloc(self, layout).ok()
    }

    #[inline]
    unsafe fn free(&mut self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { self.dealloc(memory, layout) };
    }
}

impl Subject for Talc {
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: no layout of a workload is empty.
        NonNull::new(unsafe { GlobalAlloc::alloc(self, layout) })
    }

    unsafe fn free(&self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { GlobalAlloc::dealloc(self, memory.as_ptr(), layout) };
    }
}

pub(super) fn talc<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    let (heap, memory) = (Talc::new(Manual), memory::fresh(turn.stand));
    // SAFETY: nobody else has the memory until the next turn, and then the heap is gone.
    let claimed = unsafe { heap.lock().claim(memory.start.as_ptr(), memory.size) };
    assert!(claimed.is_some(), "talc does not take {memory:?}");
    workload.turn(turn, &heap);
}

pub(super) fn rlsf<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    let (mut heap, memory) = (Rlsf::new(), memory::fresh(turn.stand));
    let block = NonNull::slice_from_raw_parts(memory.start, memory.size);
    // SAFETY: as above.
    let inserted = unsafe { heap.insert_free_block_ptr(block) };
    assert!(inserted.is_some(), "rlsf does not take {memory:?}");
    workload.turn(turn, &Locked(Mutex::new(heap)));
}

pub(super) fn linked_list<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    let memory = memory::fresh(turn.stand);
    // SAFETY: as above.
    let heap = unsafe { linked_list_allocator::Heap::new(memory.start.as_ptr(), memory.size) };
    workload.turn(turn, &Locked(Mutex::new(heap)));
}

pub(super) fn buddy_system<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    let (mut heap, memory) = (BuddySystem::new(), memory::fresh(turn.stand));
    let start = memory.start.as_ptr().expose_provenance();
    // SAFETY: as above.
    unsafe { heap.init(start, memory.size) };
    workload.turn(turn, &Locked(Mutex::new(heap)));
}
