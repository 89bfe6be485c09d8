//! `buddy_system_allocator`: its frame allocator behind its own spin lock. It keeps sets of frame numbers on the heap,
//! so it starts without metadata and gets some with every hole.

use crate::{
    memory::BASE,
    subject::{FRAME, Made, Subject},
};
use buddy_system_allocator::LockedFrameAllocator;
use std::time::Instant;

impl Subject for LockedFrameAllocator {
    #[inline]
    fn alloc(&self, order: u8) -> Option<u64> {
        let frame = self.lock().alloc(1 << order)?;
        Some(frame as u64 * FRAME)
    }

    #[inline]
    fn free(&self, address: u64, order: u8) {
        self.lock().dealloc((address / FRAME) as usize, 1 << order);
    }
}

pub(crate) fn on_fresh<R>(size: u64, run: impl FnOnce(&Made<'_, LockedFrameAllocator>) -> R) -> R {
    let began = Instant::now();
    let subject = LockedFrameAllocator::new();
    subject.lock().add_frame((BASE / FRAME) as usize, ((BASE + size) / FRAME) as usize);
    let bring_up = began.elapsed();
    run(&Made { subject: &subject, base: BASE, size, bring_up, metadata: 0 })
}
