//! The map as a whole, for who checks it or copies it.

use super::{FrameMap, GROUP, SECTION, size};
use crate::{
    frame::Frame,
    level::{UNITS, WORDS},
    sync::{AtomicU32, AtomicU64, Ordering},
    word::{Kind, Word},
};

/// An area of 2 MiB: its words and what of it is free.
pub(crate) struct Area<'a> {
    first: Frame,
    words: &'a [AtomicU32],
    free: &'a [AtomicU64],
    is_whole: bool,
}

impl Area<'_> {
    /// Whether all of it is a hole, by the words and by what is free.
    pub(crate) fn is_hole(&self) -> bool {
        let differs = |word: &AtomicU32| word.load(Ordering::Relaxed) ^ Word::HOLE.bits();
        // Several words to one decision: most of what is asked about here is no RAM, and all of it is looked at.
        let no_ram = |words: &[AtomicU32]| words.iter().fold(0, |all, word| all | differs(word)) == 0;
        !self.is_whole
            && self.free.iter().all(|bits| bits.load(Ordering::Relaxed) == 0)
            && self.words.chunks(16).all(no_ram)
    }

    pub(crate) const fn first(&self) -> Frame {
        self.first
    }

    /// Each frame, its word, and whether it is free.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (Frame, Word, bool)> {
        self.words.chunks(64).zip(self.free).zip((0..).step_by(64)).flat_map(move |((words, bits), start)| {
            let mut free = if self.is_whole { u64::MAX } else { bits.load(Ordering::Relaxed) };
            words.iter().zip(start..).map(move |(word, offset)| {
                let is_free = free & 1 == 1;
                free >>= 1;
                // Acquire, as in `FrameMap::word_at`.
                (self.first.plus(offset), Word::from_bits(word.load(Ordering::Acquire)), is_free)
            })
        })
    }
}

impl<'a> FrameMap<'a> {
    /// The areas that have words, in rising order, if the tables are right.
    pub(crate) fn each_area(self) -> impl Iterator<Item = Area<'a>> {
        let areas = self.words.chunks(UNITS).zip(self.frames.chunks(WORDS)).zip(0..);
        areas.filter_map(move |((words, free), number)| {
            let first = self.frame_at(number * UNITS as u64)?;
            Some(Area { first, words, free, is_whole: self.is_whole(first) })
        })
    }

    /// The sections that have words, in rising order: the first frame, and the one behind the last.
    pub(crate) fn sections(self) -> impl Iterator<Item = (Frame, Frame)> {
        self.present.iter().map(move |section| {
            // Wrapping: what is damaged may be anything.
            let section = self.first_section.wrapping_add(section.load(Ordering::Relaxed));
            let first = Frame::new(section.wrapping_mul(SECTION));
            (first, first.plus(SECTION))
        })
    }

    /// How many frames the block has that starts at `head` and is pending; one, if there is none.
    pub(crate) fn pending_frames(self, head: Frame) -> u64 {
        let word = self.word(head);
        let is_larger = word.kind() == Kind::Pending && !word.is_pending_single();
        if is_larger { self.word(head.plus(1)).frames_field() } else { 1 }
    }

    /// How many frames have a word.
    pub(crate) const fn slots(self) -> usize {
        self.words.len()
    }

    /// The first frame of the first section of which the tables do not say the same.
    pub(crate) fn wrong_section(self) -> Option<Frame> {
        // Wrapping: what is damaged may be anything.
        let frame = |section: u64| Frame::new(self.first_section.wrapping_add(section).wrapping_mul(SECTION));
        let (mut last, mut number) = (0, 0);
        for cell in self.present {
            let section = cell.load(Ordering::Relaxed);
            number += 1;
            // They rise, and none is there twice: the table has one number for each.
            if section < last || !self.is_entered(section, number) {
                return Some(frame(section));
            }
            last = section;
        }
        let entries = || self.table.iter().map(|entry| entry.load(Ordering::Relaxed));
        let more = entries().filter(|&entry| entry != 0).count() as u64 != number;
        let absent =
            |section: &u64| !self.present.iter().any(|cell| cell.load(Ordering::Relaxed) == *section);
        let entered = (0..).zip(entries()).filter(|&(_, entry)| entry != 0).map(|(section, _)| section);
        if more { entered.into_iter().find(absent).map(frame) } else { None }
    }

    /// Whether `section` is in the table with this number, and with its group.
    fn is_entered(self, section: u64, number: u64) -> bool {
        let Some(entry) = self.table.get(size(section)).map(|entry| entry.load(Ordering::Relaxed)) else {
            return false;
        };
        let group = self.groups.get(size(entry >> 32)).map(|group| group.load(Ordering::Relaxed));
        let right = (self.first_section + section) * SECTION / GROUP;
        entry & u64::from(u32::MAX) == number && group == Some(right)
    }

    /// Whether the area that starts at `first` is free as a whole.
    fn is_whole(self, first: Frame) -> bool {
        let Some(area) = self.area(first).map(size) else { return false };
        self.areas.get(area / 64).is_some_and(|bits| bits.load(Ordering::Relaxed) >> (area % 64) & 1 == 1)
    }

    /// Its words, and its own part of the index.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> (&'a [AtomicU32], [(&'static str, &'a [AtomicU64]); 6]) {
        let index = [
            ("free frames", self.frames),
            ("free areas", self.areas),
            ("census of areas", self.census),
            ("section table", self.table),
            ("present sections", self.present),
            ("groups", self.groups),
        ];
        (self.words, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        addr::{FRAME_SIZE, PhysAddr, PhysRange},
        map::Storage,
        regions::RegionSet,
    };
    use std::vec::Vec;

    /// The first of these sections from 1 GiB on.
    const FIRST: u64 = (1 << 30) / (SECTION * FRAME_SIZE);

    /// A map of RAM in these sections.
    fn with_map(sections: &[u64], work: impl FnOnce(FrameMap<'_>)) {
        let mut ram = RegionSet::<4>::new();
        for section in sections {
            let start = PhysAddr((FIRST + section) * SECTION * FRAME_SIZE);
            ram.add(PhysRange::from_size(start, FRAME_SIZE).unwrap()).unwrap();
        }
        let needs = crate::MapLayout::of(&ram).unwrap().needs();
        let mut words: Vec<_> = (0..needs.words).map(|_| AtomicU32::new(7)).collect();
        let mut index: Vec<_> = (0..needs.index).map(|_| AtomicU64::new(7)).collect();
        let storage = Storage { words: &mut words, index: &mut index };
        work(FrameMap::new(&ram, &ram, storage).unwrap().0);
    }

    fn start_of(section: u64) -> Frame {
        Frame::new((FIRST + section) * SECTION)
    }

    #[test]
    fn a_section_without_words_that_is_in_the_table_is_found() {
        with_map(&[0, 1, 4], |map| {
            assert_eq!(map.wrong_section(), None);
            map.table[3].store(map.table[1].load(Ordering::Relaxed), Ordering::Relaxed);
            assert_eq!(map.wrong_section(), Some(start_of(3)));
        });
    }

    #[test]
    fn sections_that_are_not_in_rising_order_are_found() {
        with_map(&[0, 2, 4], |map| {
            let [_, second, third] = map.present else { panic!("{map:?}") };
            for cells in [(second, third), (&map.table[2], &map.table[4])] {
                let one = cells.0.swap(cells.1.load(Ordering::Relaxed), Ordering::Relaxed);
                cells.1.store(one, Ordering::Relaxed);
            }
            assert_eq!(map.wrong_section(), Some(start_of(2)));
        });
    }
}
