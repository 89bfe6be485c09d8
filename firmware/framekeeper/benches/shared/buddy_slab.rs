//! `buddy-slab-allocator`, and the platform that it wants: cores, and the lock that it asks for.
//!
//! The platform's functions are linked by name, so there is one allocator at a time, with the same slabs each time.

#![expect(unsafe_code, reason = "the peer is given memory, and its platform's functions are linked by name")]

use super::cpu;
use ax_sync::interface::{AcquireResult, ContextState, LockMetadata, SpinOps};
use buddy_slab_allocator::{GlobalAllocator, PerCpuSlab, SlabPoolTrait, SlabTrait, interface::BuddySlabIf};
use std::{
    panic::Location,
    sync::atomic::{AtomicBool, Ordering},
};

pub(crate) const PAGE: usize = super::arena::FRAME as usize;

static SLABS: [PerCpuSlab<PAGE>; cpu::CORES] = [PerCpuSlab::new(0), PerCpuSlab::new(1)];

struct Pool;

impl SlabPoolTrait for Pool {
    fn current_slab(&self) -> &dyn SlabTrait {
        &SLABS[cpu::current()]
    }

    fn owner_slab(&self, core: usize) -> &dyn SlabTrait {
        &SLABS[core]
    }
}

struct Platform;

#[ax_crate_interface::impl_interface]
impl BuddySlabIf for Platform {
    fn virt_to_phys(address: usize) -> usize {
        address
    }

    fn slab_pool() -> &'static dyn SlabPoolTrait {
        &Pool
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

/// Brings it up with empty slabs.
///
/// # Safety
///
/// Nobody else uses the region until the allocator is gone, and it is gone before there is another.
pub(crate) unsafe fn init(region: &mut [u8]) -> GlobalAllocator<PAGE> {
    SLABS.iter().for_each(PerCpuSlab::reset);
    let allocator = GlobalAllocator::new();
    // SAFETY: as promised by the caller.
    unsafe { allocator.init(region) }.expect("a valid region");
    allocator
}
