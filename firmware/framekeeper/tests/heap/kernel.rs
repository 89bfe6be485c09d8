//! A kernel with a heap: threads as cores, and all of a machine's RAM.

#![expect(unsafe_code, reason = "gives back what may be a heap's, or not")]

use crate::{
    ground::{MIB, Memory, Ram, ram},
    machine::{Mapped, SLABS, START, cores},
};
use cores::Cores;
use framekeeper::{
    CoreCache, FrameAllocator, Owner,
    heap::{Heap, ReallocError},
    slabs::{Hardening, Magazines, Misuse, Pools, Setup},
};
use std::{alloc::Layout, ptr::NonNull};

/// Whose blocks are.
pub(crate) const BLOCKS: Owner = Owner::new(8);

/// Some MiB of RAM.
pub(crate) fn ram_of(mib: u64) -> Ram {
    ram(&[(START, START + mib * MIB)])
}

/// A heap of these kernels.
pub(crate) type KernelHeap<'a, H> = Heap<'a, Cores, &'a Mapped, H>;

/// What a heap is made of.
pub(crate) struct Kernel {
    mapped: Mapped,
    memory: Memory,
    pools: Box<Pools>,
    caches: Vec<CoreCache>,
    magazines: Vec<Magazines>,
    ram: Ram,
    hook: Option<fn(Misuse)>,
}

impl Kernel {
    /// With so many MiB and cores, on the first of which the thread is.
    pub(crate) fn new(mib: u64, count: u8) -> Self {
        cores::on_core(0);
        let ram = ram_of(mib);
        Self {
            mapped: Mapped::new(mib * MIB),
            memory: Memory::of(&ram),
            pools: Box::default(),
            caches: (0..count).map(|_| CoreCache::new()).collect(),
            magazines: (0..count).map(|_| Magazines::new()).collect(),
            ram,
            hook: None,
        }
    }

    /// With somebody who is told of misuse.
    pub(crate) fn telling(mut self, hook: fn(Misuse)) -> Self {
        self.hook = Some(hook);
        self
    }

    /// Runs `work` with a heap that has no memory yet, what it needs for that, and this of RAM free.
    pub(crate) fn begin<H: Hardening>(
        mut self,
        free: &Ram,
        work: impl for<'a> FnOnce(Parts<'a>, &KernelHeap<'a, H>),
    ) {
        let cpus = Cores::new(self.caches.len() as u8);
        let frames = FrameAllocator::new(&self.ram, free, self.memory.storage(), &self.caches, cpus).unwrap();
        let setup = Setup {
            memory: &self.mapped,
            pools: &self.pools,
            magazines: &self.magazines,
            owner: SLABS,
            secret: 0x5eed_5eed_5eed_5eed,
            hook: self.hook,
            sites: None,
        };
        let heap = Heap::new();
        work(Parts { frames: &frames, setup }, &heap);
        heap.shrink();
        if let Ok(slabs) = heap.slabs() {
            slabs.verify().unwrap();
        }
        frames.drain_all();
        frames.verify().unwrap();
    }

    /// Runs `work` with a heap that has all of RAM; says nothing if all was given back.
    pub(crate) fn run<H: Hardening>(self, work: impl FnOnce(&FrameAllocator<'_, Cores>, &KernelHeap<'_, H>)) {
        let ram = self.ram;
        self.begin(&ram, |parts, heap| {
            heap.init(parts.frames, parts.setup, BLOCKS).unwrap();
            let before = parts.frames.free().total();
            work(parts.frames, heap);
            heap.shrink();
            assert_eq!((heap.usage().used(), parts.frames.free().total()), (0, before), "{}", heap.usage());
        });
    }
}

/// What a heap is told of its memory.
pub(crate) struct Parts<'a> {
    pub(crate) frames: &'a FrameAllocator<'a, Cores>,
    pub(crate) setup: Setup<'a, &'a Mapped>,
}

/// A layout.
pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Gives back what may be memory of the heap, or not.
pub(crate) fn free<H: Hardening>(
    heap: &KernelHeap<'_, H>,
    memory: NonNull<u8>,
    layout: Layout,
) -> Result<(), Misuse> {
    // SAFETY: tests use no memory that they gave back, or mean to.
    unsafe { heap.free(memory, layout) }
}

/// Changes the size of what may be memory of the heap, or not.
pub(crate) fn realloc<H: Hardening>(
    heap: &KernelHeap<'_, H>,
    memory: NonNull<u8>,
    layout: Layout,
    size: usize,
) -> Result<NonNull<u8>, ReallocError> {
    // SAFETY: as in `free`.
    unsafe { heap.realloc(memory, layout, size) }
}

/// The bytes of memory that the caller has and has filled.
pub(crate) fn bytes<'m>(memory: NonNull<u8>, size: usize) -> &'m mut [u8] {
    // SAFETY: tests make one such slice at a time, of what they were handed and have filled.
    unsafe { std::slice::from_raw_parts_mut(memory.as_ptr(), size) }
}
