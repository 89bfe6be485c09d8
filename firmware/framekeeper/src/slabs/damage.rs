//! `verify` finds damage: one bit flipped, anywhere in what slabs keep, in many states of them.
//!
//! Nothing that a flipped bit leads to is looked at before it is known to be the slabs' own: memory is mapped by somebody
//! who watches.
//!
//! | not seen by `verify` | why |
//! |---|---|
//! | a magazine or a depot that says it has fewer objects than it has | those above look like any that somebody has, and whether they are marked as free, only who has them may look. Who knows how many are out sees it by `Usage::allocated` |
//! | objects that were given back, misuse that was reported | they are counted for reports only |
//! | what lies above the top of a magazine or a depot | nothing depends on it |
//! | which numbers of pools are taken | a cache without slabs is known to nobody else |
//! | objects that somebody has | they are the user's. What is free is seen by its marks: `tests/slabs/contents.rs` |
//! | addresses, lengths, shapes and the secret | constants; and where an object is free, another secret makes its marks wrong |
//! | the locks' flags | a set one says that somebody is inside |

#![expect(unsafe_code, reason = "maps memory, and gives back objects")]

use super::{
    class::Class,
    hardening::Standard,
    magazine::Magazines,
    memory::DirectMap,
    objects::{Setup, Slabs},
    pool::Pools,
};
use crate::{
    Core, CoreCache, CpuLocal, FRAME_SIZE, Frame, FrameAllocator, MapLayout, Order, Owner, PhysAddr,
    PhysRange, RegionSet, Request, Storage,
    map::State,
    sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed},
    word::{Kind, Slot},
};
use core::{alloc::Layout, cell::RefCell, ptr::NonNull};
use std::{boxed::Box, panic::AssertUnwindSafe, println, vec, vec::Vec};

const START: u64 = 1 << 30;
const BYTES: u64 = 4 << 20;

/// Whose the slabs' frames are, and whose others are.
const OURS: Owner = Owner::new(1);
const OTHERS: Owner = Owner::new(2);

/// Objects of these sizes: in slabs of one and of many words of bits, of 16 KiB and of 64 KiB.
const SIZES: [usize; 6] = [8, 32, 104, 512, 3072, 8192];

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
struct OneCore;

impl CpuLocal for OneCore {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        true
    }
}

/// RAM, mapped where it was allocated, by who sees what is looked at.
struct Watched {
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

type TheSlabs<'a> = Slabs<'a, OneCore, &'a Watched, Standard>;

/// Slabs, and what is out.
struct Scene<'a> {
    frames: &'a FrameAllocator<'a, OneCore>,
    slabs: &'a TheSlabs<'a>,
    memory: &'a Watched,
    magazines: &'a Magazines,
    out: Vec<(Class, NonNull<u8>)>,
    dice: Dice,
}

/// Runs `work` on slabs that have nothing yet.
fn with_scene(seed: u64, work: impl FnOnce(&mut Scene<'_>)) {
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

fn class_of(size: usize) -> Class {
    Class::of(layout_of(size)).unwrap()
}

fn layout_of(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

impl<'a> Scene<'a> {
    /// Takes some objects of one size, or gives some back, in no order.
    fn step(&mut self) {
        let size = SIZES[self.dice.below(SIZES.len())];
        let class = class_of(size);
        match self.dice.below(10) {
            0..4 => {
                // A few slabs' worth.
                let most = (3 * class.shape().slots() as usize).min(200);
                for _ in 0..self.dice.below(most) {
                    self.out.push((class, self.slabs.alloc(layout_of(size)).unwrap()));
                }
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
    fn peak(&mut self) {
        let class = class_of([104, 512, 3072][self.dice.below(3)]);
        for _ in 0..6 * class.shape().slots() {
            self.out.push((class, self.slabs.alloc(layout_of(class.size())).unwrap()));
        }
        while let Some(number) = self.out.iter().position(|&(of, _)| of == class) {
            self.give(number);
        }
    }

    fn give(&mut self, number: usize) {
        let (class, object) = self.out.swap_remove(number);
        // SAFETY: it was out, and nobody uses it.
        unsafe { self.slabs.free(object, layout_of(class.size())) }.unwrap();
    }

    /// Whether frames and slabs are sound, as far as they say; and whether nothing else was looked at for that.
    fn verify(&self, name: &str, bit: u32) -> bool {
        let found = std::panic::catch_unwind(AssertUnwindSafe(|| self.slabs.verify()));
        let found = found.unwrap_or_else(|_| panic!("{name}, bit {bit}: a panic"));
        found.is_ok() && self.frames.verify().is_ok()
    }

    /// Whether there are as many objects out as the slabs say.
    fn is_all_known(&self, class: Class) -> bool {
        let out = self.out.iter().filter(|&&(of, _)| of == class).count();
        self.slabs.counter(class).usage().allocated() == out as u64
    }

    /// From here on only slabs and chunks may be looked at.
    fn watch(&self) {
        let frames = (0..BYTES / FRAME_SIZE).map(|number| PhysAddr(START + number * FRAME_SIZE));
        let is_ours = |address| match self.frames.state(address) {
            State::Slab { .. } => true,
            State::Allocated { owner, .. } => owner == OURS,
            _ => false,
        };
        *self.memory.allowed.borrow_mut() = frames.map(is_ours).collect();
    }

    fn watch_no_more(&self) {
        self.memory.allowed.borrow_mut().clear();
    }
}

/// A cell of what slabs keep.
#[derive(Clone, Copy)]
enum Cell<'a> {
    Narrow(&'a AtomicU32),
    Wide(&'a AtomicU64),
    Object(&'a AtomicPtr<u8>),
    /// A word of a pool: see [`Stock`].
    Pool(Class, Stock),
    /// A word of the store.
    Store(usize),
}

#[derive(Clone, Copy, PartialEq)]
enum Stock {
    Created,
    Destroyed,
    Empty,
    Free,
    Freed,
    DepotCount,
    DepotLimit,
    DepotObject(usize),
    /// With what is right.
    FirstPartial(Option<Slot>),
    /// With what is right.
    FirstEmpty(Option<Slot>),
}

/// How a flip is found.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Seen {
    Verify,
    /// By that, or by how many objects of the class are out.
    OrUsage(Class),
    /// By nobody.
    Not,
}

impl Cell<'_> {
    fn bits(self) -> u32 {
        match self {
            Self::Narrow(_) => 32,
            // Of a slot, and whether there is one.
            Self::Pool(_, Stock::FirstPartial(_) | Stock::FirstEmpty(_)) => 27,
            _ => 64,
        }
    }

    fn flip(self, slabs: &TheSlabs<'_>, bit: u32) {
        match self {
            Self::Narrow(cell) => cell.store(cell.load(Relaxed) ^ 1 << bit, Relaxed),
            Self::Wide(cell) => cell.store(cell.load(Relaxed) ^ 1 << bit, Relaxed),
            Self::Object(cell) => flip_pointer(cell, bit),
            Self::Store(number) => *slabs.ground().try_store().unwrap().memory()[number] ^= 1 << bit,
            Self::Pool(class, what) => {
                let mut held = slabs.pool(class).try_held(slabs.ground()).unwrap();
                let stock = &mut *held.stock;
                match what {
                    Stock::Created => stock.counts_mut().created ^= 1 << bit,
                    Stock::Destroyed => stock.counts_mut().destroyed ^= 1 << bit,
                    Stock::Empty => stock.counts_mut().empty ^= 1 << bit,
                    Stock::Free => stock.counts_mut().free ^= 1 << bit,
                    Stock::Freed => stock.counts_mut().freed ^= 1 << bit,
                    Stock::DepotCount => *stock.depot.memory().0[0] ^= 1 << bit,
                    Stock::DepotLimit => *stock.depot.memory().0[1] ^= 1 << bit,
                    Stock::DepotObject(number) => flip_pointer(&stock.depot.memory().1[number], bit),
                    Stock::FirstPartial(right) => flip_first(&mut stock.partial, right, bit),
                    Stock::FirstEmpty(right) => flip_first(&mut stock.empty, right, bit),
                }
            }
        }
    }
}

fn flip_pointer(cell: &AtomicPtr<u8>, bit: u32) {
    cell.store(cell.load(Relaxed).map_addr(|address| address ^ 1 << bit), Relaxed);
}

/// There and back. The last bit is whether there is a slot.
fn flip_first(first: &mut Option<Slot>, right: Option<Slot>, bit: u32) {
    let flipped = match (right, bit) {
        (Some(_), 26) => None,
        (None, 26) => Slot::new(0),
        _ => Slot::new(u64::from(right.map_or(Slot::LIMIT, Slot::number)) ^ 1 << bit),
    };
    *first = if *first == right { flipped } else { right };
}

type Part<'a> = (&'static str, Seen, Vec<Cell<'a>>);

/// A bit that is flipped, and how that is to be found.
struct Flip<'a> {
    name: &'static str,
    seen: Seen,
    cell: Cell<'a>,
    bit: u32,
}

impl<'a> Scene<'a> {
    /// All that is kept now, by where it lies.
    fn parts(&self) -> Vec<Part<'a>> {
        let (slabs, memory) = (self.slabs, self.memory);
        let mut store = slabs.ground().try_store().unwrap();
        let own = (0..store.memory().len()).map(Cell::Store).collect();
        let [chunks, spare] = store.links(memory).map(|words| words.into_iter().map(Cell::Wide).collect());
        drop(store);
        let mut parts = vec![
            ("store", Seen::Verify, own),
            ("links of chunks", Seen::Verify, chunks),
            ("links of spare descriptors", Seen::Verify, spare),
            ("words of slab frames", Seen::Verify, self.slab_words()),
            ("frames of all slabs", Seen::Verify, vec![Cell::Wide(slabs.ground().counted_frames())]),
        ];
        // One beside, that has nothing.
        SIZES.iter().chain([&64]).for_each(|&size| self.add_class(class_of(size), &mut parts));
        parts
    }

    fn add_class(&self, class: Class, parts: &mut Vec<Part<'a>>) {
        use Stock::{
            Created, DepotCount, DepotLimit, Destroyed, Empty, FirstEmpty, FirstPartial, Free, Freed,
        };
        let (partial, empty) = self.lists(class);
        let cells = |of: &[Stock]| of.iter().map(|&what| Cell::Pool(class, what)).collect::<Vec<_>>();
        parts.push(("pools", Seen::Verify, cells(&[Created, Destroyed, Empty, Free])));
        parts.push(("lists", Seen::Verify, cells(&[FirstPartial(partial), FirstEmpty(empty)])));
        parts.push(("depots' limits", Seen::Verify, cells(&[DepotLimit])));
        parts.push(("depots' counts", Seen::OrUsage(class), cells(&[DepotCount])));
        let ([count, limit], freed, objects) = self.magazines.of(class).unwrap().memory();
        parts.push(("magazines' counts", Seen::OrUsage(class), vec![Cell::Narrow(count)]));
        parts.push(("magazines' limits", Seen::Verify, vec![Cell::Narrow(limit)]));
        parts.push(("magazines' objects", Seen::Verify, objects.iter().map(Cell::Object).collect()));
        let statistics = [cells(&[Freed]), vec![Cell::Wide(freed)]].concat();
        parts.push(("statistics", Seen::Not, statistics));
        let (slabs, pool) = (self.slabs, self.slabs.pool(class));
        let in_depot = pool.try_held(slabs.ground()).unwrap().stock.depot.count();
        let objects: Vec<_> = (0..in_depot).map(Stock::DepotObject).collect();
        parts.push(("depots' objects", Seen::Verify, cells(&objects)));
        let heads = self.heads(class).into_iter();
        let descriptors = heads.flat_map(|head| slabs.ground().slab_at(head, pool).unwrap().memory());
        parts.push(("descriptors", Seen::Verify, descriptors.map(Cell::Wide).collect()));
    }

    fn lists(&self, class: Class) -> (Option<Slot>, Option<Slot>) {
        let held = self.slabs.pool(class).try_held(self.slabs.ground()).unwrap();
        (held.stock.partial, held.stock.empty)
    }

    fn slab_words(&self) -> Vec<Cell<'a>> {
        let map = self.frames.map();
        let slabs = map.frames().filter(|&frame| map.word(frame).kind() == Kind::Slab);
        let words = slabs.map(|frame| &map.memory().0[map.slot(frame).unwrap().index()]);
        words.map(Cell::Narrow).collect()
    }

    fn heads(&self, class: Class) -> Vec<Slot> {
        let map = self.frames.map();
        let is_head = |frame: &Frame| map.word(*frame).is_page_of(self.slabs.pool(class).id(), 0);
        map.frames().filter(is_head).filter_map(|frame| map.slot(frame)).collect()
    }

    /// Flips a bit, which must be found where it can be, and flips it back. Says whether `verify` found it.
    fn flip(&self, flip: &Flip<'_>) -> bool {
        flip.cell.flip(self.slabs, flip.bit);
        let is_found = !self.verify(flip.name, flip.bit);
        let is_right = match flip.seen {
            Seen::Verify => is_found,
            Seen::OrUsage(class) => is_found || !self.is_all_known(class),
            Seen::Not => !is_found,
        };
        flip.cell.flip(self.slabs, flip.bit);
        assert!(is_right, "{}, bit {}: {:?}", flip.name, flip.bit, flip.seen);
        is_found
    }
}

/// What the states were like, so that none of these is missing.
#[derive(Default, Debug)]
struct Seldom {
    partial: usize,
    full: usize,
    empty: usize,
    in_depots: usize,
    in_magazines: usize,
    spare: usize,
}

impl Seldom {
    fn add(&mut self, scene: &Scene<'_>) {
        for class in SIZES.map(class_of) {
            let (pool, slots) = (scene.slabs.pool(class), class.shape().slots());
            for head in scene.heads(class) {
                let free = scene.slabs.ground().slab_at(head, pool).unwrap().free_slots();
                self.full += usize::from(free == 0);
                self.empty += usize::from(free == slots);
                self.partial += usize::from((1..slots).contains(&free));
            }
            let usage = scene.slabs.counter(class).usage();
            self.in_depots += usize::from(usage.in_depot > 0);
            self.in_magazines += usize::from(usage.in_magazines > 0);
        }
        let store = scene.slabs.ground().try_store().unwrap();
        self.spare += store.links(scene.memory)[1].len();
    }
}

/// How many states, if the environment says nothing else.
fn states(usual: u64) -> u64 {
    std::env::var("DAMAGE_STATES").map_or(usual, |states| states.parse().unwrap())
}

#[test]
fn every_flipped_bit_is_found_in_some_states() {
    let (states, mut seldom) = (states(3), Seldom::default());
    let (mut flips, mut found) = (0_u64, 0_u64);
    for seed in 0..states {
        with_scene(seed, |scene| {
            println!("seed {seed}");
            (0..40).for_each(|_| scene.step());
            scene.peak();
            assert!(scene.verify("nothing", 0));
            seldom.add(scene);
            scene.watch();
            for (name, seen, cells) in scene.parts() {
                for cell in cells {
                    for bit in 0..cell.bits() {
                        flips += 1;
                        found += u64::from(scene.flip(&Flip { name, seen, cell, bit }));
                    }
                }
            }
            assert!(scene.verify("nothing", 0));
            scene.watch_no_more();
        });
    }
    println!("{flips} flips in {states} states, {found} found; {seldom:?}");
    let Seldom { partial, full, empty, in_depots, in_magazines, spare } = seldom;
    assert!(
        [partial, full, empty, in_depots, in_magazines, spare].iter().all(|&count| count > 0),
        "{seldom:?}"
    );
}
