//! The host as a machine: threads as cores, and RAM at an address of its own, with holes that nobody may touch.

#![expect(unsafe_code, reason = "maps memory, and says where it is")]

#[path = "../frames/crowd/cores.rs"]
pub(crate) mod cores;

use crate::ground::{MIB, Memory, Ram, ram};
use cores::Cores;
use framekeeper::{
    CoreCache, FrameAllocator, Owner, PhysAddr,
    slabs::{DirectMap, Hardening, Magazines, Misuse, Pools, Setup, SiteRing, Slabs},
};
use std::{alloc::Layout, ptr::NonNull};

/// Where RAM starts.
const START: u64 = 0x8000_0000;

/// The alignment that a mapping needs.
const ALIGN: usize = 2 << 20;

/// RAM, and where it is mapped.
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

/// Some MiB of RAM.
pub(crate) fn ram_of(mib: u64) -> Ram {
    ram(&[(START, START + mib * MIB)])
}

/// Whose slabs are.
pub(crate) const SLABS: Owner = Owner::new(7);

/// Runs `work` on a machine with so many MiB and cores, as the first of these.
pub(crate) fn on_machine<H: Hardening>(
    mib: u64,
    cores: u8,
    work: impl FnOnce(&FrameAllocator<'_, Cores>, &Slabs<'_, Cores, &Mapped, H>),
) {
    on_machine_with(mib, cores, None, work);
}

/// As [`on_machine`], with somebody who is told of misuse.
pub(crate) fn on_machine_with<H: Hardening>(
    mib: u64,
    cores: u8,
    hook: Option<fn(Misuse)>,
    work: impl FnOnce(&FrameAllocator<'_, Cores>, &Slabs<'_, Cores, &Mapped, H>),
) {
    cores::on_core(0);
    let (ram, mapped) = (ram_of(mib), Mapped::new(mib * MIB));
    let (mut memory, pools) = (Memory::of(&ram), Pools::new());
    let sites = SiteRing::new();
    let caches: Vec<_> = (0..cores).map(|_| CoreCache::new()).collect();
    let magazines: Vec<_> = (0..cores).map(|_| Magazines::new()).collect();
    let frames = FrameAllocator::new(&ram, &ram, memory.storage(), &caches, Cores::new(cores)).unwrap();
    let setup = Setup {
        memory: &mapped,
        pools: &pools,
        magazines: &magazines,
        owner: SLABS,
        secret: 0x5eed_5eed_5eed_5eed,
        hook,
        sites: Some(&sites),
    };
    let slabs = Slabs::new(&frames, setup);
    work(&frames, &slabs);
    slabs.verify().unwrap();
    slabs.shrink();
    slabs.verify().unwrap();
    frames.drain_all();
    frames.verify().unwrap();
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
        // SAFETY: it is that large, was filled, and nobody else has it.
        let bytes = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) };
        assert!(bytes.iter().all(|&byte| byte == self.fill), "somebody wrote into {self:?}");
        self
    }
}

/// Gives back what may be an object, or not.
pub(crate) fn free<H: Hardening>(
    slabs: &Slabs<'_, Cores, &Mapped, H>,
    start: NonNull<u8>,
    layout: Layout,
) -> Result<(), Misuse> {
    // SAFETY: tests use no object that they gave back, or mean to.
    unsafe { slabs.free(start, layout) }
}

/// Writes to memory that nobody should write to any more.
pub(crate) fn overwrite(start: NonNull<u8>, offset: usize, byte: u8) {
    // SAFETY: it is mapped, and no reference to it exists.
    unsafe { start.as_ptr().wrapping_add(offset).write(byte) };
}
