//! `frame-alloc`: bitmaps for each order changed by compare and swap, alone and behind its caches for each core.
//!
//! Configured as its documentation shows it: 11 orders, and the caches' default sizes. Its bitmaps lie in the memory
//! that it manages, in a range of their own here, so that it has as many frames to hand out as the others.

#![expect(unsafe_code, reason = "frame-alloc is given memory and takes frames back on the caller's word")]

use crate::{
    arena::ALIGNMENT,
    cpu,
    memory::Memory,
    subject::{FRAME, Made, Subject},
};
use ::frame_alloc::{
    CpuId, DepotAllocator, InitError, PageSize, PhysRange, PhysicalAllocator, Provenance, RegionInit,
    SummaryBuddyAllocator,
};
use std::{num::NonZeroUsize, ptr, time::Instant};

const PAGE: PageSize = PageSize::from_log2(12);
const ORDERS: usize = 11;

pub(crate) struct Exposed;

// SAFETY: the arena's provenance, over all of it, was exposed in `on_fresh`; nothing ends in `destroy`.
unsafe impl Provenance for Exposed {
    unsafe fn create(phys: usize) -> ptr::NonNull<u8> {
        ptr::NonNull::new(ptr::with_exposed_provenance_mut(phys)).expect("the arena is not at zero")
    }

    unsafe fn destroy<T>(pointer: ptr::NonNull<T>) -> usize {
        pointer.as_ptr().addr()
    }
}

pub(crate) struct Core;

impl CpuId for Core {
    #[inline]
    fn current_cpu() -> usize {
        cpu::current()
    }
}

pub(crate) type Buddy = SummaryBuddyAllocator<ORDERS, Exposed>;
pub(crate) type Depot = DepotAllocator<Buddy, Core, { cpu::CORES }>;

/// Whichever of the crate's allocators: what implements a foreign trait cannot implement ours without a name of ours.
pub(crate) struct Foreign<A>(A);

/// What only the caches have.
pub(crate) trait Flush {
    fn flush(&self) {}
}

impl Flush for Buddy {}

impl Flush for Depot {
    fn flush(&self) {
        Self::flush(self);
    }
}

impl<A: PhysicalAllocator + Flush + Sync> Subject for Foreign<A> {
    #[inline]
    fn alloc(&self, order: u8) -> Option<u64> {
        self.0.allocate_physical(PAGE, frames(order)).ok().map(|address| address as u64)
    }

    #[inline]
    fn free(&self, address: u64, order: u8) {
        // SAFETY: the workloads give back what they were handed out, once and with the same order.
        unsafe { self.0.deallocate_physical(PAGE, frames(order), address as usize) };
    }

    fn settle(&self) {
        self.0.flush();
    }
}

#[inline]
const fn frames(order: u8) -> NonZeroUsize {
    match NonZeroUsize::new(1 << order) {
        Some(frames) => frames,
        None => NonZeroUsize::MIN,
    }
}

pub(crate) fn on_fresh_buddy<R>(
    memory: &mut Memory,
    size: u64,
    run: impl FnOnce(&Made<'_, Foreign<Buddy>>) -> R,
) -> R {
    on_fresh(memory, size, Buddy::new(PAGE), run)
}

pub(crate) fn on_fresh_depot<R>(
    memory: &mut Memory,
    size: u64,
    run: impl FnOnce(&Made<'_, Foreign<Depot>>) -> R,
) -> R {
    on_fresh(memory, size, Depot::new(PAGE, Buddy::new(PAGE)), run)
}

fn on_fresh<A: RegionInit + PhysicalAllocator, R>(
    memory: &mut Memory,
    size: u64,
    allocator: A,
    run: impl FnOnce(&Made<'_, Foreign<A>>) -> R,
) -> R {
    let arena = memory.arena().as_mut_ptr().expose_provenance();
    let (base, span) = (arena + ALIGNMENT as usize, (ALIGNMENT + size) as usize);
    let metadata = metadata(&allocator, arena, span);
    let usable = [PhysRange { base: arena, len: metadata }, PhysRange { base, len: size as usize }];
    let began = Instant::now();
    // SAFETY: the arena is borrowed for as long as the allocator lives, nobody else has it, and no other thread is there.
    unsafe { allocator.try_init(arena, span, &usable) }.expect("a valid span");
    let bring_up = began.elapsed();
    run(&Made { subject: &Foreign(allocator), base: base as u64, size, bring_up, metadata: metadata as u64 })
}

/// How much it needs for its bitmaps: it says so when it is given nothing.
fn metadata<A: RegionInit>(allocator: &A, arena: usize, span: usize) -> usize {
    // SAFETY: it is given no memory, and refuses.
    match unsafe { allocator.try_init(arena, span, &[]) } {
        Err(InitError::MetadataWontFit { required_bytes }) => {
            assert!((required_bytes as u64).is_multiple_of(FRAME) && required_bytes as u64 <= ALIGNMENT);
            required_bytes
        }
        other => panic!("an allocator without memory answered {other:?}"),
    }
}
