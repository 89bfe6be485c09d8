//! A small machine inside of another: two banks with a hole and reserved ranges, at the same addresses wherever it is.
//!
//! What is done on it with the same seed has the same result on every machine, down to the last bit of the map: that is
//! what a [digest](Arena::digest) shows. Its addresses are its own; the memory behind them is a block of the machine's.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | the memory behind free RAM of the arena is the arena's alone | it is one block of the machine's allocator, which goes back when nothing of the arena is left | the machine's digest |

#![expect(unsafe_code, reason = "says where the arena's RAM is mapped")]

use alloc::{boxed::Box, vec::Vec};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64},
};

use framekeeper::{
    CoreCache, CpuLocal, FRAME_SIZE, FrameAllocator, MapLayout, OneCore, Owner, PhysAddr, PhysRange, Request,
    Storage,
    heap::Heap,
    slabs::{DirectMap, Hardening, Magazine, Magazines, Misuse, Pools, Setup, SiteRing, Slabs},
};

use crate::{Machine, Regions, digest::Digest, ground::Ground, trail};

const MIB: u64 = 1 << 20;

/// A bank around 4 GiB, where the zones meet, and one at the Pixel 6's second.
const BANKS: [(u64, u64); 2] = [((4 << 30) - 8 * MIB, (4 << 30) + 8 * MIB), (0x8_8000_0000, 0x8_8080_0000)];
/// Of these, what is not free; not in whole frames.
const RESERVED: [(u64, u64); 2] =
    [((4 << 30) - 5 * MIB + 0x800, (4 << 30) - 4 * MIB + 0x64), (0x8_8010_0000, 0x8_8018_0000)];

/// Whose the arena's slabs are.
pub const SLABS: Owner = Owner::new(3);
/// Whose its larger blocks are.
pub const BLOCKS: Owner = Owner::new(4);
/// Whose the arena is, on the machine.
pub const ARENA: Owner = Owner::new(40);

/// How many caches can be built on an arena's slabs at a time.
pub const CACHES: usize = 4;

/// What free objects of an arena are marked with.
pub const SECRET: u64 = 0x5eed_0fa7_e4a0_0001;

/// Where an arena's RAM is mapped: its banks one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Window(NonNull<u8>);

// SAFETY: an address; what lies there is handed out by the arena's allocator.
unsafe impl Send for Window {}
// SAFETY: as above.
unsafe impl Sync for Window {}

// SAFETY: the block behind it has room for all banks, is aligned to its own size, and is the arena's until it ends. A bank
// starts at a multiple of 8 MiB in it as it does among the addresses.
unsafe impl DirectMap for Window {
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        let mut behind = 0;
        for (start, end) in BANKS {
            if (start..end).contains(&address.0) {
                behind += address.0 - start;
                break;
            }
            behind += end - start;
        }
        // An offset below 32 MiB.
        NonNull::new(self.0.as_ptr().wrapping_add(behind as usize)).unwrap_or(self.0)
    }

    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        let mut behind = (pointer.as_ptr().addr() as u64).wrapping_sub(self.0.as_ptr().addr() as u64);
        for (start, end) in BANKS {
            if behind < end - start {
                return PhysAddr(start + behind);
            }
            behind = behind.wrapping_sub(end - start);
        }
        PhysAddr(0)
    }
}

/// What an arena is made with.
#[derive(Clone, Copy, Debug)]
pub struct Plan<C> {
    /// Its cores, as its allocators know them.
    pub cpu: C,
    /// How many.
    pub cores: u8,
    /// Who is told of misuse.
    pub hook: Option<fn(Misuse)>,
    /// What decides over what is done on it.
    pub course: Course,
}

/// What decides over what is done on an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Seed and budget, and nothing else: its state at the end is part of the scenario's digest.
    Fixed,
    /// Also time, interrupts, or what several cores do at once.
    Chance,
}

impl Plan<OneCore> {
    /// One core, and nobody is told.
    pub const ONE_CORE: Self = Self { cpu: OneCore, cores: 1, hook: None, course: Course::Fixed };
}

/// The arena.
#[derive(Debug)]
pub struct Arena<'h, 'a, C, H> {
    /// Its frames.
    pub frames: &'a FrameAllocator<'a, C>,
    /// Its heap.
    pub heap: &'h Heap<'a, C, Window, H>,
    /// Where its RAM is mapped.
    pub window: Window,
    /// Magazines for [`CACHES`] caches.
    seats: &'h [Magazine],
    course: Course,
    free_ram: &'h Regions,
}

/// What becomes of an arena in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was given back, and must be free.
    Clean,
    /// It was damaged: nobody looks at it any more.
    Abandoned,
}

impl<'h, 'a, C: CpuLocal, H: Hardening> Arena<'h, 'a, C, H> {
    /// Its frames, for scenarios that are done with those of a machine as well.
    pub(crate) fn ground(&self) -> Ground<'h, 'a, C> {
        Ground { frames: self.frames, free_ram: self.free_ram, course: self.course }
    }

    /// Its slabs.
    #[must_use]
    pub fn slabs(&self) -> &'h Slabs<'a, C, Window, H> {
        match self.heap.slabs() {
            Ok(slabs) => slabs,
            Err(error) => panic!("an arena's heap has its memory: {error}"),
        }
    }

    /// A magazine for each core, for one of [`CACHES`] caches.
    #[must_use]
    pub fn seats(&self, cache: usize) -> &'h [Magazine] {
        let cores = self.seats.len() / CACHES;
        self.seats.get(cache * cores..(cache + 1) * cores).unwrap_or_default()
    }

    /// Its state as one number.
    ///
    /// # Panics
    ///
    /// The allocators are not right about everything.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.verify();
        self.state()
    }

    /// As [`digest`](Self::digest), of what the allocators believe without a look at whether they are right.
    #[must_use]
    pub(crate) fn state(&self) -> u64 {
        let mut digest = Digest::new();
        digest.frames(self.frames);
        digest.slabs(self.slabs());
        digest.value()
    }

    /// Adds its state to the digest of the scenario, where that is the same on every machine.
    ///
    /// # Panics
    ///
    /// The allocators are not right about everything.
    pub fn mark(&self) {
        match self.course {
            Course::Fixed => trail::add(self.digest()),
            Course::Chance => self.verify(),
        }
    }

    /// Looks at everything that the allocators believe.
    ///
    /// # Panics
    ///
    /// They are not right about it.
    pub fn verify(&self) {
        assert_eq!(self.frames.verify(), Ok(()));
        assert_eq!(self.slabs().verify(), Ok(()));
    }
}

/// All RAM of an arena, and what of it is free.
#[must_use]
pub fn ram() -> (Regions, Regions) {
    let (mut ram, mut free) = (Regions::new(), Regions::new());
    for (start, end) in BANKS {
        let bank = PhysRange::new(PhysAddr(start), PhysAddr(end));
        add(&mut ram, bank);
        add(&mut free, bank);
    }
    for (start, end) in RESERVED {
        let range = PhysRange::new(PhysAddr(start), PhysAddr(end)).round_outward();
        if let Err(error) = free.subtract(range) {
            panic!("an arena has few ranges: {error:?}");
        }
    }
    (ram, free)
}

fn add(set: &mut Regions, range: PhysRange) {
    if let Err(error) = set.add(range) {
        panic!("an arena has few ranges: {error:?}");
    }
}

/// Runs `work` on a fresh arena. What it leaves in caches goes back afterwards, and everything must be free then.
///
/// # Panics
///
/// The machine has no memory for it, `work` leaves something, or the allocators are not right about everything.
pub fn run<M: Machine, C: CpuLocal, H: Hardening, R>(
    machine: &M,
    plan: Plan<C>,
    work: impl for<'a> FnOnce(&Arena<'a, 'a, C, H>) -> R,
) -> R {
    run_to_an_end(machine, plan, |arena| (work(arena), End::Clean))
}

/// As [`run`], where `work` says what becomes of the arena.
///
/// # Panics
///
/// As [`run`]; of an arena that is abandoned nothing is expected.
pub fn run_to_an_end<M: Machine, C: CpuLocal, H: Hardening, R>(
    machine: &M,
    plan: Plan<C>,
    work: impl for<'a> FnOnce(&Arena<'a, 'a, C, H>) -> (R, End),
) -> R {
    let frames: u64 = BANKS.iter().map(|(start, end)| (end - start) / FRAME_SIZE).sum();
    let block = match machine.frames().alloc(Request::frames(frames).owned_by(ARENA)) {
        Ok(block) => block,
        Err(error) => panic!("no memory for an arena: {error}"),
    };
    let result = on(Window(machine.map().pointer(block)), plan, work);
    assert_eq!(machine.frames().free_frame(block), Ok(frames));
    result
}

fn on<C: CpuLocal, H: Hardening, R>(
    window: Window,
    plan: Plan<C>,
    work: impl for<'a> FnOnce(&Arena<'a, 'a, C, H>) -> (R, End),
) -> R {
    let (ram, free) = ram();
    let Ok(needs) = MapLayout::of(&ram).map(MapLayout::needs) else { panic!("an arena has RAM") };
    let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0xdead_beef)).collect();
    let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0xdead_beef_dead_beef)).collect();
    let caches: Vec<_> = (0..plan.cores).map(|_| CoreCache::new()).collect();
    let (pools, sites) = (Box::new(Pools::new()), Box::new(SiteRing::new()));
    let magazines: Vec<_> = (0..plan.cores).map(|_| Magazines::new()).collect();
    let seats: Vec<_> = (0..usize::from(plan.cores) * CACHES).map(|_| Magazine::new()).collect();
    let storage = Storage { words: &mut words, index: &mut index };
    let frames = match FrameAllocator::new(&ram, &free, storage, &caches, plan.cpu) {
        Ok(frames) => frames,
        Err(error) => panic!("an arena's map: {error}"),
    };
    let before = frames.free().total();
    let setup = Setup {
        memory: window,
        pools: &pools,
        magazines: &magazines,
        owner: SLABS,
        secret: SECRET,
        hook: plan.hook,
        sites: Some(&*sites),
    };
    // It is borrowed as long as what it is made of, by caches; nothing in it is to be dropped.
    let heap = ManuallyDrop::new(Heap::new());
    if let Err(error) = heap.init(&frames, setup, BLOCKS) {
        panic!("an arena's heap: {error}");
    }
    let arena =
        Arena { frames: &frames, heap: &heap, window, seats: &seats, course: plan.course, free_ram: &free };
    let (result, end) = work(&arena);
    if end == End::Abandoned {
        return result;
    }
    arena.mark();
    heap.shrink();
    frames.drain_all();
    arena.verify();
    assert_eq!((heap.usage().used(), frames.free().total()), (0, before), "{}", frames.owners());
    result
}
