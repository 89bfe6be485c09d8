//! Framekeeper: its heap, and its frames.

#![expect(unsafe_code, reason = "objects are taken back on the caller's word")]

use alloc::{boxed::Box, vec::Vec};
use core::{
    alloc::Layout,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64},
};

use framekeeper::{
    CoreCache, CpuLocal, FrameAllocator, MapLayout, Order, Owner, RegionSet, Storage,
    heap::Heap,
    slabs::{DirectMap, Hardening, Magazines, Pools, Setup},
};

use super::{
    super::{Stand, Subject, Turn, Workload, object::order_of},
    memory,
};

const SLABS: Owner = Owner::new(1);
const BLOCKS: Owner = Owner::new(2);
const SECRET: u64 = 0x9e37_79b9_7f4a_7c15;

impl<C: CpuLocal + Sync, M: DirectMap + Send + Sync, H: Hardening> Subject for Heap<'_, C, M, H>
where
    Self: Sync,
{
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        Self::alloc(self, layout).ok()
    }

    unsafe fn free(&self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: as promised by the caller.
        let freed = unsafe { Self::free(self, memory, layout) };
        assert!(freed.is_ok(), "what was handed out can be given back: {freed:?}");
    }
}

struct Frames<'f, 'a, C, M> {
    frames: &'f FrameAllocator<'a, C>,
    map: M,
}

impl<C: CpuLocal, M: DirectMap> Subject for Frames<'_, '_, C, M>
where
    Self: Sync,
{
    fn alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self.frames.alloc_frames(Order::new(order_of(layout))?)?;
        Some(self.map.pointer(block))
    }

    unsafe fn free(&self, memory: NonNull<u8>, _: Layout) {
        let freed = self.frames.free_frame(self.map.address(memory));
        assert!(freed.is_ok(), "what was handed out can be given back: {freed:?}");
    }
}

/// What an allocator of frames has beside the frames.
struct Parts {
    words: Vec<AtomicU32>,
    index: Vec<AtomicU64>,
    caches: Vec<CoreCache>,
}

impl Parts {
    fn of<S: Stand>(stand: &S) -> Self {
        let needs = match MapLayout::of(&ram(stand)) {
            Ok(layout) => layout.needs(),
            Err(error) => panic!("a map of {}: {error}", stand.memory()),
        };
        Self {
            words: (0..needs.words).map(|_| AtomicU32::new(0)).collect(),
            index: (0..needs.index).map(|_| AtomicU64::new(0)).collect(),
            caches: (0..stand.cores()).map(|_| CoreCache::new()).collect(),
        }
    }

    /// An allocator of all of the stand's memory.
    fn frames<S: Stand>(&mut self, stand: &S) -> FrameAllocator<'_, S::Cpu> {
        memory::fresh(stand);
        let (ram, Self { words, index, caches }) = (ram(stand), self);
        match FrameAllocator::new(&ram, &ram, Storage { words, index }, caches, stand.cpu()) {
            Ok(frames) => frames,
            Err(error) => panic!("a map of {}: {error}", stand.memory()),
        }
    }
}

fn ram<S: Stand>(stand: &S) -> RegionSet<1> {
    let mut ram = RegionSet::new();
    assert_eq!(ram.add(stand.memory()), Ok(()));
    ram
}

pub(super) fn frames<S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    let mut parts = Parts::of(turn.stand);
    let frames = parts.frames(turn.stand);
    workload.turn(turn, &Frames { frames: &frames, map: turn.stand.map() });
}

pub(super) fn objects<H: Hardening + Sync, S: Stand, W: Workload>(turn: &Turn<'_, S>, workload: &W) {
    let mut parts = Parts::of(turn.stand);
    let magazines: Vec<_> = (0..turn.stand.cores()).map(|_| Magazines::new()).collect();
    let pools = Box::new(Pools::new());
    let frames = parts.frames(turn.stand);
    let setup = Setup {
        memory: turn.stand.map(),
        pools: &pools,
        magazines: &magazines,
        owner: SLABS,
        secret: SECRET,
        hook: None,
        sites: None,
    };
    let heap = Heap::<_, _, H>::new();
    assert_eq!(heap.init(&frames, setup, BLOCKS), Ok(()));
    workload.turn(turn, &heap);
}
