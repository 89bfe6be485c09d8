//! `buddy-slab-allocator`: its global allocator, with slabs for each core, and its pages; and the platform that it wants:
//! cores, and the lock that it asks for.
//!
//! The platform's functions are linked by name, so there is one allocator at a time, with the same slabs each time. Which
//! core this is they ask a function that the stand is known by, through a pointer: some instructions that a kernel, which
//! is one stand, would not have.

#![expect(unsafe_code, reason = "the peer is given memory, and its platform's functions are linked by name")]

use core::{
    alloc::Layout,
    hint::spin_loop,
    panic::Location,
    ptr::NonNull,
    slice,
    sync::atomic::{
        AtomicBool,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use ax_sync::interface::{AcquireResult, ContextState, LockMetadata, SpinOps};
use buddy_slab_allocator::{GlobalAllocator, PerCpuSlab, SlabPoolTrait, SlabTrait, interface::BuddySlabIf};
use framekeeper::{Core, FRAME_SIZE};
use spin::Once;

use super::{
    super::{Stand, Subject, Turn, Workload},
    memory,
};

const PAGE: usize = FRAME_SIZE as usize;
/// As many as any stand has.
const CORES: usize = 16;

static SLABS: [PerCpuSlab<PAGE>; CORES] = {
    let mut slabs = [const { PerCpuSlab::new(0) }; CORES];
    let mut core = 0;
    while core < CORES {
        slabs[core] = PerCpuSlab::new(core as u16);
        core += 1;
    }
    slabs
};

/// Who knows which core this is. A program has one stand.
static CURRENT: Once<fn() -> Core> = Once::new();

fn slab(core: usize) -> &'static PerCpuSlab<PAGE> {
    SLABS.get(core).unwrap_or(&SLABS[0])
}

fn current() -> usize {
    CURRENT.get().map_or(0, |current| current().index())
}

struct Pool;

impl SlabPoolTrait for Pool {
    fn current_slab(&self) -> &dyn SlabTrait {
        slab(current())
    }

    fn owner_slab(&self, core: usize) -> &dyn SlabTrait {
        slab(core)
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
        while locked.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            while locked.load(Relaxed) {
                spin_loop();
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
        let taken = locked.compare_exchange(false, true, Acquire, Relaxed);
        AcquireResult::new(taken.is_ok(), ContextState::new(0, 0))
    }

    fn release(locked: &AtomicBool, _address: usize, _context: u8, _state: ContextState) {
        // Release, pairs with the Acquire above.
        locked.store(false, Release);
    }

    fn force_release(locked: &AtomicBool, _address: usize, _context: u8) {
        // As above.
        locked.store(false, Release);
    }

    fn is_locked(locked: &AtomicBool) -> bool {
        locked.load(Relaxed)
    }
}

struct Objects(GlobalAllocator<PAGE>);

impl Subject for Objects {
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.alloc(layout).ok()
    }

    unsafe fn free(&self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { self.0.dealloc(memory, layout) };
    }
}

struct Pages(GlobalAllocator<PAGE>);

impl Subject for Pages {
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        let start = self.0.alloc_pages(layout.size() / PAGE, layout.align()).ok()?;
        NonNull::new(core::ptr::with_exposed_provenance_mut(start))
    }

    unsafe fn free(&self, memory: NonNull<u8>, layout: Layout) {
        self.0.dealloc_pages(memory.as_ptr().expose_provenance(), layout.size() / PAGE);
    }
}

pub(super) fn objects<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    workload.turn(turn, &Objects(on_fresh(turn.stand)));
}

pub(super) fn frames<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    workload.turn(turn, &Pages(on_fresh(turn.stand)));
}

fn on_fresh<S: Stand>(stand: &S) -> GlobalAllocator<PAGE> {
    assert!(usize::from(stand.cores()) <= CORES, "{} cores", stand.cores());
    let memory = memory::fresh(stand);
    memory.start.as_ptr().expose_provenance();
    CURRENT.call_once(|| S::current);
    SLABS.iter().for_each(PerCpuSlab::reset);
    let allocator = GlobalAllocator::new();
    // SAFETY: nobody else has the memory until the next turn, and then the allocator is gone.
    let region = unsafe { slice::from_raw_parts_mut(memory.start.as_ptr(), memory.size) };
    // SAFETY: as above.
    let initialized = unsafe { allocator.init(region) };
    assert!(initialized.is_ok(), "buddy-slab does not take {memory:?}");
    allocator
}
