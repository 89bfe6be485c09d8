//! What slabs are built on: frames, where these are mapped, and descriptors.
//!
//! Each frame of a slab says in the frame map that it is one, the how manieth, and of which pool; and the first four of
//! them together, where the descriptor lies. So from an address to its slab is a look into the map and one at the
//! descriptor's place.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | where the words of a slab lead is its descriptor | `build` writes them once the descriptor is there, `dissolve` takes them back before it goes | `verify` |
//! | a slab's memory is the slab's alone | it is handed out by the frame allocator, which takes back only what its words say is allocated | `frames::misuse` |

#![expect(unsafe_code, reason = "reads descriptors where the frame map says that they are")]

use core::ptr::NonNull;

use super::{
    memory::DirectMap,
    pool::Pool,
    slab::{Slab, descriptor_words},
    store::{self, Store},
};
use crate::{
    addr::{FRAME_SIZE, PhysAddr},
    allocator::FrameAllocator,
    cpu::{Core, CpuLocal},
    entry::Entry,
    errors::AllocError,
    frame::{Frame, Order},
    map::State,
    request::Request,
    sync::{AtomicU64, Mutex, MutexGuard, Ordering::Relaxed},
    word::{Kind, Owner, PoolId, SHARE_BITS, Slot, Word},
};

/// Bytes of a descriptor's words, the unit in which its place is told.
const WORD: u64 = 8;

/// Frames, memory and descriptors.
#[derive(Debug)]
pub(crate) struct Ground<'a, C, M> {
    frames: &'a FrameAllocator<'a, C>,
    memory: M,
    store: Mutex<Store>,
    owner: Owner,
    /// Frames of all slabs.
    slab_frames: AtomicU64,
}

/// Where an address lies, if that is in a slab.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    entry: Entry,
    word: Word,
    /// Bytes behind the slab's start.
    offset: u32,
}

impl Place {
    /// Whether it lies in a slab of `pool`.
    #[inline]
    pub(crate) const fn is_in(&self, pool: PoolId) -> bool {
        self.word.is_slab_of(pool)
    }

    /// Whether it lies in a slab.
    pub(crate) fn is_slab(&self) -> bool {
        self.word.kind() == Kind::Slab
    }

    /// The pool of the slab that it lies in.
    pub(crate) const fn pool(&self) -> PoolId {
        self.word.pool()
    }

    /// How many bytes behind the slab's start.
    #[inline]
    pub(crate) const fn offset(&self) -> u32 {
        self.offset
    }

    /// The slab's first frame.
    #[inline]
    pub(crate) fn head(&self) -> Entry {
        self.entry.minus(self.word.page().into())
    }
}

impl<'a, C: CpuLocal, M: DirectMap> Ground<'a, C, M> {
    pub(crate) const fn new(frames: &'a FrameAllocator<'a, C>, memory: M, owner: Owner) -> Self {
        Self { frames, memory, store: Mutex::new(Store::new()), owner, slab_frames: AtomicU64::new(0) }
    }

    pub(crate) const fn frames(&self) -> &'a FrameAllocator<'a, C> {
        self.frames
    }

    pub(crate) const fn memory(&self) -> &M {
        &self.memory
    }

    #[inline]
    pub(crate) const fn cpu(&self) -> &C {
        self.frames.cpu()
    }

    /// Where `pointer` points, if that is memory with a word in the map.
    #[inline]
    pub(crate) fn place(&self, pointer: NonNull<u8>) -> Option<Place> {
        let address = self.memory.address(pointer);
        let (entry, cell) = self.frames.map().find(Frame::containing(address))?;
        let word = cell.load();
        let [low, high, ..] = (address.0 % FRAME_SIZE).to_le_bytes();
        let offset = word.page() << 12 | u32::from(u16::from_le_bytes([low, high]));
        Some(Place { entry, word, offset })
    }

    /// The slab of `pool` whose first frame this is. The caller holds the pool's lock.
    #[inline]
    pub(crate) fn slab(&self, head: Entry, pool: &Pool) -> Option<Slab<'_>> {
        let slot = head.slot()?;
        let place = self.descriptor_place(head, pool.id())?;
        // SAFETY: a slab's words lead to its descriptor as long as it is a slab, which the lock sees to.
        let words = unsafe { store::words(&self.memory, place, descriptor_words(pool.shape())) };
        Some(Slab::new(slot, self.memory.pointer(head.frame().start()), words))
    }

    /// Whether the words of a slab of `pool` lead into a block that may be one of the store's chunks.
    pub(crate) fn has_descriptor(&self, head: Entry, pool: &Pool) -> bool {
        let Some(place) = self.descriptor_place(head, pool.id()) else { return false };
        let State::Allocated { head, .. } = self.frames.map().state(place) else { return false };
        let end = place.0 + descriptor_words(pool.shape()) as u64 * WORD;
        self.chunk_size(head.start()).is_some_and(|size| end <= head.start().0 + size)
    }

    /// Bytes of the block that starts there, if that may be one of the store's chunks.
    pub(crate) fn chunk_size(&self, chunk: PhysAddr) -> Option<u64> {
        let State::Allocated { head, frames, owner } = self.frames.map().state(chunk) else { return None };
        let is_chunk = store::CHUNKS.iter().any(|order| order.frames() == frames);
        (head.start() == chunk && owner == self.owner && is_chunk).then_some(frames * FRAME_SIZE)
    }

    /// The slab of `pool` whose first frame's word is at `head`. The caller holds the pool's lock.
    pub(crate) fn slab_at(&self, head: Slot, pool: &Pool) -> Option<Slab<'_>> {
        let number = u64::from(head.number());
        self.slab(Entry::new(self.frames.map().frame_at(number)?, number), pool)
    }

    /// A new slab for `pool`, in no list, with all slots free.
    pub(crate) fn build(&self, pool: &Pool) -> Result<Slab<'_>, AllocError> {
        let shape = pool.shape();
        let start = self.frames.alloc(Request::order(shape.order()).owned_by(self.owner))?;
        let place = self.descriptor(pool).and_then(|place| place.ok_or(AllocError::Busy));
        let place = place.inspect_err(|_| {
            let _ = self.frames.free_frame(start);
        })?;
        // SAFETY: it was just taken from the store for so many words.
        let words = unsafe { store::words(&self.memory, place, descriptor_words(shape)) };
        let first = self.frames.map().find(Frame::containing(start)).and_then(|(entry, _)| entry.slot());
        let slab = Slab::new(first.ok_or(AllocError::Busy)?, self.memory.pointer(start), words);
        slab.reset(pool.id(), shape);
        self.set_words(slab.head(), shape.order(), |page| Word::slab(page, pool.id(), share(place, page)));
        self.slab_frames.fetch_add(shape.order().frames(), Relaxed);
        Ok(slab)
    }

    /// Gives the memory of a slab of `pool` back, which the caller has. All of its slots are free.
    pub(crate) fn dissolve(&self, slab: &Slab<'_>, pool: &Pool) {
        let start = self.memory.address(slab.start());
        let head = self.frames.map().find(Frame::containing(start)).map(|(entry, _)| entry);
        let place = head.and_then(|head| self.descriptor_place(head, pool.id()));
        let order = pool.shape().order();
        self.cpu().pinned(|core| {
            // Who looks for an object under the lock finds all of the slab, or nothing.
            let Some(_held) = pool.held(self, core) else { return };
            self.set_words(slab.head(), order, |page| match page {
                0 => Word::allocated(order.frames(), self.owner),
                _ => Word::PART,
            });
            // Wrapping: less, by the one operation that loom's atomics have here too.
            self.slab_frames.fetch_add(order.frames().wrapping_neg(), Relaxed);
            if let (Some(place), Some(mut store)) = (place, self.locked_store(core)) {
                store.give(place, descriptor_words(pool.shape()), &self.memory);
            }
        });
        let _ = self.frames.free_frame(start);
    }

    /// Gives back the memory of descriptors, if there are no slabs. Not where one cannot wait.
    pub(crate) fn shrink_store(&self) {
        let take = || self.cpu().pinned(|core| self.locked_store(Some(core?))?.take_chunk(&self.memory));
        while let Some(chunk) = take() {
            let frames = self.frames.free_frame(chunk).unwrap_or(0);
            self.cpu()
                .pinned(|core| self.locked_store(core).map(|mut store| store.gave(frames * FRAME_SIZE)));
        }
    }

    /// Bytes of all slabs, of the size classes and of others.
    pub(crate) fn slab_bytes(&self) -> u64 {
        self.slab_frames().saturating_mul(FRAME_SIZE)
    }

    /// Frames of all slabs, as they are counted.
    pub(crate) fn slab_frames(&self) -> u64 {
        self.slab_frames.load(Relaxed)
    }

    #[cfg(test)]
    pub(crate) const fn counted_frames(&self) -> &AtomicU64 {
        &self.slab_frames
    }

    /// Bytes of frames that descriptors lie in; none where one cannot wait for that.
    pub(crate) fn store_bytes(&self) -> u64 {
        self.cpu().pinned(|core| self.locked_store(core).map_or(0, |store| store.bytes()))
    }

    /// The store, with nobody else inside.
    pub(crate) fn try_store(&self) -> Option<MutexGuard<'_, Store>> {
        self.store.try_lock()
    }

    /// A descriptor for a slab of `pool`; none where one cannot wait for a lock.
    fn descriptor(&self, pool: &Pool) -> Result<Option<PhysAddr>, AllocError> {
        let words = descriptor_words(pool.shape());
        let take = || self.cpu().pinned(|core| Some(self.locked_store(core)?.take(words, &self.memory)));
        loop {
            match take() {
                Some(None) => self.add_chunk(words)?,
                found => return Ok(found.flatten()),
            }
        }
    }

    fn add_chunk(&self, words: usize) -> Result<(), AllocError> {
        let chunk = self.frames.alloc(Request::order(store::chunk_order(words)).owned_by(self.owner))?;
        let added = self.cpu().pinned(|core| {
            let mut store = self.locked_store(core)?;
            // SAFETY: it was just handed out, of this order, and to nobody else.
            unsafe { store.add(chunk, words, &self.memory) };
            Some(())
        });
        added.ok_or_else(|| {
            let _ = self.frames.free_frame(chunk);
            AllocError::Busy
        })
    }

    fn locked_store(&self, core: Option<Core>) -> Option<MutexGuard<'_, Store>> {
        match core {
            Some(_) => Some(self.store.lock()),
            None => self.store.try_lock(),
        }
    }

    /// Where the descriptor of the slab of `pool` lies whose first frame this is; none if that is no such slab.
    #[inline]
    fn descriptor_place(&self, head: Entry, pool: PoolId) -> Option<PhysAddr> {
        let [a, b, c, d] = self.frames.map().four_words(head)?;
        let is_slab =
            a.is_page_of(pool, 0) & b.is_page_of(pool, 1) & c.is_page_of(pool, 2) & d.is_page_of(pool, 3);
        let high = u64::from(d.share()) << SHARE_BITS | u64::from(c.share());
        let low = u64::from(b.share()) << SHARE_BITS | u64::from(a.share());
        is_slab.then_some(PhysAddr((high << (2 * SHARE_BITS) | low) * WORD))
    }

    /// Writes the words of a slab's frames, the first one last.
    fn set_words(&self, head: Slot, order: Order, word: impl Fn(u32) -> Word) {
        let frames = 1 << order.number();
        let pages = (0..frames).rev().zip((0..order.frames()).rev());
        for (page, offset) in pages {
            let slot = Slot::new(u64::from(head.number()) + offset);
            slot.into_iter().for_each(|slot| self.frames.map().set(slot, word(page)));
        }
    }
}

/// The share of a descriptor's place that a slab's frame has.
fn share(place: PhysAddr, page: u32) -> u32 {
    let [a, b, c, d, ..] = (place.0 / WORD).checked_shr(page * SHARE_BITS).unwrap_or(0).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
