//! Every interleaving of a few cores on one area of 2 MiB.
//!
//! All of the area is free when a run begins, and again at its end: see [`explore`].

mod drain;
mod head;
mod ids;
mod objects;
mod pending;
mod zone;

use crate::{
    CoreCache, CpuLocal, FrameAllocator, Order, PhysAddr, PhysRange, RegionSet, Storage, ZoneKind,
    cpu::Core,
    sync::{
        AtomicU32, AtomicU64,
        explored::{explore, never_wait},
    },
};
use core::cell::Cell;
use std::{boxed::Box, println, vec::Vec};

/// A block of half the area.
const HALF: Order = Order::new(8).unwrap();

loom::thread_local! {
    /// Where the thread runs: on a core, or where none can be pinned.
    static PLACE: Cell<Option<Core>> = Cell::new(None);
}

/// Puts the thread onto a core, for good.
fn on_core(number: u8) {
    PLACE.with(|place| place.set(Some(Core::new(number))));
}

/// Puts the thread into a handler, for good.
fn in_handler() {
    PLACE.with(|place| place.set(None));
    never_wait();
}

fn place() -> Option<Core> {
    PLACE.with(Cell::get)
}

/// Cores that nobody can hold.
struct Free;

impl CpuLocal for Free {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(place())
    }
}

fn ram() -> RegionSet<2> {
    let mut ram = RegionSet::new();
    ram.add(PhysRange::new(PhysAddr(0), PhysAddr(Order::MIB_2.bytes()))).unwrap();
    ram
}

fn storage() -> Storage<'static> {
    let needs = crate::MapLayout::of(&ram()).unwrap().needs();
    let words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0)).collect();
    let index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0)).collect();
    Storage { words: words.leak(), index: index.leak() }
}

/// An allocator that outlives every run, as loom's threads ask.
fn allocator<C: CpuLocal>(cpu: C, caches: usize) -> &'static FrameAllocator<'static, C> {
    let caches: Vec<_> = (0..caches).map(|_| CoreCache::new()).collect();
    Box::leak(Box::new(FrameAllocator::new(&ram(), &ram(), storage(), caches.leak(), cpu).unwrap()))
}

/// Explores `model`, at whose end all of the area must have come back.
fn run<C: CpuLocal + Sync>(
    name: &str,
    frames: &'static FrameAllocator<'static, C>,
    model: impl Fn() + Send + Sync + 'static,
) {
    let runs = explore(move || {
        model();
        for (_, core) in frames.caches().iter().zip(0..) {
            on_core(core);
            frames.drain();
        }
        let free = frames.free();
        assert_eq!((free.total(), free.blocks(ZoneKind::Dma32, Order::MIB_2)), (512, 1), "{free}");
    });
    println!("{name}: {runs} interleavings");
}
