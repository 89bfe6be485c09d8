//! `buddy-slab-allocator`: the page half of its global allocator, behind the lock that it asks its platform for.

#![expect(unsafe_code, reason = "the peer is given memory, and its platform's functions are linked by name")]

use crate::{
    memory::{ALIGNMENT, Memory},
    subject::{FRAME, MIB, Made, Subject},
};
use ax_sync::interface::{AcquireResult, ContextState, LockMetadata, SpinOps};
use buddy_slab_allocator::{
    BuddyAllocator, GlobalAllocator, PerCpuSlab, SlabPoolTrait, StaticSlabPool, interface::BuddySlabIf,
};
use std::{
    panic::Location,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

const PAGE: usize = FRAME as usize;

/// There for the linker: no object is ever asked for.
static SLABS: StaticSlabPool<PAGE, 1> = StaticSlabPool::new([PerCpuSlab::new(0)], || 0);

struct Platform;

#[ax_crate_interface::impl_interface]
impl BuddySlabIf for Platform {
    fn virt_to_phys(address: usize) -> usize {
        address
    }

    fn slab_pool() -> &'static dyn SlabPoolTrait {
        &SLABS
    }
}

/// The same lock as the other peers have, a `spin::Mutex`'s: here it is a function, so it is written out.
struct Spin;

#[ax_crate_interface::impl_interface]
impl SpinOps for Spin {
    fn acquire(
        locked: &AtomicBool,
        _metadata: &LockMetadata,
        _address: usize,
        _context: u8,
        _subclass: u32,
        _caller: &'static Location<'static>,
    ) -> ContextState {
        // Acquire, pairs with the Release in `release`.
        while locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            while locked.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        }
        ContextState::new(0, 0)
    }

    fn try_acquire(
        locked: &AtomicBool,
        _metadata: &LockMetadata,
        _address: usize,
        _context: u8,
        _subclass: u32,
        _caller: &'static Location<'static>,
    ) -> AcquireResult {
        // As above.
        let taken = locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        AcquireResult::new(taken.is_ok(), ContextState::new(0, 0))
    }

    fn release(locked: &AtomicBool, _address: usize, _context: u8, _state: ContextState) {
        // Release, pairs with the Acquire above.
        locked.store(false, Ordering::Release);
    }

    fn force_release(locked: &AtomicBool, _address: usize, _context: u8) {
        // As above.
        locked.store(false, Ordering::Release);
    }

    fn is_locked(locked: &AtomicBool) -> bool {
        locked.load(Ordering::Relaxed)
    }
}

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
    let subject = GlobalAllocator::new();
    // SAFETY: the region is borrowed for as long as the allocator lives, and nobody else has it.
    unsafe { subject.init(region) }.expect("a valid region");
    let bring_up = began.elapsed();
    assert_eq!(subject.managed_bytes() as u64, size, "it has as much to hand out as the others");
    run(&Made { subject: &subject, base, size, bring_up, metadata })
}
