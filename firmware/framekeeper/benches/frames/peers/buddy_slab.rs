//! `buddy-slab-allocator`: the page half of its global allocator, behind the lock that it asks its platform for.

#![expect(unsafe_code, reason = "the peer is given memory")]

use crate::{
    arena::ALIGNMENT,
    buddy_slab::{self, PAGE},
    memory::Memory,
    subject::{FRAME, MIB, Made, Subject},
};
use buddy_slab_allocator::{BuddyAllocator, GlobalAllocator};
use std::time::Instant;

impl Subject for GlobalAllocator<PAGE> {
    #[inline]
    fn alloc(&self, order: u8) -> Option<u64> {
        self.alloc_pages(1 << order, PAGE << order).ok().map(|address| address as u64)
    }

    #[inline]
    fn free(&self, address: u64, order: u8) {
        self.dealloc_pages(address as usize, 1 << order);
    }
}

pub(crate) fn on_fresh<R>(
    memory: &mut Memory,
    size: u64,
    run: impl FnOnce(&Made<'_, GlobalAllocator<PAGE>>) -> R,
) -> R {
    let metadata = BuddyAllocator::<PAGE>::required_meta_size(size as usize) as u64;
    // The metadata comes first, with a head of less than a frame, and the pages at the next 2 MiB.
    let before = (metadata + FRAME).next_multiple_of(2 * MIB);
    assert!(ALIGNMENT.is_multiple_of(2 * MIB), "the arena starts at 2 MiB");
    let region = &mut memory.arena()[..(before + size) as usize];
    let base = region.as_ptr().addr() as u64 + before;
    let began = Instant::now();
    // SAFETY: the region is borrowed for as long as the allocator lives, and there is one allocator a turn.
    let subject = unsafe { buddy_slab::init(region) };
    let bring_up = began.elapsed();
    assert_eq!(subject.managed_bytes() as u64, size, "it has as much to hand out as the others");
    run(&Made { subject: &subject, base, size, bring_up, metadata })
}
