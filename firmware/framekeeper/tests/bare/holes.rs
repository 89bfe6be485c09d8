//! Objects in RAM with holes that nobody may touch: here, a touch would end the process.

#![expect(unsafe_code, reason = "maps memory, says where it is, and gives back objects")]

use crate::ground::{Dice, MIB, Memory, ram};
use framekeeper::{
    CoreCache, FrameAllocator, OneCore, Owner, PhysAddr,
    slabs::{Class, DirectMap, Magazines, Paranoid, Pools, Setup, Slabs},
};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use std::{alloc::Layout, ptr, ptr::NonNull};

/// Where RAM's first bank starts, its banks and the reserved part of one, in MiB behind that.
const START: u64 = 0x8000_0000;
const BANKS: [(u64, u64); 2] = [(0, 6), (16, 22)];
const RESERVED: (u64, u64) = (2, 3);
const SIZE: usize = 24 << 20;

#[derive(Clone, Copy)]
struct Mapped(NonNull<u8>);

// SAFETY: the mapping is there until the test ends, is aligned to 2 MiB, and only the test uses it.
unsafe impl DirectMap for Mapped {
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        NonNull::new(self.0.as_ptr().wrapping_add((address.0 - START) as usize)).unwrap()
    }

    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        let offset = pointer.as_ptr().addr().wrapping_sub(self.0.as_ptr().addr());
        PhysAddr(START.wrapping_add(offset as u64))
    }
}

/// Memory of which nothing can be touched but the banks without what is reserved.
fn map() -> (*mut core::ffi::c_void, Mapped) {
    let (flags, whole) = (MapFlags::PRIVATE | MapFlags::NORESERVE, SIZE + (2 << 20));
    // SAFETY: a new mapping, where the system likes.
    let mapped = unsafe { mmap_anonymous(ptr::null_mut(), whole, ProtFlags::empty(), flags) }.unwrap();
    let start = mapped.cast::<u8>().wrapping_add(mapped.cast::<u8>().align_offset(2 << 20));
    for (first, end) in [(0, 2), (3, 6), (16, 22)] {
        let (first, size) = (start.wrapping_add(first << 20), (end - first) << 20);
        // SAFETY: part of the new mapping.
        unsafe { mprotect(first.cast(), size, MprotectFlags::READ | MprotectFlags::WRITE) }.unwrap();
    }
    (mapped, Mapped(NonNull::new(start).unwrap()))
}

#[test]
#[cfg_attr(miri, ignore = "Miri maps no memory that cannot be touched")]
fn r001_1_objects_never_touch_what_is_no_ram() {
    let banks = BANKS.map(|(first, end)| (START + first * MIB, START + end * MIB));
    let (whole, mut free) = (ram(&banks), ram(&banks));
    let (first, end) = (START + RESERVED.0 * MIB, START + RESERVED.1 * MIB);
    free.subtract(crate::ground::range(first, end)).unwrap();
    let (mapped, memory) = map();
    let (mut words, caches, pools) = (Memory::of(&whole), [CoreCache::new()], Box::new(Pools::new()));
    let magazines = [Magazines::new()];
    let frames = FrameAllocator::new(&whole, &free, words.storage(), &caches, OneCore).unwrap();
    let before = frames.free().total();
    let (owner, secret) = (Owner::new(1), 0x5eed);
    let setup =
        Setup { memory, pools: &pools, magazines: &magazines, owner, secret, hook: None, sites: None };
    let slabs: Slabs<'_, _, _, Paranoid> = Slabs::new(&frames, setup).unwrap();
    let mut dice = Dice::new(1);
    for round in 0..3 {
        // Until there is nothing left, of all sizes.
        let mut objects = Vec::new();
        let any = |dice: &mut Dice| dice.below(Class::COUNT as u64) as usize;
        while let Some(class) = Class::all().nth(any(&mut dice)) {
            let layout = Layout::from_size_align(class.size() - 8, 8).unwrap();
            let Ok(object) = slabs.alloc(layout) else { break };
            // SAFETY: it was handed out for that.
            unsafe { object.write_bytes(round, layout.size()) };
            objects.push((object, layout));
        }
        assert!(objects.len() > 1000, "{} objects", objects.len());
        for (object, layout) in objects {
            // SAFETY: it was handed out for that, and is not used any more.
            unsafe { slabs.free(object, layout) }.unwrap();
        }
        slabs.verify().unwrap();
        slabs.shrink();
        frames.drain();
        assert_eq!(frames.free().total(), before);
    }
    // SAFETY: the mapping from above, of which nothing is used any more.
    unsafe { munmap(mapped, SIZE + (2 << 20)) }.unwrap();
}
