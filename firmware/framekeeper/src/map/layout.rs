//! How large a map has to be, and where it can go.

use core::fmt;

use super::{SECTION, ZONES, ZoneKind};
use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    level::{Directory, ORDERS, UNITS, WORDS},
    regions::RegionSet,
    word::Slot,
};

/// The most frames a map can hold: a slot has 26 bits, and one value means "none".
const MOST_SLOTS: u64 = Slot::LIMIT as u64;

const _: () = assert!(MOST_SLOTS / (UNITS as u64) < Directory::MOST_NODES as u64);

/// The end of the addresses that a cached block's entry has room for.
const END: u64 = 1 << 50;

/// Sections in a group, the largest block.
const GROUP: u64 = (UNITS * UNITS) as u64 / SECTION;

/// Areas in a section.
const AREAS: u64 = SECTION / UNITS as u64;

/// How large a map has to be, before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapLayout {
    pub(super) first_section: u64,
    /// Entries of the section table: sections that have RAM and gaps between them.
    pub(super) span: u64,
    pub(super) zones: [ZoneLayout; ZONES],
}

/// What a zone needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ZoneLayout {
    pub(super) sections: u64,
    pub(super) groups: u64,
}

impl ZoneLayout {
    pub(super) const fn areas(self) -> u64 {
        self.sections * AREAS
    }
}

/// Why there can be no map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// There is no whole frame of RAM.
    NoRam,
    /// More sections than a map can hold: 2047, one less than 256 GiB have.
    TooMuchRam {
        /// Sections of 128 MiB that have RAM.
        sections: u64,
    },
    /// RAM at addresses of more than 50 bits.
    TooHigh {
        /// The end of RAM.
        end: PhysAddr,
    },
    /// The memory for the map is too small.
    TooSmall {
        /// What was given.
        given: Needs,
        /// What is needed.
        needed: Needs,
    },
    /// No free range is large enough for the map.
    NoPlace {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes of the largest free range.
        largest: u64,
    },
}

/// The memory for a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Words of 32 bits: one for each frame of each section that has RAM.
    pub words: usize,
    /// Words of 64 bits: what is free, and tables.
    pub index: usize,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRam => f.write_str("there is no whole frame of RAM"),
            Self::TooMuchRam { sections } => {
                let most = MOST_SLOTS / SECTION;
                write!(f, "{sections} sections of 128 MiB are more than the {most} a map holds")
            }
            Self::TooHigh { end } => write!(f, "RAM up to {end} lies above {END:#x}"),
            Self::TooSmall { given, needed } => write!(
                f,
                "the map needs {} and {} words and was given {} and {}",
                needed.words, needed.index, given.words, given.index
            ),
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
    /// There is no RAM, too much of it, or it lies too high.
    pub fn of<const N: usize>(ram: &RegionSet<N>) -> Result<Self, MapError> {
        let end = frames_of(ram).last().ok_or(MapError::NoRam)?.end();
        let first_section = sections(ram).next().ok_or(MapError::NoRam)?;
        let last_section = sections(ram).last().ok_or(MapError::NoRam)?;
        if end.0 > END {
            return Err(MapError::TooHigh { end });
        }
        let present = sections(ram).count() as u64;
        if present * SECTION > MOST_SLOTS {
            return Err(MapError::TooMuchRam { sections: present });
        }
        let zones = ZoneKind::ALL.map(|kind| ZoneLayout {
            sections: sections(ram).filter(|&section| kind.has(section)).count() as u64,
            groups: groups(ram).filter(|&group| kind.has(group * GROUP)).count() as u64,
        });
        Ok(Self { first_section, span: last_section - first_section + 1, zones })
    }

    /// What memory the map needs.
    #[must_use]
    pub fn needs(self) -> Needs {
        Needs { words: size(self.sections() * SECTION), index: size(self.index()) }
    }

    /// Bytes of memory that the map needs, if its index comes behind its words.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.sections() * SECTION * size_of::<u32>() as u64 + self.index() * size_of::<u64>() as u64
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

    pub(super) fn sections(self) -> u64 {
        self.zones.iter().map(|zone| zone.sections).sum()
    }

    pub(super) fn groups(self) -> u64 {
        self.zones.iter().map(|zone| zone.groups).sum()
    }

    fn index(self) -> u64 {
        let nodes = self.sections() * AREAS + self.groups();
        let tables = self.span + self.sections() + self.groups();
        let directories = self.zones.map(|zone| classes(zone.areas()) + classes(zone.groups));
        nodes * (WORDS as u64 + 1) + tables + directories.iter().sum::<u64>()
    }
}

/// Words for the classes of so many nodes.
pub(super) fn classes(nodes: u64) -> u64 {
    Directory::words(ORDERS as usize, size(nodes)) as u64
}

/// As a length of memory. What does not fit is too small anyway.
#[inline]
pub(super) fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The whole frames of RAM.
pub(super) fn frames_of<const N: usize>(ram: &RegionSet<N>) -> impl Iterator<Item = PhysRange> {
    ram.iter().map(PhysRange::round_inward).filter(|range| !range.is_empty())
}

/// The sections that have RAM, rising, each once.
pub(super) fn sections<const N: usize>(ram: &RegionSet<N>) -> impl Iterator<Item = u64> {
    let section = SECTION * FRAME_SIZE;
    let mut next = 0;
    frames_of(ram).flat_map(move |range| {
        // Two ranges may share a section.
        let start = next.max(range.start().0 / section);
        next = range.end().0.div_ceil(section);
        start..next
    })
}

/// The groups that have RAM, rising, each once.
pub(super) fn groups<const N: usize>(ram: &RegionSet<N>) -> impl Iterator<Item = u64> {
    let mut last = None;
    sections(ram).map(|section| section / GROUP).filter(move |&group| last.replace(group) != Some(group))
}
