//! All of the machine's RAM in frames: the allocator, and what it needs of this machine.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | the map's memory is nobody else's | `start` takes it out of free RAM before the allocator is told what is free | `frames::start` in the suite |
//! | the map's memory is mapped wherever the allocator is used | the early and the final tables map it at the same address | – |
//! | a frame that is zeroed is mapped | the direct map has all free RAM | – |

#![expect(unsafe_code, reason = "makes the memory of the map usable, and fills frames with zeros")]

use core::sync::atomic::{AtomicU32, AtomicU64};

use framekeeper::{
    Core, CoreCache, CpuLocal, FrameAllocator, MapLayout, Owner, PhysAddr, PhysRange, RegionSet, Storage,
    Zero,
};
use machine::MAX_CORES;
use spin::Once;

use crate::{
    boot::early,
    cores::{self, CoreId},
    interrupts,
    layout::{self, BLOCK},
};

/// Whose the translation tables are.
pub const TABLES: Owner = Owner::new(1);
/// Whose the stacks are.
pub const STACKS: Owner = Owner::new(2);

/// The allocator of this machine.
pub type Frames = FrameAllocator<'static, ThisMachine>;

static FRAMES: Once<Frames> = Once::new();
static CACHES: [CoreCache; MAX_CORES] = [const { CoreCache::new() }; MAX_CORES];

/// The allocator.
///
/// # Panics
///
/// Never after boot.
#[must_use]
pub fn frames() -> &'static Frames {
    match FRAMES.get() {
        Some(frames) => frames,
        None => panic!("free RAM is not known yet"),
    }
}

/// How the allocator finds its core, and keeps interrupts off it.
#[derive(Clone, Copy, Debug)]
pub struct ThisMachine;

impl CpuLocal for ThisMachine {
    #[inline]
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        interrupts::without(|| work(Some(Core::new(CoreId::current().number()))))
    }

    fn hold_others(&self, mut work: impl FnMut(Core)) -> bool {
        cores::hold_others(|core| work(Core::new(core.number())))
    }
}

impl Zero for ThisMachine {
    fn zero(&self, range: PhysRange) {
        let start =
            core::ptr::with_exposed_provenance_mut::<u64>((layout::DIRECT_MAP + range.start().0) as usize);
        // SAFETY: the allocator has just handed the range out, which is free RAM and so in the direct map.
        unsafe { start.write_bytes(0, (range.size() / 8) as usize) };
    }
}

/// Makes the allocator, for so many cores, with its map in RAM taken out of `free`; where the map lies. Called once, with the early tables
/// in use.
///
/// # Panics
///
/// There is no room for the map, or more RAM than a map can hold.
pub(crate) fn start<const N: usize>(cores: usize, ram: &RegionSet<N>, free: &mut RegionSet<N>) -> PhysRange {
    let map = place(ram, free);
    let storage = match MapLayout::of(ram) {
        Ok(layout) => storage(layout),
        Err(error) => panic!("the frame map: {error}"),
    };
    let caches = CACHES.get(..cores).unwrap_or(&CACHES);
    match FrameAllocator::new(ram, free, storage, caches, ThisMachine) {
        Ok(frames) => FRAMES.call_once(|| frames),
        Err(error) => panic!("the frame map: {error}"),
    };
    map
}

/// Takes memory for the map, in blocks of its own: the early tables map no smaller pieces, and must not map memory that
/// is reserved.
fn place<const N: usize>(ram: &RegionSet<N>, free: &mut RegionSet<N>) -> PhysRange {
    let needed = match MapLayout::of(ram) {
        Ok(layout) => layout.bytes(),
        Err(error) => panic!("the frame map: {error}"),
    };
    let (size, used) = (needed.next_multiple_of(BLOCK), needed.next_multiple_of(layout::PAGE));
    assert!(size <= layout::FRAME_MAP_SIZE, "a frame map of {needed} bytes is larger than its window");
    let place = match free.take(size, BLOCK) {
        Ok(Some(place)) => place,
        Ok(None) => panic!("no {size} bytes of free RAM in one piece for the frame map: {free:?}"),
        Err(error) => panic!("the frame map: {error}"),
    };
    early::map_frame_map(place);
    let end = PhysAddr(place.start().0 + used);
    if let Err(error) = free.add(PhysRange::new(end, place.end())) {
        panic!("what the frame map does not need: {error}");
    }
    PhysRange::new(place.start(), end)
}

fn storage(layout: MapLayout) -> Storage<'static> {
    let needs = layout.needs();
    let words = core::ptr::with_exposed_provenance_mut::<AtomicU32>(layout::FRAME_MAP as usize);
    let index = layout::FRAME_MAP as usize + needs.words * size_of::<u32>();
    let index = core::ptr::with_exposed_provenance_mut::<AtomicU64>(index);
    // SAFETY: `place` mapped so much from there on, and this is called once; any bits are a number.
    let words = unsafe { core::slice::from_raw_parts_mut(words, needs.words) };
    // SAFETY: as above, behind the words, whose number is even.
    let index = unsafe { core::slice::from_raw_parts_mut(index, needs.index) };
    Storage { words, index }
}
