//! The memory that descriptors lie in: frames that no object is ever put into.
//!
//! A descriptor is cut from the current chunk and stays one for slabs of its pool: what a pool does not need it keeps for
//! its next slab. What a pool kept that ended goes to others with descriptors as large. While no pool has a slab, all chunks can go back, and what pools kept is void then: they see that by
//! the generation.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | what lies in a chunk is words | `add` fills it with zeros | Miri |
//! | a place is inside a chunk that was not given back | `cut`, and the generation of what pools keep | Miri; `verify` |

#![expect(unsafe_code, reason = "makes frames into words")]

use super::memory::DirectMap;
use crate::{
    addr::PhysAddr,
    frame::Order,
    sync::{AtomicU64, Ordering::Relaxed},
};

/// Descriptors of more words than this come from large chunks, so that little is left at a chunk's end.
const SMALL: usize = 64;

/// The largest descriptor's words are fewer.
const MOST: usize = 132;

/// Bytes of a word.
const WORD: u64 = 8;

/// The memory of all descriptors. Behind a lock.
#[derive(Debug)]
pub(crate) struct Store {
    generation: u64,
    /// Descriptors of slabs.
    live: u64,
    /// The chunks that are being cut, for small and for large descriptors.
    current: [Rest; 2],
    /// What pools that ended had kept, by words; the first word of each says where the one before it is.
    left: [Option<PhysAddr>; MOST],
    /// The chunk that came last; the first word of each says where the one before it is.
    last: Option<PhysAddr>,
    bytes: u64,
}

/// What is left of a chunk.
#[derive(Clone, Copy, Debug)]
struct Rest {
    start: PhysAddr,
    end: PhysAddr,
}

/// The descriptors that a pool keeps for its next slabs; the first word of each says where the one before it is.
#[derive(Debug)]
pub(crate) struct Spare {
    generation: u64,
    last: Option<PhysAddr>,
}

impl Spare {
    /// None.
    pub(crate) const fn new() -> Self {
        Self { generation: 0, last: None }
    }
}

impl Rest {
    const NOTHING: Self = Self { start: PhysAddr(0), end: PhysAddr(0) };
}

/// The size of the chunks that descriptors of so many words are cut from.
pub(crate) const fn chunk_order(words: usize) -> Order {
    let order = Order::new(if words > SMALL { 4 } else { 1 });
    match order {
        Some(order) => order,
        None => Order::FRAME,
    }
}

impl Store {
    pub(crate) const fn new() -> Self {
        Self { generation: 0, live: 0, current: [Rest::NOTHING; 2], left: [None; MOST], last: None, bytes: 0 }
    }

    /// Bytes of all chunks.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A descriptor of so many words: one that the pool kept, or a new one. None if there is no room in a chunk.
    pub(crate) fn take(
        &mut self,
        words: usize,
        spare: &mut Spare,
        memory: &impl DirectMap,
    ) -> Option<PhysAddr> {
        let kept = self.take_spare(spare, memory).or_else(|| self.take_left(words, memory));
        let place = match kept {
            Some(place) => place,
            None => self.cut(words)?,
        };
        self.live += 1;
        Some(place)
    }

    /// Takes a chunk in, for descriptors of so many words.
    ///
    /// # Safety
    ///
    /// It was handed out by the frame allocator that `memory` is for, is of [`chunk_order`], and nobody else's.
    pub(crate) unsafe fn add(&mut self, chunk: PhysAddr, words: usize, memory: &impl DirectMap) {
        let bytes = chunk_order(words).bytes();
        let start = memory.pointer(chunk).cast::<AtomicU64>();
        // SAFETY: the chunk is that long, this store's alone from now on, and mapped.
        unsafe { start.write_bytes(0, (bytes / WORD) as usize) };
        set_link(memory, chunk, self.last);
        self.last = Some(chunk);
        self.bytes += bytes;
        if let Some(rest) = self.current.get_mut(usize::from(words > SMALL)) {
            *rest = Rest { start: PhysAddr(chunk.0 + WORD), end: PhysAddr(chunk.0 + bytes) };
        }
    }

    /// Takes a descriptor back that its pool does not need now.
    pub(crate) fn give(&mut self, place: PhysAddr, spare: &mut Spare, memory: &impl DirectMap) {
        if spare.generation != self.generation {
            *spare = Spare { generation: self.generation, last: None };
        }
        set_link(memory, place, spare.last);
        spare.last = Some(place);
        self.live -= 1;
    }

    /// Takes over what a pool had kept that ends.
    pub(crate) fn inherit(&mut self, words: usize, spare: &mut Spare, memory: &impl DirectMap) {
        while let Some(place) = self.take_spare(spare, memory) {
            let Some(left) = self.left.get_mut(words) else { return };
            set_link(memory, place, left.replace(place));
        }
    }

    /// Takes a chunk out, if no slab has a descriptor.
    pub(crate) fn take_chunk(&mut self, memory: &impl DirectMap) -> Option<PhysAddr> {
        let chunk = self.last.filter(|_| self.live == 0)?;
        self.last = link(memory, chunk);
        self.generation += 1;
        self.current = [Rest::NOTHING; 2];
        self.left = [None; MOST];
        Some(chunk)
    }

    /// Notes that a chunk of so many bytes was given back.
    pub(crate) fn gave(&mut self, bytes: u64) {
        self.bytes -= bytes;
    }

    /// How many descriptors slabs have.
    pub(crate) const fn live(&self) -> u64 {
        self.live
    }

    /// The chunks, from the one that came last.
    pub(crate) fn chunks(&self, memory: &impl DirectMap) -> impl Iterator<Item = PhysAddr> {
        core::iter::successors(self.last, |&chunk| link(memory, chunk))
    }

    fn take_spare(&self, spare: &mut Spare, memory: &impl DirectMap) -> Option<PhysAddr> {
        let place = spare.last.filter(|_| spare.generation == self.generation)?;
        spare.last = link(memory, place);
        Some(place)
    }

    fn take_left(&mut self, words: usize, memory: &impl DirectMap) -> Option<PhysAddr> {
        let left = self.left.get_mut(words)?;
        let place = (*left)?;
        *left = link(memory, place);
        Some(place)
    }

    fn cut(&mut self, words: usize) -> Option<PhysAddr> {
        let rest = self.current.get_mut(usize::from(words > SMALL))?;
        let bytes = words as u64 * WORD;
        if rest.end.0 - rest.start.0 < bytes {
            return None;
        }
        let place = rest.start;
        rest.start = PhysAddr(place.0 + bytes);
        Some(place)
    }
}

/// The words of a descriptor.
///
/// # Safety
///
/// `place` came from [`Store::take`] for at least so many words, and its chunk was not given back since.
#[inline]
pub(crate) unsafe fn words(memory: &impl DirectMap, place: PhysAddr, count: usize) -> &[AtomicU64] {
    let start = memory.pointer(place).cast::<AtomicU64>();
    // SAFETY: a chunk is words, and mapped as long as it is a chunk; and all that is ever made of it is such references.
    unsafe { core::slice::from_raw_parts(start.as_ptr(), count) }
}

/// No place at all.
const NO_PLACE: u64 = u64::MAX;

/// Where the first word at `place` says that the next one is.
fn link(memory: &impl DirectMap, place: PhysAddr) -> Option<PhysAddr> {
    let place = first_word(memory, place).load(Relaxed);
    (place != NO_PLACE).then_some(PhysAddr(place))
}

fn set_link(memory: &impl DirectMap, place: PhysAddr, next: Option<PhysAddr>) {
    first_word(memory, place).store(next.map_or(NO_PLACE, |next| next.0), Relaxed);
}

/// The first word of a chunk, or of a descriptor that no slab has.
fn first_word(memory: &impl DirectMap, place: PhysAddr) -> &AtomicU64 {
    let start = memory.pointer(place).cast::<AtomicU64>();
    // SAFETY: only places in chunks of the store come here, and at each is a word.
    unsafe { start.as_ref() }
}
