//! The frame map: one word for each frame that may be RAM, and all that is known about it.
//!
//! The map is sparse in sections of 128 MiB: a table says where a section's words are, or that it has none. So 8 GiB
//! that span 38 GiB cost 16 MiB and the table. The frames themselves are never touched.
//!
//! Only the first frame of a block, its **head**, says what the block is; the others are **tails** and say just that.
//! So taking a block of 1 GiB changes one word. Who asks about a tail finds the head in at most one look per order.
//!
//! Reading is wait-free. That a block is given back is decided by one checked swap of its head's word; all other changes
//! belong to whoever holds the zone that the frame is in.

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    frame::{Frame, Order},
    regions::RegionSet,
    word::{Slot, Word},
};

/// Frames in a section: 128 MiB.
const SECTION: u64 = 1 << 15;

/// The most frames a map can hold: a link has 26 bits, and one value means "none".
const MAX_SLOTS: u64 = Slot::LIMIT as u64;

/// What a physical address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not RAM, as far as anybody said.
    Hole,
    /// RAM that is not handed out.
    Reserved,
    /// Part of a free block.
    Free {
        /// The block's first frame.
        head: Frame,
        /// The block's order.
        order: Order,
    },
    /// Part of a block that somebody has.
    Allocated {
        /// The block's first frame.
        head: Frame,
        /// How many frames the block has; not always a power of two.
        frames: u64,
        /// Who, by a number that the caller gave.
        owner: Owner,
    },
}

/// Who has a block: a number that callers give and reports count by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u8);

/// How large a map has to be, before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapLayout {
    first_section: u64,
    /// Entries of the table: present sections and gaps between them.
    sections: u64,
    present: u64,
}

/// Why there can be no map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// There is no whole frame of RAM.
    NoRam,
    /// More sections than a map can hold: 256 GiB of RAM.
    TooMuchRam {
        /// Sections of 128 MiB that have RAM.
        sections: u64,
    },
    /// The memory for the map is too small.
    TooSmall {
        /// Words that were given.
        given: usize,
        /// Words that are needed.
        needed: usize,
    },
    /// No free range is large enough for the map.
    NoPlace {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes of the largest free range.
        largest: u64,
    },
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRam => f.write_str("there is no whole frame of RAM"),
            Self::TooMuchRam { sections } => {
                write!(
                    f,
                    "{sections} sections of 128 MiB are more than the {} a map holds",
                    MAX_SLOTS / SECTION
                )
            }
            Self::TooSmall { given, needed } => {
                write!(f, "the map needs {needed} words and was given {given}")
            }
            Self::NoPlace { needed, largest } => {
                write!(
                    f,
                    "the map needs {needed} bytes in one piece, and the largest free range has {largest}"
                )
            }
        }
    }
}

impl core::error::Error for MapError {}

impl MapLayout {
    /// For a machine with this RAM.
    ///
    /// # Errors
    ///
    /// There is no RAM, or too much of it.
    pub fn of<const N: usize>(ram: &RegionSet<N>) -> Result<Self, MapError> {
        let spans =
            || ram.iter().map(PhysRange::round_inward).filter(|range| !range.is_empty()).map(sections_of);
        let (first, last) = (spans().next().ok_or(MapError::NoRam)?, spans().last().ok_or(MapError::NoRam)?);
        let mut present = 0;
        let mut counted_to = 0;
        for (start, end) in spans() {
            // Two ranges may share a section.
            let start = start.max(counted_to);
            present += end.saturating_sub(start);
            counted_to = end;
        }
        let too_much = present * SECTION > MAX_SLOTS;
        let layout = Self { first_section: first.0, sections: last.1 - first.0, present };
        if too_much { Err(MapError::TooMuchRam { sections: present }) } else { Ok(layout) }
    }

    /// Words of memory that the map needs.
    #[must_use]
    pub fn words(self) -> usize {
        usize::try_from(self.bytes() / size_of::<AtomicU64>() as u64).unwrap_or(usize::MAX)
    }

    /// Bytes of memory that the map needs.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        (self.sections + self.present + self.present * SECTION) * size_of::<AtomicU64>() as u64
    }

    /// Takes memory for the map out of `free`: the first range that has room.
    ///
    /// # Errors
    ///
    /// No range is large enough, or taking it would split one and the set is full.
    pub fn take_place<const N: usize>(self, free: &mut RegionSet<N>) -> Result<PhysRange, MapError> {
        let needed = self.bytes().next_multiple_of(FRAME_SIZE);
        let largest = free.iter().map(PhysRange::size).max().unwrap_or(0);
        free.take(needed, FRAME_SIZE).ok().flatten().ok_or(MapError::NoPlace { needed, largest })
    }
}

/// The first section that `range` touches, and the one behind the last.
fn sections_of(range: PhysRange) -> (u64, u64) {
    let section = SECTION * FRAME_SIZE;
    (range.start().0 / section, range.end().0.div_ceil(section))
}

/// The frame map.
#[derive(Debug)]
pub struct FrameMap<'a> {
    first_section: u64,
    /// For each section from the first on: where its words begin, plus one; zero for a section without RAM.
    table: &'a [AtomicU64],
    /// For each section that has words, in their order: which one it is, counted from the first.
    present: &'a [AtomicU64],
    words: &'a [AtomicU64],
}

impl<'a> FrameMap<'a> {
    /// A map of a machine with this RAM, every frame of which is reserved for now, in `memory`.
    ///
    /// # Errors
    ///
    /// `memory` is shorter than [`MapLayout::words`] says.
    pub fn new<const N: usize>(ram: &RegionSet<N>, memory: &'a [AtomicU64]) -> Result<Self, MapError> {
        let layout = MapLayout::of(ram)?;
        let needed = layout.words();
        let too_small = MapError::TooSmall { given: memory.len(), needed };
        let memory = memory.get(..needed).ok_or(too_small)?;
        for word in memory {
            word.store(Word::HOLE.bits(), Ordering::Relaxed);
        }
        let size = |entries: u64| usize::try_from(entries).unwrap_or(usize::MAX);
        let (table, rest) = memory.split_at_checked(size(layout.sections)).ok_or(too_small)?;
        let (present, words) = rest.split_at_checked(size(layout.present)).ok_or(too_small)?;
        let map = Self { first_section: layout.first_section, table, present, words };
        map.assign_sections(ram);
        for range in ram.iter() {
            map.reserve(range);
        }
        Ok(map)
    }

    /// What `address` is.
    #[must_use]
    pub fn state(&self, address: PhysAddr) -> State {
        let frame = Frame::containing(address);
        match self.word(frame) {
            Word::HOLE => State::Hole,
            Word::RESERVED => State::Reserved,
            Word::TAIL => self.head_of(frame).map_or(State::Reserved, |head| self.block_state(head)),
            _ => self.block_state(frame),
        }
    }

    /// The word of `frame`; a hole's for a frame that has none.
    pub(crate) fn word(&self, frame: Frame) -> Word {
        // Acquire, pairs with the Release in `swap` and `set`: what was done before the change is visible.
        self.cell(frame).map_or(Word::HOLE, |cell| Word::from_bits(cell.load(Ordering::Acquire)))
    }

    /// Replaces a word that is as expected; tells what it really was if it is not.
    pub(crate) fn swap(&self, frame: Frame, expected: Word, new: Word) -> Result<(), Word> {
        let Some(cell) = self.cell(frame) else { return Err(Word::HOLE) };
        // AcqRel: the new owner sees what the old one did; pairs with the Acquire in `word`.
        let result = cell.compare_exchange(expected.bits(), new.bits(), Ordering::AcqRel, Ordering::Acquire);
        result.map(|_| ()).map_err(Word::from_bits)
    }

    /// Replaces a word that nobody else may change now. Nothing happens for a frame that has none.
    pub(crate) fn set(&self, frame: Frame, new: Word) {
        if let Some(cell) = self.cell(frame) {
            cell.store(new.bits(), Ordering::Release);
        }
    }

    /// The place of a frame's word, for links.
    pub(crate) fn slot(&self, frame: Frame) -> Option<Slot> {
        let section = (frame.number() / SECTION).checked_sub(self.first_section)?;
        let entry = self.table.get(usize::try_from(section).ok()?)?.load(Ordering::Relaxed);
        let first = entry.checked_sub(1)?;
        Slot::new(first + frame.number() % SECTION)
    }

    /// The frame whose word is at `slot`.
    pub(crate) fn frame(&self, slot: Slot) -> Option<Frame> {
        let slot = u64::from(slot.number());
        let section = self.present.get(usize::try_from(slot / SECTION).ok()?)?.load(Ordering::Relaxed);
        Some(Frame::new((self.first_section + section) * SECTION + slot % SECTION))
    }

    /// Every frame that has a word, in rising order.
    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame> + '_ {
        self.present.iter().flat_map(|section| {
            let first = (self.first_section + section.load(Ordering::Relaxed)) * SECTION;
            (first..first + SECTION).map(Frame::new)
        })
    }

    fn cell(&self, frame: Frame) -> Option<&AtomicU64> {
        self.words.get(self.slot(frame)?.index())
    }

    /// The head of the block that the tail `frame` belongs to.
    fn head_of(&self, frame: Frame) -> Option<Frame> {
        let candidates = Order::all().skip(1).map(|order| frame.align_down(order));
        candidates
            .filter(|&head| head != frame)
            .find(|&head| frame.number() - head.number() < self.word(head).frames())
    }

    fn block_state(&self, head: Frame) -> State {
        let word = self.word(head);
        match (word.order(), word.owner()) {
            (_, Some(owner)) => State::Allocated { head, frames: word.frames(), owner },
            (Some(order), None) => State::Free { head, order },
            (None, None) => State::Reserved,
        }
    }

    fn assign_sections<const N: usize>(&self, ram: &RegionSet<N>) {
        let mut present = self.present.iter().zip(0..);
        let ranges = ram.iter().map(PhysRange::round_inward).filter(|range| !range.is_empty());
        for section in ranges.map(sections_of).flat_map(|(start, end)| start..end) {
            let section = section - self.first_section;
            let entry = usize::try_from(section).ok().and_then(|index| self.table.get(index));
            // Two ranges may share a section.
            let Some(entry) = entry.filter(|entry| entry.load(Ordering::Relaxed) == 0) else { continue };
            let Some((which, number)) = present.next() else { return };
            which.store(section, Ordering::Relaxed);
            entry.store(number * SECTION + 1, Ordering::Relaxed);
        }
    }

    fn reserve(&self, range: PhysRange) {
        let range = range.round_inward();
        for number in range.start().0 / FRAME_SIZE..range.end().0 / FRAME_SIZE {
            self.set(Frame::new(number), Word::RESERVED);
        }
    }
}
