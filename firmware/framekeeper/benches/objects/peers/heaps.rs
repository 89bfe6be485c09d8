//! Heaps: allocators of objects of any size from one piece of memory, with no pages below. Each is behind the lock
//! that comes with it or that its documentation shows.

#![expect(unsafe_code, reason = "heaps are given memory")]

use super::global::Global;
use crate::memory::{Memory, SIZE};
use spinning_top::RawSpinlock;
use talc::{TalcLock, source::Manual};

pub(crate) type Talc = Global<TalcLock<RawSpinlock, Manual>>;
pub(crate) type LinkedList = Global<linked_list_allocator::LockedHeap>;
/// Blocks of up to 2 GiB.
pub(crate) type BuddySystem = Global<buddy_system_allocator::LockedHeap<32>>;

pub(crate) fn talc_on_fresh(memory: &mut Memory) -> Talc {
    let heap = TalcLock::new(Manual);
    // SAFETY: nobody else uses the memory until the next turn, and then the heap is gone.
    unsafe { heap.lock().claim(memory.start().as_ptr(), SIZE as usize) }.expect("enough memory");
    Global(heap)
}

pub(crate) fn linked_list_on_fresh(memory: &mut Memory) -> LinkedList {
    // SAFETY: nobody else uses the memory until the next turn, and then the heap is gone.
    Global(unsafe { linked_list_allocator::LockedHeap::new(memory.start().as_ptr(), SIZE as usize) })
}

pub(crate) fn buddy_system_on_fresh(memory: &mut Memory) -> BuddySystem {
    let heap = buddy_system_allocator::LockedHeap::new();
    let start = memory.start().as_ptr().expose_provenance();
    // SAFETY: nobody else uses the memory until the next turn, and then the heap is gone.
    unsafe { heap.lock().init(start, SIZE as usize) };
    Global(heap)
}
