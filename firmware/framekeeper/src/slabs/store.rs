//! The memory that descriptors lie in: frames that no object is ever put into.
//!
//! A descriptor is cut from the current chunk and stays one of its size: what is given back waits for the next slab that
//! needs one like it. While there is no slab at all, all chunks can go back.
//!
//! Places that lie in memory carry a parity, as the words of the frame map do: one that does not fit is not followed.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | what lies in a chunk is words | `add` fills it with zeros | Miri |
//! | a place is inside a chunk that was not given back | `cut`; `take_chunk` forgets what waits | Miri; `verify` |

#![expect(unsafe_code, reason = "makes frames into words")]

use super::{
    memory::DirectMap,
    shape::{GRAIN, Shape},
    slab::descriptor_words,
};
use crate::{
    addr::PhysAddr,
    frame::Order,
    planted::{Bug, planted},
    sync::{AtomicU64, Ordering::Relaxed},
};

/// Descriptors of more words than this come from large chunks, so that little is left at a chunk's end.
const SMALL: usize = 64;

/// Bytes of a word.
const WORD: u64 = 8;

/// How many sizes of descriptors there are, by their words: those of few words one by one, and the largest.
const SIZES: usize = 20;

/// Words of the largest descriptor, which is that of the smallest objects.
const MOST_WORDS: usize = match Shape::of(GRAIN) {
    Some(shape) => descriptor_words(&shape),
    None => unreachable!(),
};

/// The memory of all descriptors. Behind a lock.
#[derive(Debug)]
pub(crate) struct Store {
    /// Descriptors of slabs.
    live: u64,
    /// The chunks that are being cut, for small and for large descriptors.
    current: [Rest; 2],
    /// For each size the descriptor that was given back last; the first word of each says where the one before it is.
    spare: [Link; SIZES],
    /// The chunk that came last; the first word of each says where the one before it is.
    last: Link,
    bytes: u64,
}

/// A place or none, in a word of even weight.
#[derive(Clone, Copy, Debug)]
struct Link(u64);

impl Link {
    const NONE: Self = Self(u64::MAX);
    const PARITY: u64 = 1 << 63;

    const fn to(place: PhysAddr) -> Self {
        Self(place.0 | (place.0.count_ones() as u64 & 1) << 63)
    }

    /// Where it leads; nowhere, if it was never written.
    const fn place(self) -> Option<PhysAddr> {
        if self.is_sound() && self.0 != Self::NONE.0 { Some(PhysAddr(self.0 & !Self::PARITY)) } else { None }
    }

    const fn is_sound(self) -> bool {
        self.0.count_ones() & 1 == 0
    }
}

/// What is left of a chunk.
#[derive(Clone, Copy, Debug)]
struct Rest {
    start: Link,
    end: Link,
}

impl Rest {
    const NOTHING: Self = Self { start: Link::NONE, end: Link::NONE };

    const fn new(start: PhysAddr, end: PhysAddr) -> Self {
        Self { start: Link::to(start), end: Link::to(end) }
    }

    const fn is_sound(&self) -> bool {
        self.start.is_sound() && self.end.is_sound()
    }
}

/// Which of the sizes so many words are. Between the small ones and the largest, of 8-byte objects, there is none.
fn size_index(words: usize) -> usize {
    words.min(SIZES - 1)
}

/// Words of the descriptors whose [`size_index`] this is.
const fn words_of(index: usize) -> usize {
    if index < SIZES - 1 { index } else { MOST_WORDS }
}

/// The sizes of chunks: for small descriptors and for large ones.
pub(crate) const CHUNKS: [Order; 2] = [order(1), order(4)];

/// The size of the chunks that descriptors of so many words are cut from.
pub(crate) const fn chunk_order(words: usize) -> Order {
    let [small, large] = CHUNKS;
    if is_large(words) { large } else { small }
}

const fn is_large(words: usize) -> bool {
    words > SMALL
}

const fn order(number: u8) -> Order {
    match Order::new(number) {
        Some(order) => order,
        None => Order::FRAME,
    }
}

impl Store {
    pub(crate) const fn new() -> Self {
        Self { live: 0, current: [Rest::NOTHING; 2], spare: [Link::NONE; SIZES], last: Link::NONE, bytes: 0 }
    }

    /// Bytes of all chunks.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A descriptor of so many words. None if there is no room in a chunk.
    pub(crate) fn take(&mut self, words: usize, memory: &impl DirectMap) -> Option<PhysAddr> {
        let place = match self.take_spare(words, memory) {
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
        self.last = Link::to(chunk);
        self.bytes += bytes;
        if let Some(rest) = self.current.get_mut(usize::from(is_large(words))) {
            *rest = Rest::new(PhysAddr(chunk.0 + WORD), PhysAddr(chunk.0 + bytes));
        }
    }

    /// Takes a descriptor of so many words back.
    pub(crate) fn give(&mut self, place: PhysAddr, words: usize, memory: &impl DirectMap) {
        let Some(spare) = self.spare.get_mut(size_index(words)) else { return };
        set_link(memory, place, core::mem::replace(spare, Link::to(place)));
        self.live -= 1;
    }

    /// Takes a chunk out, if no slab has a descriptor.
    pub(crate) fn take_chunk(&mut self, memory: &impl DirectMap) -> Option<PhysAddr> {
        let chunk = self.last.place().filter(|_| self.live == 0)?;
        self.last = link(memory, chunk);
        self.spare = [Link::NONE; SIZES];
        self.current = [Rest::NOTHING; 2];
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

    /// Whether all of it is as it can be. `size` says of a block that may be a chunk how many bytes it has: what is none,
    /// or has a link that was never written, is not looked at.
    pub(crate) fn is_right(&self, memory: &impl DirectMap, size: &impl Fn(PhysAddr) -> Option<u64>) -> bool {
        let whole_list = |bytes: u64, chunk| Some(bytes + size(chunk)?).filter(|&bytes| bytes <= self.bytes);
        if walk(memory, self.last, whole_list) != Some(self.bytes) {
            return false;
        }
        // From here on it is known where chunks are.
        let is_inside = |start: PhysAddr, end: u64| {
            let mut chunks = self.chunks(memory).filter_map(|chunk| Some((chunk, size(chunk)?)));
            start.0.is_multiple_of(WORD)
                && chunks.any(|(chunk, size)| start.0 > chunk.0 && end <= chunk.0 + size)
        };
        let is_rest = |rest: &Rest| match (rest.start.place(), rest.end.place()) {
            (Some(start), Some(end)) => start <= end && is_inside(start, end.0),
            (start, end) => rest.is_sound() && start == end,
        };
        let are_spare = |(index, first): (usize, &Link)| {
            // None has no words. As if it had one, so that a list of such ends.
            let size = words_of(index).max(1) as u64 * WORD;
            let descriptor = |bytes: u64, place: PhysAddr| {
                let after = bytes + size;
                (after <= self.bytes && is_inside(place, place.0 + size)).then_some(after)
            };
            walk(memory, *first, descriptor).is_some()
        };
        self.current.iter().all(is_rest) && self.spare.iter().enumerate().all(are_spare)
    }

    fn chunks(&self, memory: &impl DirectMap) -> impl Iterator<Item = PhysAddr> {
        core::iter::successors(self.last.place(), |&chunk| link(memory, chunk).place())
    }

    /// Its own words.
    #[cfg(test)]
    pub(crate) fn memory(&mut self) -> std::vec::Vec<&mut u64> {
        let rests = self.current.iter_mut().flat_map(|rest| [&mut rest.start, &mut rest.end]);
        let links = rests.chain(&mut self.spare).chain([&mut self.last]).map(|link| &mut link.0);
        links.chain([&mut self.live, &mut self.bytes]).collect()
    }

    /// The links of the chunks, and those of descriptors that no slab has.
    #[cfg(test)]
    pub(crate) fn links<'m>(&self, memory: &'m impl DirectMap) -> [std::vec::Vec<&'m AtomicU64>; 2] {
        let spare = self
            .spare
            .iter()
            .flat_map(|first| core::iter::successors(first.place(), |&place| link(memory, place).place()));
        let words = |place| first_word(memory, place);
        [self.chunks(memory).map(words).collect(), spare.map(words).collect()]
    }

    fn take_spare(&mut self, words: usize, memory: &impl DirectMap) -> Option<PhysAddr> {
        let spare = self.spare.get_mut(size_index(words))?;
        let place = spare.place()?;
        *spare = link(memory, place);
        Some(place)
    }

    fn cut(&mut self, words: usize) -> Option<PhysAddr> {
        let rest = self.current.get_mut(usize::from(is_large(words)))?;
        let bytes = words as u64 * WORD;
        let (place, end) = (rest.start.place()?, rest.end.place()?);
        if end.0.checked_sub(place.0)? < bytes {
            return None;
        }
        let next = if planted(Bug::DescriptorsOverlap) { bytes - WORD } else { bytes };
        rest.start = Link::to(PhysAddr(place.0 + next));
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

/// Follows a list and adds up what `step` says of each place, before that is looked at; none where `step` says so, and
/// where a link was never written.
fn walk(
    memory: &impl DirectMap,
    first: Link,
    mut step: impl FnMut(u64, PhysAddr) -> Option<u64>,
) -> Option<u64> {
    let (mut next, mut sum) = (first, 0);
    while let Some(place) = next.place() {
        sum = step(sum, place)?;
        next = link(memory, place);
    }
    next.is_sound().then_some(sum)
}

/// What the first word at `place` says of where the next one is.
fn link(memory: &impl DirectMap, place: PhysAddr) -> Link {
    Link(first_word(memory, place).load(Relaxed))
}

fn set_link(memory: &impl DirectMap, place: PhysAddr, next: Link) {
    first_word(memory, place).store(next.0, Relaxed);
}

/// The first word of a chunk, or of a descriptor that no slab has.
fn first_word(memory: &impl DirectMap, place: PhysAddr) -> &AtomicU64 {
    let start = memory.pointer(place).cast::<AtomicU64>();
    // SAFETY: only places in chunks of the store come here, and at each is a word.
    unsafe { start.as_ref() }
}

#[cfg(test)]
mod tests;
