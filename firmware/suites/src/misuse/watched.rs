//! An allocator whose free memory is watched, on a block of the machine's.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | the memory that it marks is its own | it is one block of the machine's allocator, which goes back when nothing of this one is left | the machine's digest |

#![expect(unsafe_code, reason = "says that the memory is this allocator's")]

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64};

use framekeeper::{
    CoreCache, FRAME_SIZE, FrameAllocator, MapLayout, OneCore, Owner, PhysAddr, PhysRange, Poisoned, Request,
    Storage, Watch, WrittenAfterFree,
};

use super::told;
use crate::{
    Machine, Regions,
    arena::{ARENA, SECRET},
};

/// Frames of it.
pub(super) const FRAMES: u64 = 64;

/// Who has blocks that were written to.
pub(super) const KEEPER: Owner = Owner::new(12);

/// The allocator.
pub(super) type Watched<'a, M> = FrameAllocator<'a, Poisoned<OneCore, <M as Machine>::Map>>;

/// Looks at all of its free memory.
pub(super) fn verify<M: Machine>(frames: &Watched<'_, M>) -> Result<(), WrittenAfterFree> {
    // SAFETY: one core uses it, and this is that core.
    unsafe { frames.verify_contents() }
}

/// Runs `work` on one, whose frames are all free.
///
/// # Panics
///
/// The machine has no memory for it, or it is not right about everything afterwards.
pub(super) fn on<M: Machine, R>(machine: &M, work: impl FnOnce(&Watched<'_, M>) -> R) -> R {
    let start = match machine.frames().alloc(Request::frames(FRAMES).owned_by(ARENA)) {
        Ok(start) => start,
        Err(error) => panic!("no memory to watch: {error}"),
    };
    let mut ram = Regions::new();
    let added = ram.add(PhysRange::new(start, PhysAddr(start.0 + FRAMES * FRAME_SIZE)));
    assert_eq!(added, Ok(()), "it is one range");
    let Ok(needs) = MapLayout::of(&ram).map(MapLayout::needs) else { panic!("there is RAM") };
    let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0xdead_beef)).collect();
    let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0xdead_beef_dead_beef)).collect();
    let storage = Storage { words: &mut words, index: &mut index };
    let watch = Watch { memory: machine.map(), secret: SECRET, keeper: KEEPER, hook: told::hear_of_frames };
    // SAFETY: the machine maps all RAM, and this of it is nobody's but this allocator's.
    let cpu = unsafe { Poisoned::new(OneCore, watch) };
    let caches = [CoreCache::new()];
    let frames = match FrameAllocator::new(&ram, &ram, storage, &caches, cpu) {
        Ok(frames) => frames,
        Err(error) => panic!("a map of {FRAMES} frames: {error}"),
    };
    let result = work(&frames);
    assert_eq!(frames.verify(), Ok(()));
    assert_eq!(machine.frames().free_frame(start), Ok(FRAMES));
    result
}
