//! Framekeeper: zones behind locks, and a cache for each core.

use crate::{
    cpu,
    memory::{Memory, ram},
    subject::{Made, Subject},
};
use ::framekeeper::{Core, CoreCache, CpuLocal, FrameAllocator, MapLayout, Order, PhysAddr};
use std::time::Instant;

/// Threads as cores: nothing interrupts one to call the allocator, so there is nothing to mask.
pub(crate) struct Threads;

impl CpuLocal for Threads {
    #[inline]
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(cpu::current() as u8)))
    }
}

pub(crate) struct Frames<'a>(FrameAllocator<'a, Threads>);

impl Subject for Frames<'_> {
    #[inline]
    fn alloc(&self, order: u8) -> Option<u64> {
        self.0.alloc_frames(Order::new(order)?).map(|start| start.0)
    }

    #[inline]
    fn free(&self, address: u64, _order: u8) {
        let given = self.0.free_frame(PhysAddr(address));
        debug_assert!(given.is_ok(), "what was handed out can be given back");
    }

    fn settle(&self) {
        self.0.drain();
    }
}

pub(crate) fn on_fresh<R>(memory: &mut Memory, size: u64, run: impl FnOnce(&Made<'_, Frames<'_>>) -> R) -> R {
    let ram = ram(size);
    let base = ram.iter().next().expect("one range").start().0;
    let caches = [const { CoreCache::new() }; cpu::CORES];
    let caches_size = size_of_val(&caches) as u64;
    let metadata = MapLayout::of(&ram).expect("a map of this size").bytes() + caches_size;
    let began = Instant::now();
    let subject = FrameAllocator::new(&ram, &ram, memory.storage(), &caches, Threads);
    let subject = Frames(subject.expect("memory for the largest map"));
    let bring_up = began.elapsed();
    run(&Made { subject: &subject, base, size, bring_up, metadata })
}
