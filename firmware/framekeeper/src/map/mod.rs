//! The frame map: a word for each frame that may be RAM, a bit for each that is free, and all that is known about them.
//!
//! The map is sparse in sections of 128 MiB: a table says where a section's words are, or that it has none. So 8 GiB
//! that span 38 GiB cost 8.3 MiB. The frames themselves are never touched.
//!
//! Only the first frame of a block, its **head**, says what the block is; the others just say that they are a part. So
//! taking a block of 1 GiB changes one word and a few words of bits. Who asks about a part finds the head in at most one
//! look for each order.
//!
//! Reading is wait-free. That a block is given back is decided by one checked swap of its head's word; all other changes
//! belong to whoever has the block, or holds the zone that the frame is in.

mod check;
mod kind;
mod layout;
mod state;

pub(crate) use check::Area;
pub use kind::ZoneKind;
pub use layout::{MapError, MapLayout, Needs};
pub use state::State;

use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    entry::Entry,
    frame::{Frame, Order},
    level::{self, Directory, Level, UNITS, WHOLE, WORDS},
    planted::{Bug, planted},
    regions::RegionSet,
    sync::{AtomicU32, AtomicU64, Ordering},
    word::{Kind, Slot, Word},
};
use layout::{classes, frames_of, groups, sections, size};

/// Frames in a section: 128 MiB. One area where each access to a word costs as much as a thousand do elsewhere, which
/// then has more sections instead.
const SECTION: u64 = if cfg!(any(miri, all(test, shuttle))) { UNITS as u64 } else { 1 << 15 };

/// Frames in a group: the largest block.
const GROUP: u64 = Order::MAX.frames();

/// How many zones there are.
pub(crate) const ZONES: usize = ZoneKind::ALL.len();

/// The memory that a map lies in. What it holds does not matter.
#[derive(Debug)]
pub struct Storage<'a> {
    /// A word for each frame.
    pub words: &'a mut [AtomicU32],
    /// What is free, and tables.
    pub index: &'a mut [AtomicU64],
}

/// The frame map.
#[derive(Clone, Copy, Debug)]
pub struct FrameMap<'a> {
    first_section: u64,
    /// For each section from the first on: its number among those that have words, plus one, and in the upper half its
    /// group's number; zero for a section without RAM.
    table: &'a [AtomicU64],
    /// For each section that has words, in their order: which one it is, counted from the first.
    present: &'a [AtomicU64],
    /// For each group that has a section: which one it is.
    groups: &'a [AtomicU64],
    words: &'a [AtomicU32],
    /// A bit for each frame: it is free, and its area is not free as a whole.
    frames: &'a [AtomicU64],
    /// A bit for each area of 2 MiB: it is free as a whole.
    areas: &'a [AtomicU64],
    /// The free blocks of each area that is not free as a whole, counted.
    census: &'a [AtomicU64],
}

/// What a zone keeps in the map's memory for itself.
#[derive(Debug)]
pub(crate) struct ZoneIndex<'a> {
    pub(crate) frames: Level<'a>,
    pub(crate) areas: Level<'a>,
    /// Frames below the zone that have a word.
    pub(crate) first_slot: u64,
    /// Areas of groups below the zone.
    pub(crate) first_area: u64,
}

impl<'a> FrameMap<'a> {
    /// A map of a machine with this RAM: what is in `free` too is part of something, all else reserved.
    pub(crate) fn new<const N: usize>(
        ram: &RegionSet<N>,
        free: &RegionSet<N>,
        storage: Storage<'a>,
    ) -> Result<(Self, [ZoneIndex<'a>; ZONES]), MapError> {
        let layout = MapLayout::of(ram)?;
        let Storage { words, index } = storage;
        let (given, needed) = (Needs { words: words.len(), index: index.len() }, layout.needs());
        let too_small = MapError::TooSmall { given, needed };
        let words = words.get_mut(..needed.words).ok_or(too_small)?;
        let index = index.get_mut(..needed.index).ok_or(too_small)?;
        words.iter_mut().for_each(|word| *word.get_mut() = Word::HOLE.bits());
        index.iter_mut().for_each(|word| *word.get_mut() = 0);
        let marked = mark(ram, Word::RESERVED, ram, words).and_then(|()| mark(ram, Word::PART, free, words));
        marked.ok_or(too_small)?;
        let mut memory = Carver { rest: index };
        Self::carve(layout, words, &mut memory, ram).ok_or(too_small)
    }

    /// What `address` is.
    #[must_use]
    pub fn state(&self, address: PhysAddr) -> State {
        let frame = Frame::containing(address);
        let word = self.word(frame);
        if !word.is_sound() {
            return State::Damaged { word: word.bits() };
        }
        match word.kind() {
            Kind::Hole => State::Hole,
            Kind::Reserved => State::Reserved,
            Kind::Part => self.part(frame),
            Kind::Pending => State::Pending { head: frame },
            Kind::Allocated | Kind::Cached => block(frame, word),
            Kind::Slab => slab(frame, word),
            Kind::Damaged => State::Damaged { word: word.bits() },
        }
    }

    /// The word of `frame`; a hole's for a frame that has none.
    pub(crate) fn word(&self, frame: Frame) -> Word {
        self.slot(frame).map_or(Word::HOLE, |slot| self.word_at(slot))
    }

    #[inline]
    pub(crate) fn word_at(&self, slot: Slot) -> Word {
        self.words.get(slot.index()).map_or(Word::HOLE, |cell| WordCell(cell).load())
    }

    /// The word of a frame and those of the three behind it.
    #[inline]
    pub(crate) fn four_words(&self, first: Entry) -> Option<[Word; 4]> {
        let start = size(first.slot_number());
        let cells = self.words.get(start..start.checked_add(4)?)?.first_chunk::<4>()?;
        Some(cells.each_ref().map(|cell| WordCell(cell).load()))
    }

    /// Replaces a word that nobody else may change now.
    #[inline]
    pub(crate) fn set(&self, slot: Slot, new: Word) {
        if let Some(cell) = self.words.get(slot.index()) {
            cell.store(new.bits(), Ordering::Release);
        }
    }

    /// Replaces the word of a block that only this core has. Relaxed: who gets the block from here on gets it by some
    /// other order than this word's.
    #[inline]
    pub(crate) fn set_own(&self, entry: Entry, new: Word) {
        if let Some(cell) = self.words.get(size(entry.slot_number())) {
            cell.store(new.bits(), Ordering::Relaxed);
        }
    }

    /// Where the word of `frame` is, if it has one.
    #[inline]
    pub(crate) fn slot(&self, frame: Frame) -> Option<Slot> {
        self.find(frame)?.0.slot()
    }

    /// The word of `frame`, if it has one, and where it is.
    #[inline]
    pub(crate) fn find(&self, frame: Frame) -> Option<(Entry, WordCell<'a>)> {
        let section = (frame.number() / SECTION).wrapping_sub(self.first_section);
        let entry = self.table.get(size(section))?.load(Ordering::Relaxed);
        // Of a section without words that is far above all there are.
        let number = (entry & u64::from(u32::MAX)).wrapping_sub(1);
        let slot = number.wrapping_mul(SECTION).wrapping_add(frame.number() % SECTION);
        let cell = self.words.get(size(slot))?;
        Some((Entry::new(frame, slot), WordCell(cell)))
    }

    /// The number of the area that `frame` lies in, among those of groups that have RAM.
    pub(crate) fn area(&self, frame: Frame) -> Option<u64> {
        let section = (frame.number() / SECTION).wrapping_sub(self.first_section);
        let entry = self.table.get(usize::try_from(section).ok()?)?.load(Ordering::Relaxed);
        (entry != 0).then(|| (entry >> 32) * UNITS as u64 + frame.number() % GROUP / UNITS as u64)
    }

    /// The frame whose word is at `slot`.
    pub(crate) fn frame_at(&self, slot: u64) -> Option<Frame> {
        let section = self.present.get(size(slot / SECTION))?.load(Ordering::Relaxed);
        Some(Frame::new((self.first_section + section) * SECTION + slot % SECTION))
    }

    /// The first frame of the area with this number.
    pub(crate) fn frame_of_area(&self, area: u64) -> Option<Frame> {
        let group = self.groups.get(size(area / UNITS as u64))?.load(Ordering::Relaxed);
        Some(Frame::new(group * GROUP + area % UNITS as u64 * UNITS as u64))
    }

    /// Every frame that has a word, in rising order.
    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame> + use<'a> {
        let first_section = self.first_section;
        self.present.iter().flat_map(move |section| {
            let first = (first_section + section.load(Ordering::Relaxed)) * SECTION;
            (first..first + SECTION).map(Frame::new)
        })
    }

    /// Whether the area around a block has no free one larger than of `order`, by a look without a lock.
    #[inline]
    pub(crate) fn is_nearly_full(&self, block: Entry, order: Order) -> bool {
        let census = self.census.get(size(block.area()));
        census.is_some_and(|census| !level::has_larger(census.load(Ordering::Relaxed), order.number().into()))
    }

    /// The free block that `frame` is part of.
    pub(crate) fn free_block(&self, frame: Frame) -> Option<(Frame, Order)> {
        let order = |number: u32| u8::try_from(number).ok().and_then(Order::new);
        if let Some((area, number)) = level::free_block(self.areas, size(self.area(frame)?)) {
            let head = frame.align_down(Order::MAX).plus(area as u64 * UNITS as u64);
            return Some((head, order(number + WHOLE)?));
        }
        let (start, number) = level::free_block(self.frames, self.slot(frame)?.index())?;
        Some((frame.align_down(Order::MIB_2).plus(start as u64), order(number)?))
    }

    /// What a frame is that is part of something.
    fn part(&self, frame: Frame) -> State {
        if let Some((head, order)) = self.free_block(frame) {
            return State::Free { head, order };
        }
        let heads = Order::all().map(|order| frame.align_down(order)).filter(|&head| head != frame);
        let around = heads.map(|head| (head, self.word(head)));
        let covers = |&(head, word): &(Frame, Word)| {
            let frames = match word.kind() {
                Kind::Pending => {
                    // Only while it is a part: if the block went meanwhile, or is one frame, the word is another's. If that is
                    // a part too, no harm is done: it carries no number, so that only the head is covered.
                    let second = self.word(head.plus(1));
                    if second.kind() == Kind::Part { second.frames_field() } else { 0 }
                }
                _ => word.frames(),
            };
            frame.number() - head.number() < frames
        };
        around.filter(covers).map(|(head, word)| block(head, word)).next().unwrap_or(State::Changing)
    }

    fn carve<const N: usize>(
        layout: MapLayout,
        words: &'a [AtomicU32],
        memory: &mut Carver<'a>,
        ram: &RegionSet<N>,
    ) -> Option<(Self, [ZoneIndex<'a>; ZONES])> {
        let areas: u64 = layout.zones.iter().map(|zone| zone.areas()).sum();
        let map = Self {
            first_section: layout.first_section,
            words,
            // First, for each node to be one cache line.
            frames: memory.take(areas * WORDS as u64)?,
            areas: memory.take(layout.groups() * WORDS as u64)?,
            census: memory.take(areas)?,
            table: memory.take(layout.span)?,
            present: memory.take(layout.sections())?,
            groups: memory.take(layout.groups())?,
        };
        map.number(ram)?;
        let [dma32, normal] = layout.zones;
        let dma32 = map.index(memory, (0, dma32.areas()), (0, dma32.groups))?;
        let (area, group) = (layout.zones[0].areas(), layout.zones[0].groups);
        let normal = map.index(memory, (area, normal.areas()), (group, normal.groups))?;
        Some((map, [dma32, normal]))
    }

    /// Numbers the sections and groups that have RAM.
    fn number<const N: usize>(&self, ram: &RegionSet<N>) -> Option<()> {
        let mut group_number = 0;
        for (group, cell) in groups(ram).zip(self.groups) {
            cell.store(group, Ordering::Relaxed);
        }
        for ((section, cell), number) in sections(ram).zip(self.present).zip(1..) {
            let group = section * SECTION / GROUP;
            while self.groups.get(group_number)?.load(Ordering::Relaxed) != group {
                group_number += 1;
            }
            let section = section - self.first_section;
            cell.store(section, Ordering::Relaxed);
            if planted(Bug::LostSection) && number > 1 && number == self.present.len() as u64 {
                continue;
            }
            self.table.get(size(section))?.store((group_number as u64) << 32 | number, Ordering::Relaxed);
        }
        Some(())
    }

    /// A zone's part of the map's memory: its areas and its groups, each by the first and how many.
    fn index(&self, memory: &mut Carver<'a>, areas: (u64, u64), groups: (u64, u64)) -> Option<ZoneIndex<'a>> {
        let part = |slice: &'a [AtomicU64], (first, nodes): (u64, u64), words: u64| {
            slice.get(size(first * words)..size((first + nodes) * words))
        };
        let group_census = memory.take(groups.1)?;
        let mut level = |bits: Option<&'a [AtomicU64]>, census: &'a [AtomicU64]| {
            let classes = memory.take(classes(census.len() as u64))?;
            Some(Level::new(bits?, census, Directory::new(classes, census.len())))
        };
        Some(ZoneIndex {
            frames: level(part(self.frames, areas, WORDS as u64), part(self.census, areas, 1)?)?,
            areas: level(part(self.areas, groups, WORDS as u64), group_census)?,
            first_slot: areas.0 * UNITS as u64,
            first_area: groups.0 * UNITS as u64,
        })
    }
}

/// A word of the map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WordCell<'a>(&'a AtomicU32);

impl WordCell<'_> {
    #[inline]
    pub(crate) fn load(self) -> Word {
        // Acquire, pairs with the Release in `swap` and `set`: what was done before the change is visible.
        Word::from_bits(self.0.load(Ordering::Acquire))
    }

    /// Replaces a word that is as expected; tells whether it was.
    #[inline]
    pub(crate) fn swap(self, expected: Word, new: Word) -> bool {
        // AcqRel: the new owner sees what the old one did; pairs with the Acquire in `load`.
        if planted(Bug::RacedFreeAccepted) {
            let is_expected = self.load() == expected;
            is_expected.then(|| self.0.store(new.bits(), Ordering::Release));
            return is_expected;
        }
        let (expected, new) = (expected.bits(), new.bits());
        self.0.compare_exchange(expected, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// Memory that is handed out from its start.
struct Carver<'a> {
    rest: &'a [AtomicU64],
}

impl<'a> Carver<'a> {
    fn take(&mut self, count: u64) -> Option<&'a [AtomicU64]> {
        let (taken, rest) = self.rest.split_at_checked(size(count))?;
        self.rest = rest;
        Some(taken)
    }
}

/// Gives the frames of `ranges` that are RAM this word. Plain stores, before anybody else sees the map: it is most of
/// the time that building one takes.
fn mark<const N: usize>(
    ram: &RegionSet<N>,
    word: Word,
    ranges: &RegionSet<N>,
    words: &mut [AtomicU32],
) -> Option<()> {
    for range in frames_of(ranges) {
        for (section, number) in sections(ram).zip(0..) {
            let start = section * SECTION * FRAME_SIZE;
            let section = PhysRange::new(PhysAddr(start), PhysAddr(start + SECTION * FRAME_SIZE));
            for ram in frames_of(ram) {
                let common = common(common(range, section), ram);
                if common.is_empty() {
                    continue;
                }
                let first = number * SECTION + (common.start().0 - start) / FRAME_SIZE;
                let cells = words.get_mut(size(first)..size(first + common.size() / FRAME_SIZE))?;
                cells.iter_mut().for_each(|cell| *cell.get_mut() = word.bits());
            }
        }
    }
    Some(())
}

/// What two ranges have in common.
fn common(one: PhysRange, other: PhysRange) -> PhysRange {
    PhysRange::new(one.start().max(other.start()), one.end().min(other.end()))
}

fn block(head: Frame, word: Word) -> State {
    match word.kind() {
        Kind::Allocated => State::Allocated { head, frames: word.frames(), owner: word.owner() },
        Kind::Cached => State::Cached { head, order: word.order(), core: word.core() },
        Kind::Pending => State::Pending { head },
        _ => State::Changing,
    }
}

fn slab(frame: Frame, word: Word) -> State {
    let head = Frame::new(frame.number().saturating_sub(word.page().into()));
    State::Slab { head, pool: word.pool() }
}
