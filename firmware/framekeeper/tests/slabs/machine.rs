//! The host as a machine: threads as cores, and RAM at an address of its own, with holes that nobody may touch.

#![expect(unsafe_code, reason = "maps memory, and says where it is")]

#[path = "../frames/crowd/cores.rs"]
pub(crate) mod cores;

use crate::ground::{MIB, Memory, ram};
use cores::Cores;
use framekeeper::{
    CoreCache, FRAME_SIZE, FrameAllocator, Owner, PhysAddr,
    slabs::{
        Cache, Cached, DirectMap, Hardening, Magazine, Magazines, Misuse, Pools, Setup, SiteRing, Slab,
        Slabs, Ticket,
    },
};
use std::{alloc::Layout, cell::Cell, ptr::NonNull};

/// Where RAM starts.
pub(crate) const START: u64 = 0x8000_0000;

/// The alignment that a mapping needs.
const ALIGN: usize = 2 << 20;

thread_local! {
    /// How often the thread was told where memory is.
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// How often slabs asked where memory is while `work` was done: each look at a descriptor begins with that.
pub(crate) fn looks(work: impl FnOnce()) -> u64 {
    let before = LOOKS.get();
    work();
    LOOKS.get() - before
}

/// RAM, and where it is mapped.
#[derive(Debug)]
pub(crate) struct Mapped {
    memory: NonNull<u8>,
    size: usize,
}

// SAFETY: it is an address; what lies there is handed out by the allocator.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    pub(crate) fn new(size: u64) -> Self {
        let layout = Layout::from_size_align(size as usize, ALIGN).unwrap();
        // SAFETY: the size is not zero.
        let memory = unsafe { std::alloc::alloc(layout) };
        Self { memory: NonNull::new(memory).unwrap(), size: layout.size() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let layout = Layout::from_size_align(self.size, ALIGN).unwrap();
        // SAFETY: allocated in `new` with this layout.
        unsafe { std::alloc::dealloc(self.memory.as_ptr(), layout) };
    }
}

// SAFETY: the memory is there until this is dropped, starts at a multiple of 2 MiB as RAM does, and is in one piece.
unsafe impl DirectMap for Mapped {
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        LOOKS.set(LOOKS.get() + 1);
        let offset = address.0.wrapping_sub(START) as usize;
        NonNull::new(self.memory.as_ptr().wrapping_add(offset)).unwrap()
    }

    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        PhysAddr(
            START.wrapping_add(
                (pointer.as_ptr().addr() as u64).wrapping_sub(self.memory.as_ptr().addr() as u64),
            ),
        )
    }
}

/// Whose slabs are.
pub(crate) const SLABS: Owner = Owner::new(7);

/// Magazines that live as long as the slabs of any machine do; they are kept, so that none is lost.
pub(crate) fn magazines(count: usize) -> &'static [Magazine] {
    static KEPT: std::sync::Mutex<Vec<&'static [Magazine]>> = std::sync::Mutex::new(Vec::new());
    let magazines: &[_] = Vec::leak((0..count).map(|_| Magazine::new()).collect());
    KEPT.lock().unwrap().push(magazines);
    magazines
}

/// What free objects are marked with, beside their addresses, if a test says nothing else.
pub(crate) const SECRET: u64 = 0x5eed_5eed_5eed_5eed;

/// The slabs of a machine.
pub(crate) type Objects<'a, H> = Slabs<'a, Cores, &'a Mapped, H>;

/// A machine.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    /// Frames of RAM.
    pub(crate) frames: u64,
    /// The last ones, which are reserved.
    pub(crate) reserved: u64,
    pub(crate) cores: u8,
    /// Who is told of misuse.
    pub(crate) hook: Option<fn(Misuse)>,
    pub(crate) secret: u64,
}

impl Machine {
    /// One with all of so many frames free.
    pub(crate) const fn new(frames: u64, cores: u8) -> Self {
        Self { frames, reserved: 0, cores, hook: None, secret: SECRET }
    }

    /// Runs `work` on it, as its first core. In the end all that was given back goes back to the frames.
    pub(crate) fn run<H: Hardening>(
        self,
        work: impl for<'a> FnOnce(&'a FrameAllocator<'a, Cores>, &'a Objects<'a, H>),
    ) {
        cores::on_core(0);
        let Self { cores, hook, secret, .. } = self;
        let end = START + self.frames * FRAME_SIZE;
        let (ram, free) = (ram(&[(START, end)]), ram(&[(START, end - self.reserved * FRAME_SIZE)]));
        let (mut memory, mapped, pools) = (Memory::of(&ram), Mapped::new(end - START), Pools::new());
        let sites = SiteRing::new();
        let caches: Vec<_> = (0..cores).map(|_| CoreCache::new()).collect();
        let magazines: Vec<_> = (0..cores).map(|_| Magazines::new()).collect();
        let frames = FrameAllocator::new(&ram, &free, memory.storage(), &caches, Cores::new(cores)).unwrap();
        let setup = Setup {
            memory: &mapped,
            pools: &pools,
            magazines: &magazines,
            owner: SLABS,
            secret,
            hook,
            sites: Some(&sites),
        };
        let slabs = Slabs::new(&frames, setup).unwrap();
        work(&frames, &slabs);
        cores::on_core(0);
        slabs.verify().unwrap();
        slabs.shrink();
        slabs.verify().unwrap();
        frames.drain_all();
        frames.verify().unwrap();
    }
}

/// Runs `work` on a machine with so many MiB and cores, as the first of these.
pub(crate) fn on_machine<H: Hardening>(
    mib: u64,
    cores: u8,
    work: impl for<'a> FnOnce(&'a FrameAllocator<'a, Cores>, &'a Objects<'a, H>),
) {
    Machine::new(mib * MIB / FRAME_SIZE, cores).run(work);
}

/// An object of a test, filled with bytes of its own.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) start: NonNull<u8>,
    pub(crate) layout: Layout,
    fill: u8,
}

// SAFETY: it is memory that nobody else has.
unsafe impl Send for Object {}

impl Object {
    /// An object that was handed out for `layout`.
    pub(crate) fn new(start: NonNull<u8>, layout: Layout, fill: u8) -> Self {
        assert_eq!(start.as_ptr().addr() % layout.align(), 0, "{start:?} for {layout:?}");
        // SAFETY: it was handed out for that.
        unsafe { start.write_bytes(fill, layout.size()) };
        Self { start, layout, fill }
    }

    /// The object, if all of it is as it was filled.
    pub(crate) fn checked(self) -> Self {
        assert!(self.is_intact(), "somebody wrote into {self:?}");
        self
    }

    /// Whether all of it is as it was filled.
    pub(crate) fn is_intact(&self) -> bool {
        // SAFETY: it is that large, was filled, and nobody else has it.
        let bytes = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) };
        bytes.iter().all(|&byte| byte == self.fill)
    }
}

/// Gives back what may be an object, or not.
pub(crate) fn free<H: Hardening>(
    slabs: &Objects<'_, H>,
    start: NonNull<u8>,
    layout: Layout,
) -> Result<(), Misuse> {
    // SAFETY: tests use no object that they gave back, or mean to.
    unsafe { slabs.free(start, layout) }
}

/// As [`free`], of what a ticket was had for.
pub(crate) fn free_ticket<H: Hardening>(slabs: &Objects<'_, H>, ticket: Ticket) -> Result<(), Misuse> {
    // SAFETY: as above.
    unsafe { slabs.free_ticket(ticket) }
}

/// As [`free`], to a cache of one size.
pub(crate) fn free_to<H: Hardening>(
    slab: &Slab<'_, Cores, &Mapped, H>,
    start: NonNull<u8>,
) -> Result<(), Misuse> {
    // SAFETY: as above.
    unsafe { slab.free(start) }
}

/// An object of a cache that somebody left with the test.
pub(crate) fn from_raw<'c, 'a, T, F: Fn() -> Option<T>, H: Hardening>(
    cache: &'c Cache<'a, T, F, Cores, &'a Mapped, H>,
    object: NonNull<T>,
) -> Cached<'c, Cache<'a, T, F, Cores, &'a Mapped, H>> {
    // SAFETY: tests call it once for each object.
    unsafe { cache.from_raw(object) }
}

/// The address so many bytes away.
pub(crate) fn away(start: NonNull<u8>, bytes: isize) -> NonNull<u8> {
    NonNull::new(start.as_ptr().wrapping_offset(bytes)).unwrap()
}

/// Writes to memory that nobody should write to any more.
pub(crate) fn overwrite(start: NonNull<u8>, offset: usize, byte: u8) {
    // SAFETY: it is mapped, and no reference to it exists.
    unsafe { start.as_ptr().wrapping_add(offset).write(byte) };
}

/// A byte of memory that somebody has written to.
pub(crate) fn read(start: NonNull<u8>, offset: usize) -> u8 {
    // SAFETY: it is mapped, was written, and no exclusive reference to it exists.
    unsafe { start.as_ptr().wrapping_add(offset).read() }
}

/// Fills an object with the mark that it would have if it were free.
pub(crate) fn fill_with_marks(object: &Object) {
    let bytes = mark(object.start).into_iter().cycle();
    (0..object.layout.size()).zip(bytes).for_each(|(offset, byte)| overwrite(object.start, offset, byte));
}

/// The word that an object is marked with while it is free.
pub(crate) fn mark(object: NonNull<u8>) -> [u8; 8] {
    (object.as_ptr().addr() as u64 ^ SECRET).to_ne_bytes()
}
