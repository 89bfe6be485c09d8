//! The frame allocator: zones behind locks, and in front of them a cache for each core.
//!
//! ```text
//! alloc ─► this core's cache ─► zone NORMAL ─► zone DMA32 ─► all caches back, and again ─► the shortage, explained
//! free ──► checked swap of the block's word ─► this core's cache ─► its zone, or pending while that is busy
//! ```
//!
//! Every block has exactly one place: its zone's bits, a core's cache, the stack of what is pending, or its owner. Which,
//! its word in the map says, and each change of owner is one checked swap of that word. So a block given back twice, or
//! by two cores at once, is given back once; the other call is told what it found.
//!
//! A free never waits. An allocation waits for a zone's lock only where its core is [pinned](CpuLocal::pinned), so
//! whoever holds the lock is never interrupted by somebody who wants it.
//!
//! | lock | protects | order |
//! |---|---|---|
//! | a zone's | its free blocks | one at a time, DMA32 before NORMAL where both are needed |

mod exchange;
mod resize;
mod slow;

use crate::{
    addr::{PhysAddr, PhysRange},
    cache::{CoreCache, Entry, Stack},
    cpu::{Core, CpuLocal, Zero},
    errors::{AllocError, FreeError},
    frame::{Frame, Order},
    map::{FrameMap, MapError, State, Storage, ZONES, ZoneKind},
    pending::Pending,
    planted::{Bug, planted},
    regions::RegionSet,
    request::Request,
    sync::{AtomicU32, Mutex, Ordering::Relaxed},
    word::{Owner, Word},
    zone::Zone,
};

/// All of a machine's memory, in frames.
///
/// # Example
///
/// ```
/// use framekeeper::{CoreCache, FrameAllocator, MapLayout, OneCore, PhysAddr, PhysRange, RegionSet, Storage};
/// use std::sync::atomic::{AtomicU32, AtomicU64};
///
/// let mut ram = RegionSet::<8>::new();
/// ram.add(PhysRange::new(PhysAddr(0x8000_0000), PhysAddr(0x8800_0000)))?;
/// let needs = MapLayout::of(&ram)?.needs();
/// let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(0)).collect();
/// let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(0)).collect();
/// let storage = Storage { words: &mut words, index: &mut index };
/// let caches = [CoreCache::new()];
///
/// let frames = FrameAllocator::new(&ram, &ram, storage, &caches, OneCore)?;
/// let frame = frames.alloc_frame().ok_or("no memory")?;
/// assert_eq!(frames.free_frame(frame), Ok(1));
/// assert!(frames.free_frame(frame).is_err(), "a second time");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FrameAllocator<'a, C> {
    map: FrameMap<'a>,
    caches: &'a [CoreCache],
    cpu: C,
    zones: [LockedZone<'a>; ZONES],
    /// One more than the number of the owner whose slabs have frames of this; zero as long as nobody has any.
    slabs: AtomicU32,
}

/// A zone, and what was given back to it while it was busy.
#[derive(Debug)]
pub(crate) struct LockedZone<'a> {
    pub(crate) zone: Mutex<Zone<'a>>,
    pub(crate) pending: Pending,
}

impl<'a, C: CpuLocal> FrameAllocator<'a, C> {
    /// Takes `free`, which is part of `ram`. The rest of `ram` is reserved until it is [added](Self::add).
    ///
    /// `storage` is what [`MapLayout::needs`](crate::MapLayout::needs) says for `ram`, and no part of `free`. There should
    /// be a cache for each core, of no other allocator; a core without one goes to the zones each time.
    ///
    /// # Errors
    ///
    /// There is no RAM, too much, or `storage` is too small for the map.
    pub fn new<const N: usize>(
        ram: &RegionSet<N>,
        free: &RegionSet<N>,
        storage: Storage<'a>,
        caches: &'a [CoreCache],
        cpu: C,
    ) -> Result<Self, MapError> {
        let (map, [dma32, normal]) = FrameMap::new(ram, free, storage)?;
        let locked = |kind, index| LockedZone {
            zone: Mutex::new(Zone::new(kind, map, index)),
            pending: Pending::new(),
        };
        let zones = [locked(ZoneKind::Dma32, dma32), locked(ZoneKind::Normal, normal)];
        let allocator = Self { map, caches, cpu, zones, slabs: AtomicU32::new(0) };
        allocator.fill(ram, free);
        Ok(allocator)
    }

    /// One frame.
    #[inline]
    #[must_use]
    pub fn alloc_frame(&self) -> Option<PhysAddr> {
        self.alloc_frames(Order::FRAME)
    }

    /// A block of 2^order frames.
    #[inline]
    #[must_use]
    pub fn alloc_frames(&self, order: Order) -> Option<PhysAddr> {
        let request = Request::order(order);
        match self.cpu.pinned(|core| self.pop(core?, &request)) {
            Some(frame) => Some(frame.start()),
            None => self.alloc_frames_slow(order),
        }
    }

    /// Hands out a block.
    ///
    /// # Errors
    ///
    /// [`AllocError::OutOfMemory`] when it could not even be had with all caches emptied; [`AllocError::BadSize`];
    /// [`AllocError::Busy`] where the core cannot be pinned; [`AllocError::Refused`].
    #[inline]
    pub fn alloc(&self, request: Request) -> Result<PhysAddr, AllocError> {
        match self.cpu.pinned(|core| self.pop(core?, &request)) {
            Some(frame) => Ok(frame.start()),
            None => self.alloc_slow(request),
        }
    }

    /// Hands out a block of zeros.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    pub fn alloc_zeroed(&self, request: Request) -> Result<PhysAddr, AllocError>
    where
        C: Zero,
    {
        let start = self.alloc(request)?;
        if !planted(Bug::NotZeroed) {
            self.cpu.zero(span(Frame::containing(start), request.frame_count()));
        }
        Ok(start)
    }

    /// Takes back the block that starts at `address`; says how many frames it had. Its size, and whether it is out at
    /// all, the map knows.
    ///
    /// # Errors
    ///
    /// Nobody has a block that starts there. Nothing has changed then.
    #[inline]
    pub fn free_frame(&self, address: PhysAddr) -> Result<u64, FreeError> {
        match self.cpu.pinned(|core| self.push(core?, address)) {
            Some(frames) => Ok(frames),
            None => self.free_slow(address),
        }
    }

    /// What `address` is. Wait-free: also for a panic handler.
    #[must_use]
    pub fn state(&self, address: PhysAddr) -> State {
        self.map.state(address)
    }

    pub(crate) const fn map(&self) -> FrameMap<'a> {
        self.map
    }

    pub(crate) const fn caches(&self) -> &'a [CoreCache] {
        self.caches
    }

    pub(crate) const fn cpu(&self) -> &C {
        &self.cpu
    }

    /// Notes that it is the slabs of `owner` that have frames of this; whose they are, if there are some already.
    pub(crate) fn claim_for_slabs(&self, owner: Owner) -> Result<(), Owner> {
        // Relaxed: nothing is read by who comes second.
        let claimed = self.slabs.compare_exchange(0, u32::from(owner.number()) + 1, Relaxed, Relaxed);
        claimed.map(drop).map_err(|found| {
            let [number, ..] = (found - 1).to_le_bytes();
            Owner::new(number)
        })
    }

    pub(crate) const fn zones(&self) -> &[LockedZone<'a>; ZONES] {
        &self.zones
    }

    /// Takes a block from this core's cache.
    #[inline]
    fn pop(&self, core: Core, request: &Request) -> Option<Frame> {
        let order = request.plain()?;
        let stack = self.caches.get(core.index())?.stack(order)?;
        let entry = stack.pop()?;
        if !self.is_usable(entry, order) {
            return None;
        }
        self.map.set_own(entry, stack.head().owned_by(request.owner()));
        Some(entry.frame())
    }

    /// Puts a block into this core's cache, if it is one that somebody has and there is room.
    #[inline]
    fn push(&self, core: Core, address: PhysAddr) -> Option<u64> {
        let (entry, cell) = self.map.find(Frame::starting_at(address)?)?;
        let word = cell.load();
        let stack = self.stack_for(core, entry, word)?;
        let room = stack.room()?;
        if !cell.swap(word, stack.mark()) {
            return None;
        }
        self.cpu.freed(span(entry.frame(), word.frames_field()));
        room.fill(entry);
        Some(word.frames_field())
    }

    /// Whether a block that nobody else can reach may be handed out. If not, it is its keeper's.
    #[inline]
    fn is_usable(&self, block: Entry, order: Order) -> bool {
        let Err(keeper) = self.cpu.usable(span(block.frame(), order.frames())) else { return true };
        // Not as a block that is handed out: its keeper hears of it by its word alone, and is to see all that was read of it.
        block.slot().into_iter().for_each(|slot| self.map.set(slot, head(order, keeper)));
        false
    }

    /// The stack that a block goes to whose head has this word.
    ///
    /// A single frame from an area that has larger blocks free leaves for its zone, so that areas which are emptying
    /// become whole, and the next request is met from one that is nearly full; but not if this core took from that area
    /// last, for that is where the next would come from.
    #[inline]
    fn stack_for(&self, core: Core, entry: Entry, word: Word) -> Option<&'a Stack> {
        let cache = self.caches.get(core.index())?;
        if !word.is_single() {
            return cache.stack_for(word);
        }
        let own = cache.frames();
        let leaves = !self.map.is_nearly_full(entry, Order::FRAME) && !own.is_from_area(entry);
        Some(if leaves { cache.leaving() } else { own })
    }
}

/// Not the map: that is millions of words.
impl<C> core::fmt::Debug for FrameAllocator<'_, C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FrameAllocator").field("caches", &self.caches.len()).finish_non_exhaustive()
    }
}

/// The word of a block's head.
#[inline]
fn head(order: Order, owner: Owner) -> Word {
    Word::allocated(order.frames(), owner)
}

/// The addresses of so many frames.
#[inline]
const fn span(first: Frame, frames: u64) -> PhysRange {
    PhysRange::new(first.start(), first.plus(frames).start())
}

#[cfg(test)]
mod tests;
