//! Sets of physical addresses, kept as a few ranges.
//!
//! A [`RegionSet`] holds disjoint ranges in rising order with a gap between any two, so equal sets look equal. Its
//! capacity is fixed: it works before there is any allocator. What does not fit is an error, and nothing is dropped.

use crate::{
    addr::{FRAME_SIZE, PhysAddr, PhysRange},
    planted::{Bug, planted},
};
use core::fmt;

/// A set needs more ranges than it has room for. The set is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRanges {
    /// The range that was being added or removed.
    pub range: PhysRange,
    /// How many ranges the set can hold.
    pub capacity: usize,
}

impl fmt::Display for TooManyRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no room for {}: the set holds at most {} ranges", self.range, self.capacity)
    }
}

impl core::error::Error for TooManyRanges {}

/// A set of physical addresses in at most `N` ranges.
#[derive(Clone, Copy)]
pub struct RegionSet<const N: usize> {
    ranges: [PhysRange; N],
    length: usize,
}

impl<const N: usize> Default for RegionSet<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> PartialEq for RegionSet<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<const N: usize> Eq for RegionSet<N> {}

impl<const N: usize> fmt::Debug for RegionSet<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<const N: usize> RegionSet<N> {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        const EMPTY: PhysRange = PhysRange::new(PhysAddr(0), PhysAddr(0));
        Self { ranges: [EMPTY; N], length: 0 }
    }

    /// The ranges, in rising order.
    pub fn iter(&self) -> impl Iterator<Item = PhysRange> + '_ {
        self.as_slice().iter().copied()
    }

    /// How many bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.iter().map(PhysRange::size).sum()
    }

    /// Whether `address` is in the set.
    #[must_use]
    pub fn contains(&self, address: PhysAddr) -> bool {
        self.iter().any(|range| range.contains(address))
    }

    /// Adds every address of `range`; those already there stay.
    ///
    /// # Errors
    ///
    /// The set would need more than `N` ranges.
    pub fn add(&mut self, range: PhysRange) -> Result<(), TooManyRanges> {
        if range.is_empty() {
            return Ok(());
        }
        // What it touches, neighbours included, becomes one range together with it.
        let gap = if planted(Bug::MergedAcrossHole) { FRAME_SIZE } else { 0 };
        let is_below = |low: PhysAddr, high: PhysAddr| {
            low.0.saturating_add(gap) < high.0 || planted(Bug::NeighboursNotMerged) && low == high
        };
        let first = self.iter().take_while(|held| is_below(held.end(), range.start())).count();
        let touched = self.iter().skip(first).take_while(|held| !is_below(range.end(), held.start()));
        let (mut start, mut end, mut count) = (range.start(), range.end(), 0);
        for held in touched {
            start = start.min(held.start());
            end = end.max(held.end());
            count += 1;
        }
        self.replace(first, count, &[PhysRange::new(start, end)], range)
    }

    /// Removes every address of `range`; those not there do not matter.
    ///
    /// # Errors
    ///
    /// The set would need more than `N` ranges.
    pub fn subtract(&mut self, range: PhysRange) -> Result<(), TooManyRanges> {
        let first = self.iter().take_while(|held| held.end() <= range.start()).count();
        let count = self.iter().skip(first).take_while(|held| held.overlaps(range)).count();
        let touched = self.as_slice().get(first..first + count).unwrap_or_default();
        let (Some(lowest), Some(highest)) = (touched.first(), touched.last()) else {
            return Ok(());
        };
        let left = PhysRange::new(lowest.start(), range.start());
        let right = PhysRange::new(range.end(), highest.end());
        match (left.is_empty(), right.is_empty()) {
            (true, true) => self.replace(first, count, &[], range),
            (true, false) => self.replace(first, count, &[right], range),
            (false, true) => self.replace(first, count, &[left], range),
            (false, false) => self.replace(first, count, &[left, right], range),
        }
    }

    /// Removes `size` bytes at a multiple of `alignment`, a power of two, and hands them out: the lowest that fit.
    ///
    /// # Errors
    ///
    /// Removing them would split a range and the set has no room for one more. `Ok(None)` if none fit.
    pub fn take(&mut self, size: u64, alignment: u64) -> Result<Option<PhysRange>, TooManyRanges> {
        let fit = self.iter().find_map(|held| {
            let start = held.start().align_up(alignment)?;
            PhysRange::from_size(start, size).filter(|fit| fit.end() <= held.end())
        });
        fit.map(|fit| self.subtract(fit).map(|()| fit)).transpose()
    }

    fn as_slice(&self) -> &[PhysRange] {
        self.ranges.get(..self.length).unwrap_or_default()
    }

    /// Puts `new` in the place of `count` ranges from `first`. `cause` is named if there is no room.
    fn replace(
        &mut self,
        first: usize,
        count: usize,
        new: &[PhysRange],
        cause: PhysRange,
    ) -> Result<(), TooManyRanges> {
        let behind = first + count..self.length;
        let length = first + new.len() + behind.len();
        if length > N {
            return Err(TooManyRanges { range: cause, capacity: N });
        }
        self.ranges.copy_within(behind, first + new.len());
        if let Some(place) = self.ranges.get_mut(first..first + new.len()) {
            place.copy_from_slice(new);
        }
        self.length = length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{string::ToString, vec::Vec};

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(PhysAddr(start), PhysAddr(end))
    }

    fn set<const N: usize>(ranges: &[(u64, u64)]) -> RegionSet<N> {
        let mut set = RegionSet::new();
        for &(start, end) in ranges {
            set.add(range(start, end)).unwrap();
        }
        set
    }

    #[derive(Clone, Debug)]
    enum Change {
        Add(u64, u64),
        Subtract(u64, u64),
        Take(u64, u64),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (0..64u64, 0..64u64).prop_map(|(a, b)| Change::Add(a, b)),
            (0..64u64, 0..64u64).prop_map(|(a, b)| Change::Subtract(a, b)),
            (1..16u64, 0..4u32).prop_map(|(size, shift)| Change::Take(size, 1 << shift)),
        ]
    }

    proptest! {
        /// Against 64 booleans: the same members after every change, ranges disjoint, sorted and never adjacent.
        #[test]
        fn it_is_a_set(changes in prop::collection::vec(change(), 0..40)) {
            let mut regions = RegionSet::<64>::new();
            let mut model = [false; 64];
            for change in changes {
                match change {
                    Change::Add(a, b) => {
                        regions.add(range(a, b)).unwrap();
                        (a..b).for_each(|n| model[n as usize] = true);
                    }
                    Change::Subtract(a, b) => {
                        regions.subtract(range(a, b)).unwrap();
                        (a..b).for_each(|n| model[n as usize] = false);
                    }
                    Change::Take(size, alignment) => {
                        let expected = (0..64 - size + 1).find(|&start| {
                            start % alignment == 0 && (start..start + size).all(|n| model[n as usize])
                        });
                        let taken = regions.take(size, alignment).unwrap();
                        prop_assert_eq!(taken, expected.map(|start| range(start, start + size)));
                        taken.iter().for_each(|t| (t.start().0..t.end().0).for_each(|n| model[n as usize] = false));
                    }
                }
                for n in 0..64 {
                    prop_assert_eq!(regions.contains(PhysAddr(n)), model[n as usize]);
                }
                let ranges: Vec<_> = regions.iter().collect();
                prop_assert!(ranges.iter().all(|held| !held.is_empty()));
                prop_assert!(ranges.windows(2).all(|pair| pair[0].end() < pair[1].start()));
                prop_assert_eq!(regions.size(), model.iter().filter(|&&member| member).count() as u64);
            }
        }
    }

    #[test]
    fn adjacent_banks_become_one_range() {
        let banks = set::<4>(&[(0x9_0000_0000, 0x9_8000_0000), (0x8_8000_0000, 0x9_0000_0000)]);
        assert_eq!(banks, set(&[(0x8_8000_0000, 0x9_8000_0000)]));
    }

    #[test]
    fn too_many_ranges_is_an_error_that_changes_nothing() {
        let mut full = set::<2>(&[(0, 10), (20, 30)]);
        let before = full;
        assert_eq!(full.add(range(40, 50)), Err(TooManyRanges { range: range(40, 50), capacity: 2 }));
        assert_eq!(full.subtract(range(3, 5)), Err(TooManyRanges { range: range(3, 5), capacity: 2 }));
        assert_eq!(full.take(2, 4).unwrap(), Some(range(0, 2)), "the edge of a range needs no room");
        full.add(range(0, 2)).unwrap();
        assert_eq!(full, before);
        let error = full.add(range(40, 50)).unwrap_err();
        assert_eq!(error.to_string(), "no room for 0x28..0x32: the set holds at most 2 ranges");
        full.add(range(5, 25)).unwrap();
        assert_eq!(full, set(&[(0, 30)]));
    }
}
