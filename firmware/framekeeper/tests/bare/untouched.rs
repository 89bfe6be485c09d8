//! The memory that is handed out is never touched: here, a touch would end the process.

#![expect(unsafe_code, reason = "mapping memory is unsafe")]

use crate::{
    ground::{MIB, Memory, ram, range},
    tour::{Zeroing, tour},
};
use framekeeper::{CoreCache, FrameAllocator};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::{cell::Cell, ptr};

const SIZE: u64 = 1100 * MIB;

#[test]
#[cfg_attr(miri, ignore = "Miri maps no memory that cannot be touched")]
fn r004_10_the_whole_buddy_runs_over_memory_that_nobody_may_touch() {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping, where the system likes, of which nothing can be read or written.
    let mapped =
        unsafe { mmap_anonymous(ptr::null_mut(), SIZE as usize, ProtFlags::empty(), flags) }.unwrap();
    let start = mapped.addr() as u64;
    let whole = ram(&[(start, start + SIZE)]);
    let reserved = range(start + 300 * MIB, start + 301 * MIB);
    let mut free = whole;
    free.subtract(reserved).unwrap();
    let (mut memory, caches, zeroed) = (Memory::of(&whole), [CoreCache::new()], Cell::new(0));
    let frames = FrameAllocator::new(&whole, &free, memory.storage(), &caches, Zeroing(&zeroed)).unwrap();
    tour(&frames, reserved, &zeroed);
    // SAFETY: the mapping from above, of which no reference was ever made.
    unsafe { munmap(mapped, SIZE as usize) }.unwrap();
}
