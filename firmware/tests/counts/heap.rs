//! What the paths of objects cost that are taken most, and that a free costs the same however many slabs there are.

#![expect(unsafe_code, reason = "gives objects back")]

use alloc::{boxed::Box, vec::Vec};
use core::{
    alloc::Layout,
    hint::black_box,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64},
};
use firmware::{
    frames::{Frames, ThisMachine, frames},
    heap::{Ram, heap},
};
use framekeeper::{
    CoreCache, FrameAllocator, MapLayout, Order, Owner, PhysAddr, PhysRange, RegionSet, Storage,
    slabs::{Cache, Cached, Hardening, Magazine, Magazines, Off, Pools, Setup, Slabs, Standard},
};
use spin::Once;

use crate::count;

type Objects<H> = Slabs<'static, ThisMachine, Ram, H>;

static POOLS: [Pools; 2] = [const { Pools::new() }; 2];
static MAGAZINES: [[Magazines; 1]; 2] = [const { [const { Magazines::new() }; 1] }; 2];
static TYPED: [Magazine; 1] = [const { Magazine::new() }; 1];

static CACHES: [[CoreCache; 1]; 2] = [const { [const { CoreCache::new() }; 1] }; 2];

static UNCHECKED: Once<Objects<Off>> = Once::new();
static CHECKED: Once<Objects<Standard>> = Once::new();

/// Frames of a block: those of the machine have the heap's slabs, and there are no two of the same frames.
fn frames_of_a_block(number: usize) -> &'static Frames {
    const ORDER: Order = Order::new(13).unwrap();
    let start = frames().alloc_frames(ORDER).unwrap();
    let mut ram = RegionSet::<1>::new();
    ram.add(PhysRange::new(start, PhysAddr(start.0 + ORDER.bytes()))).unwrap();
    let needs = MapLayout::of(&ram).unwrap().needs();
    let words = (0..needs.words).map(|_| AtomicU32::new(0)).collect::<Vec<_>>().leak();
    let index = (0..needs.index).map(|_| AtomicU64::new(0)).collect::<Vec<_>>().leak();
    let caches = CACHES.get(number).unwrap();
    let frames = FrameAllocator::new(&ram, &ram, Storage { words, index }, caches, ThisMachine).unwrap();
    Box::leak(Box::new(frames))
}

/// Slabs of their own, which nobody else has objects of.
fn objects<H: Hardening>(place: &'static Once<Objects<H>>, number: usize) -> &'static Objects<H> {
    let (pools, magazines) = (POOLS.get(number).unwrap(), MAGAZINES.get(number).unwrap());
    let owner = Owner::new(9);
    place.call_once(|| {
        let setup = Setup { memory: Ram, pools, magazines, owner, secret: 0x5eed, hook: None, sites: None };
        Slabs::new(frames_of_a_block(number), setup).unwrap()
    })
}

/// What was measured when this was written, of which nothing is to become more. The goals are 16 of a type and 24 of a size
/// without checks, and 32 of a size and 64 back with them.
const UNCHECKED_MOST: Costs = Costs { alloc: 22, free: 51, typed_alloc: 17, typed_free: 26 };
const CHECKED_MOST: Costs = Costs { alloc: 39, free: 87, typed_alloc: 24, typed_free: 32 };
/// By a call of the global allocator.
const CALL: u64 = 63;
const CALL_BACK: u64 = 100;

/// Instructions for an object, and for giving it back: of a size that is known at run time only, and of a type.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Costs {
    alloc: u64,
    free: u64,
    typed_alloc: u64,
    typed_free: u64,
}

impl Costs {
    fn keep_to(self, most: Self) {
        let pairs = [
            ("an object of a size", self.alloc, most.alloc),
            ("giving that back", self.free, most.free),
            ("an object of a type", self.typed_alloc, most.typed_alloc),
            ("giving that back", self.typed_free, most.typed_free),
        ];
        for (what, found, most) in pairs {
            assert!(found <= most, "{found} instructions for {what}: more than {most}");
        }
    }
}

/// As they are inlined into their caller, interrupts masked and unmasked again included. The most of a few times.
fn costs<H: Hardening>(slabs: &'static Objects<H>) -> Costs {
    count::start();
    let cache = Cache::new(slabs, "counted", &TYPED, || Some([0_u64; 8])).unwrap();
    drop(cache.alloc().unwrap());
    let layout = Layout::from_size_align(black_box(100), 8).unwrap();
    give(slabs, slabs.alloc(layout).unwrap(), layout);
    let mut most = Costs::default();
    for _ in 0..8 {
        let (alloc, object) = count::count(|| slabs.alloc(layout).ok());
        let object = black_box(object).unwrap();
        // SAFETY: nobody uses it.
        let (free, freed) = count::count(|| unsafe { slabs.free(object, layout) }.is_ok());
        assert!(black_box(freed));
        let (typed_alloc, object) = count::count(|| cache.alloc().ok().map(Cached::into_raw));
        // SAFETY: it came from there.
        let object = unsafe { cache.from_raw(black_box(object).unwrap()) };
        let (typed_free, ()) = count::count(|| drop(object));
        most.alloc = most.alloc.max(alloc);
        most.free = most.free.max(free);
        most.typed_alloc = most.typed_alloc.max(typed_alloc);
        most.typed_free = most.typed_free.max(typed_free);
    }
    most
}

fn give<H: Hardening>(slabs: &Objects<H>, object: NonNull<u8>, layout: Layout) {
    // SAFETY: nobody uses it.
    assert!(unsafe { slabs.free(object, layout) }.is_ok());
}

fn log(level: &str, costs: Costs) {
    defmt::info!(
        "{=str}: an object of a size {=u64}, back {=u64}; of a type {=u64}, back {=u64} instructions",
        level,
        costs.alloc,
        costs.free,
        costs.typed_alloc,
        costs.typed_free
    );
}

/// Instructions for giving back all objects of one slab, with so many slabs; and for one into the magazine.
fn frees_with(slabs: &Objects<Standard>, count: usize) -> (u64, u64) {
    const SLAB: usize = 16 << 10;
    let layout = Layout::from_size_align(black_box(64), 8).unwrap();
    let mut held: Vec<NonNull<u8>> =
        (0..count * SLAB / layout.size()).map(|_| slabs.alloc(layout).unwrap()).collect();
    let middle = held.get(held.len() / 2).unwrap().addr().get() / SLAB;
    let (one, others): (Vec<_>, Vec<_>) =
        held.drain(..).partition(|object| object.addr().get() / SLAB == middle);
    assert_eq!(one.len(), SLAB / layout.size());
    let (all, ()) = count::count(|| one.iter().for_each(|&object| give(slabs, object, layout)));
    let object = slabs.alloc(layout).unwrap();
    // SAFETY: nobody uses it.
    let (single, freed) = count::count(|| unsafe { slabs.free(object, layout) }.is_ok());
    assert!(freed);
    others.into_iter().for_each(|object| give(slabs, object, layout));
    slabs.shrink();
    (all, single)
}

#[embedded_test::tests]
mod fast_paths {
    use super::*;

    #[test]
    fn without_checks_they_keep_to_their_budget() {
        let costs = costs(objects(&UNCHECKED, 0));
        log("off", costs);
        costs.keep_to(UNCHECKED_MOST);
    }

    #[test]
    fn with_checks_they_keep_to_their_budget() {
        let costs = costs(objects(&CHECKED, 1));
        log("standard", costs);
        costs.keep_to(CHECKED_MOST);
    }

    #[test]
    fn r002_5_a_free_costs_the_same_with_one_slab_and_with_a_thousand() {
        count::start();
        let slabs = objects(&CHECKED, 1);
        let ((all, one), (all_of_many, one_of_many)) = (frees_with(slabs, 1), frees_with(slabs, 1_000));
        defmt::info!(
            "256 frees: {=u64} instructions with 1 slab, {=u64} with 1,000; one: {=u64}, {=u64}",
            all,
            all_of_many,
            one,
            one_of_many
        );
        for (few, many) in [(all, all_of_many), (one, one_of_many)] {
            assert!(many * 10 <= few * 11 && few * 10 <= many * 11, "{few} and {many} instructions");
        }
    }
}

#[embedded_test::tests]
mod calls {
    use super::*;
    use alloc::alloc::{alloc, dealloc};

    /// As collections call it: size and alignment are known at run time only, and it is a call.
    #[test]
    fn the_global_allocator_keeps_to_its_budget() {
        count::start();
        let layout = black_box(Layout::from_size_align(100, 8).unwrap());
        let give = |memory: *mut u8| {
            // SAFETY: it was just handed out for this layout.
            unsafe { dealloc(memory, layout) };
        };
        // SAFETY: the size is not zero.
        give(black_box(unsafe { alloc(layout) }));
        // SAFETY: as above.
        let (taking, memory) = count::count(|| unsafe { alloc(layout) });
        let (giving, ()) = count::count(|| give(black_box(memory)));
        let block = Layout::from_size_align(100_000, 8).unwrap();
        let (large, memory) = count::count(|| heap().alloc(block).ok());
        let memory = black_box(memory).unwrap();
        // SAFETY: nobody uses it.
        let (large_back, freed) = count::count(|| unsafe { heap().free(memory, block) }.is_ok());
        assert!(freed);
        defmt::info!(
            "by the global allocator {=u64}, back {=u64}; a block of 25 frames {=u64}, back {=u64} instructions",
            taking,
            giving,
            large,
            large_back
        );
        assert!(taking <= CALL && giving <= CALL_BACK, "{taking} and {giving} instructions");
        assert!(large.max(large_back) <= 3_000, "{large} and {large_back} instructions for a block");
    }
}
