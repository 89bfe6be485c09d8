//! Framekeeper: slabs that check nothing, what costs little, or everything.

#![expect(
    unsafe_code,
    reason = "memory is mapped where it is, and objects are taken back on the caller's word"
)]

use crate::{
    cpu,
    memory::{Memory, SIZE},
    object::{Objects, Workload},
};
use ::framekeeper::{
    Core, CoreCache, CpuLocal, FRAME_SIZE, FrameAllocator, MapLayout, Owner, PhysAddr, PhysRange, RegionSet,
    Storage,
    slabs::{DirectMap, Hardening, Magazines, Pools, Setup, Slabs},
};
use std::{
    alloc::Layout,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64},
};

/// Where the memory is said to lie.
const START: u64 = 0x8_8000_0000;

/// Threads as cores: nothing interrupts one to call the allocator, so there is nothing to mask.
struct Threads;

impl CpuLocal for Threads {
    #[inline]
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(cpu::current() as u8)))
    }

    /// Only at the end of a workload, when nobody else does anything.
    fn hold_others(&self, work: impl FnMut(Core)) -> bool {
        let others = (0..cpu::CORES).filter(|&core| core != cpu::current());
        others.map(|core| Core::new(core as u8)).for_each(work);
        true
    }
}

/// Memory at one distance from where it is said to lie.
#[derive(Clone, Copy)]
struct Mapped(NonNull<u8>);

// SAFETY: it is an address; what lies there is handed out by the allocator.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

// SAFETY: the memory is in one piece, as large as RAM, aligned to 4 MiB as RAM is, and nobody else's.
unsafe impl DirectMap for Mapped {
    #[inline]
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        let pointer = self.0.as_ptr().wrapping_add(address.0.wrapping_sub(START) as usize);
        // SAFETY: it is inside the memory, which does not wrap.
        unsafe { NonNull::new_unchecked(pointer) }
    }

    #[inline]
    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        let offset = pointer.as_ptr().addr().wrapping_sub(self.0.as_ptr().addr());
        PhysAddr(START.wrapping_add(offset as u64))
    }
}

struct Subject<'a, H> {
    frames: &'a FrameAllocator<'a, Threads>,
    slabs: Slabs<'a, Threads, Mapped, H>,
}

impl<H: Hardening> Objects for Subject<'_, H> {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        self.slabs.alloc(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn free(&self, object: *mut u8, layout: Layout) {
        let Some(object) = NonNull::new(object) else { return };
        // SAFETY: as promised by the caller.
        let freed = unsafe { self.slabs.free(object, layout) };
        debug_assert!(freed.is_ok(), "what was handed out can be given back");
    }

    fn held(&self) -> Option<u64> {
        Some(SIZE - self.frames.free().total() * FRAME_SIZE)
    }

    fn shrink(&self) {
        self.slabs.shrink();
    }
}

/// One turn of a workload.
pub(crate) fn on_fresh<H: Hardening, W: Workload>(memory: &mut Memory, workload: &W) -> Vec<W::Reading> {
    let mut ram = RegionSet::<1>::new();
    ram.add(PhysRange::new(PhysAddr(START), PhysAddr(START + SIZE))).expect("one range fits");
    let needs = MapLayout::of(&ram).expect("a map of this size").needs();
    let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0xdead_beef)).collect();
    let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0xdead_beef)).collect();
    let caches = [const { CoreCache::new() }; cpu::CORES];
    let magazines = [const { Magazines::new() }; cpu::CORES];
    let pools = Pools::new();
    let storage = Storage { words: &mut words, index: &mut index };
    let frames = FrameAllocator::new(&ram, &ram, storage, &caches, Threads).expect("memory for the map");
    let setup = Setup {
        memory: Mapped(memory.start()),
        pools: &pools,
        magazines: &magazines,
        owner: Owner::new(1),
        secret: 0x9e37_79b9_7f4a_7c15,
        hook: None,
        sites: None,
    };
    let slabs: Slabs<'_, _, _, H> = Slabs::new(&frames, setup).expect("frames without slabs");
    workload.measure(&Subject { frames: &frames, slabs })
}
