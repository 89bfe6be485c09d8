//! Slabs in some state, on memory that is mapped by somebody who watches what is looked at.

#![expect(unsafe_code, reason = "maps memory, and gives back objects")]

use crate::{
    Core, CoreCache, CpuLocal, FRAME_SIZE, FrameAllocator, MapLayout, Order, Owner, PhysAddr, PhysRange,
    RegionSet, Request, Storage,
    map::State,
    slabs::{
        class::Class,
        hardening::Standard,
        magazine::Magazines,
        memory::DirectMap,
        objects::{Setup, Slabs},
        pool::Pools,
    },
    sync::{AtomicU32, AtomicU64},
};
use core::{alloc::Layout, cell::RefCell, ptr::NonNull};
use std::{boxed::Box, panic::AssertUnwindSafe, vec, vec::Vec};

/// So far up that each of the four words that lead to a descriptor has a part of its place.
const START: u64 = (5 << 42) + (3 << 30);
const BYTES: u64 = 4 << 20;

/// Whose the slabs' frames are, and whose others are.
pub(crate) const OURS: Owner = Owner::new(1);
pub(crate) const OTHERS: Owner = Owner::new(2);

/// Objects of these sizes: in slabs of one and of many words of bits, of 16 KiB and of 64 KiB.
pub(crate) const SIZES: [usize; 6] = [8, 32, 104, 512, 3072, 8192];

/// Splitmix64: the same seed, the same numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

/// The only core.
pub(crate) struct OneCore;

impl CpuLocal for OneCore {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        true
    }
}

/// RAM, mapped where it was allocated, by who sees what is looked at.
pub(crate) struct Watched {
    memory: NonNull<u8>,
    /// For each frame, whether it may be looked at. All may, while there is none.
    allowed: RefCell<Vec<bool>>,
}

impl Watched {
    fn layout() -> Layout {
        Layout::from_size_align(usize::try_from(BYTES).unwrap(), 2 << 20).unwrap()
    }

    fn new() -> Self {
        // SAFETY: the size is not zero.
        let memory = NonNull::new(unsafe { std::alloc::alloc_zeroed(Self::layout()) }).unwrap();
        Self { memory, allowed: RefCell::default() }
    }

    /// A word of RAM, whosever it is.
    pub(crate) fn word(&self, address: PhysAddr) -> &AtomicU64 {
        let offset = address.0.wrapping_sub(START);
        assert!(offset < BYTES && offset.is_multiple_of(8), "{address:?} is no word of RAM");
        let place = self.memory.as_ptr().wrapping_add(usize::try_from(offset).unwrap());
        let place = NonNull::new(place).unwrap().cast::<AtomicU64>();
        // SAFETY: it is inside the memory and aligned, which starts as zeros and is there as long as this is.
        unsafe { place.as_ref() }
    }

    fn may_look(&self, address: PhysAddr) -> bool {
        let frame = address.0.wrapping_sub(START) / FRAME_SIZE;
        let allowed = self.allowed.borrow();
        allowed.is_empty() || allowed.get(usize::try_from(frame).unwrap()).is_some_and(|&may| may)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and nobody uses it any more.
        unsafe { std::alloc::dealloc(self.memory.as_ptr(), Self::layout()) };
    }
}

// SAFETY: the memory is as large as RAM, aligned, and given back only with the map of it.
unsafe impl DirectMap for Watched {
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        assert!(self.may_look(address), "{address:?} is not the slabs'");
        let offset = usize::try_from(address.0.wrapping_sub(START)).unwrap();
        NonNull::new(self.memory.as_ptr().wrapping_add(offset)).unwrap()
    }

    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        let offset = (pointer.as_ptr().addr() as u64).wrapping_sub(self.memory.as_ptr().addr() as u64);
        PhysAddr(START.wrapping_add(offset))
    }
}

pub(crate) type TheSlabs<'a> = Slabs<'a, OneCore, &'a Watched, Standard>;

/// Slabs, and what is out.
pub(crate) struct Scene<'a> {
    pub(crate) frames: &'a FrameAllocator<'a, OneCore>,
    pub(crate) slabs: &'a TheSlabs<'a>,
    pub(crate) memory: &'a Watched,
    pub(crate) magazines: &'a Magazines,
    out: Vec<(Class, NonNull<u8>)>,
    dice: Dice,
}

/// Runs `work` on slabs that have nothing yet.
pub(crate) fn with_scene(seed: u64, work: impl FnOnce(&mut Scene<'_>)) {
    let mut ram = RegionSet::<8>::new();
    ram.add(PhysRange::new(PhysAddr(START), PhysAddr(START + BYTES))).unwrap();
    let needs = MapLayout::of(&ram).unwrap().needs();
    let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0)).collect();
    let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0)).collect();
    let storage = Storage { words: &mut words, index: &mut index };
    let caches = [CoreCache::new()];
    let frames = FrameAllocator::new(&ram, &ram, storage, &caches, OneCore).unwrap();
    let (memory, pools, magazines) = (Watched::new(), Box::new(Pools::new()), [Magazines::new()]);
    let setup = Setup {
        memory: &memory,
        pools: &pools,
        magazines: &magazines,
        owner: OURS,
        secret: 0x5eed_0000_0000_0000 ^ seed,
        hook: None,
        sites: None,
    };
    let slabs = Slabs::new(&frames, setup).unwrap();
    let [of_core] = &magazines;
    let scene = &mut Scene {
        frames: &frames,
        slabs: &slabs,
        memory: &memory,
        magazines: of_core,
        out: vec![],
        dice: Dice(seed),
    };
    work(scene);
}

pub(crate) fn class_of(size: usize) -> Class {
    Class::of(layout_of(size)).unwrap()
}

fn layout_of(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

impl<'a> Scene<'a> {
    /// Takes some objects of one size, or gives some back, in no order.
    pub(crate) fn step(&mut self) {
        let size = SIZES[self.dice.below(SIZES.len())];
        let class = class_of(size);
        match self.dice.below(10) {
            0..4 => {
                // A few slabs' worth.
                let most = (3 * class.shape().slots() as usize).min(200);
                let count = self.dice.below(most);
                self.take(size, count);
            }
            number @ 4..9 => {
                // All of them, or some.
                let mut left = if number == 4 { usize::MAX } else { self.dice.below(400) };
                while let Some(at) = self.out.iter().position(|&(of, _)| of == class).filter(|_| left > 0) {
                    let other = at + self.dice.below(self.out.len() - at);
                    self.give(if self.out[other].0 == class { other } else { at });
                    left -= 1;
                }
            }
            _ => {
                // So that slabs, and the other memory of theirs, are in many places.
                let order = Order::new(self.dice.below(5) as u8).unwrap();
                let _ = self.frames.alloc(Request::order(order).owned_by(OTHERS));
            }
        }
        if self.frames.free().total() < 300 {
            while !self.out.is_empty() {
                self.give(self.out.len() - 1);
            }
        }
    }

    /// Takes many objects of one size and gives all back: slabs are empty, and descriptors have no slab.
    pub(crate) fn peak(&mut self) {
        let class = class_of([104, 512, 3072][self.dice.below(3)]);
        self.take(class.size(), 6 * class.shape().slots() as usize);
        while let Some(number) = self.out.iter().position(|&(of, _)| of == class) {
            self.give(number);
        }
    }

    /// Takes so many objects of a size.
    pub(crate) fn take(&mut self, size: usize, count: usize) {
        for _ in 0..count {
            self.out.push((class_of(size), self.slabs.alloc(layout_of(size)).unwrap()));
        }
    }

    /// Gives so many objects back, from one on, in the order in which they were taken.
    pub(crate) fn give_from(&mut self, first: usize, count: usize) {
        for _ in 0..count {
            self.out[first..].rotate_left(1);
            self.give(self.out.len() - 1);
        }
    }

    fn give(&mut self, number: usize) {
        let (class, object) = self.out.swap_remove(number);
        // SAFETY: it was out, and nobody uses it.
        unsafe { self.slabs.free(object, layout_of(class.size())) }.unwrap();
    }

    /// Whether frames and slabs are sound, as far as they say; and whether nothing else was looked at for that.
    pub(crate) fn verify(&self, name: &str, bit: u32) -> bool {
        let found = std::panic::catch_unwind(AssertUnwindSafe(|| self.slabs.verify()));
        let found = found.unwrap_or_else(|_| panic!("{name}, bit {bit}: a panic"));
        found.is_ok() && self.frames.verify().is_ok()
    }

    /// Whether there are as many objects out as the slabs say.
    pub(crate) fn is_all_known(&self, class: Class) -> bool {
        let out = self.out.iter().filter(|&&(of, _)| of == class).count();
        self.slabs.counter(class).usage().allocated() == out as u64
    }

    /// From here on only slabs and chunks may be looked at.
    pub(crate) fn watch(&self) {
        let frames = (0..BYTES / FRAME_SIZE).map(|number| PhysAddr(START + number * FRAME_SIZE));
        let is_ours = |address| match self.frames.state(address) {
            State::Slab { .. } => true,
            State::Allocated { owner, .. } => owner == OURS,
            _ => false,
        };
        *self.memory.allowed.borrow_mut() = frames.map(is_ours).collect();
    }

    pub(crate) fn watch_no_more(&self) {
        self.memory.allowed.borrow_mut().clear();
    }
}
