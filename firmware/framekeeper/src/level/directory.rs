//! Which nodes have a largest free block of which order: a set of nodes for each class.
//!
//! Each set is a tree of bitmaps, 64 wide and three high: a bit for each node, one for each word of those, one for each
//! word of these. So the lowest node of a class is found in three looks, whatever is free, and up to 262,144 nodes.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// The sets. A single writer: whoever holds the zone.
#[derive(Debug)]
pub(crate) struct Directory<'a> {
    words: &'a [AtomicU64],
    /// Words of bits, and of their summaries.
    heights: [usize; 2],
    /// Bit n: class n has a node.
    nonempty: u32,
}

/// Words for the bits of so many nodes, and for their summary.
const fn heights(nodes: usize) -> [usize; 2] {
    [nodes.div_ceil(64), nodes.div_ceil(64 * 64)]
}

/// Words for a class: the top is one.
const fn stride([bits, summary]: [usize; 2]) -> usize {
    bits + summary + 1
}

impl<'a> Directory<'a> {
    /// The most nodes that three levels of 64 reach.
    pub(crate) const MOST_NODES: usize = 64 * 64 * 64;

    /// Words of memory for so many classes of so many nodes.
    pub(crate) const fn words(classes: usize, nodes: usize) -> usize {
        classes * stride(heights(nodes))
    }

    /// Empty sets over `words`, which are zero.
    pub(crate) const fn new(words: &'a [AtomicU64], nodes: usize) -> Self {
        Self { words, heights: heights(nodes), nonempty: 0 }
    }

    /// Moves `node` from one class to another; `None` is no class.
    #[inline(never)]
    pub(crate) fn reclass(&mut self, node: usize, from: Option<u32>, to: Option<u32>) {
        from.into_iter().for_each(|class| self.remove(class, node));
        to.into_iter().for_each(|class| self.insert(class, node));
    }

    /// The smallest class that has a node, from `class` up.
    #[inline]
    pub(crate) fn smallest_from(&self, class: u32) -> Option<u32> {
        let classes = self.nonempty & u32::MAX.wrapping_shl(class);
        (classes != 0).then(|| classes.trailing_zeros())
    }

    /// The lowest node of `class`.
    #[inline]
    pub(crate) fn lowest(&self, class: u32) -> Option<usize> {
        let mut index = 0;
        for level in (0..3).rev() {
            let word = self.cell(class, level, index)?.load(Relaxed);
            index = index * 64 + word.trailing_zeros() as usize;
            if word == 0 {
                return None;
            }
        }
        Some(index)
    }

    /// The highest class that has a node.
    pub(crate) fn largest(&self) -> Option<u32> {
        31_u32.checked_sub(self.nonempty.leading_zeros())
    }

    /// The classes that have a node, as bits.
    pub(crate) const fn nonempty(&self) -> u32 {
        self.nonempty
    }

    /// Whether `node` is in `class`, and the summaries above it say so.
    pub(crate) fn contains(&self, class: u32, node: usize) -> bool {
        self.bit(class, 0, node)
    }

    /// Whether each summary bit of `class` says whether its word has a bit, and no bit stands for nothing.
    pub(crate) fn is_summed_up(&self, class: u32) -> bool {
        let [bits, summary] = self.heights;
        let word = |level, index| self.cell(class, level, index).map_or(0, |cell| cell.load(Relaxed));
        let sums = |level, words| {
            let beyond = if words % 64 == 0 { 0 } else { word(level + 1, words / 64) >> (words % 64) };
            let is_summed_up = |index| self.bit(class, level + 1, index) == (word(level, index) != 0);
            beyond == 0 && (0..words).all(is_summed_up)
        };
        sums(0, bits) && sums(1, summary) && (self.nonempty >> class & 1 == 1) == (word(2, 0) != 0)
    }

    /// How many nodes there are of `class`.
    pub(crate) fn count(&self, class: u32) -> usize {
        let [bits, _] = self.heights;
        let word = |index| self.cell(class, 0, index).map_or(0, |cell| cell.load(Relaxed));
        (0..bits).map(|index| word(index).count_ones() as usize).sum()
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> &'a [AtomicU64] {
        self.words
    }

    #[cfg(test)]
    pub(crate) fn nonempty_mut(&mut self) -> &mut u32 {
        &mut self.nonempty
    }

    fn insert(&mut self, class: u32, node: usize) {
        let mut index = node;
        for level in 0..3 {
            let Some(cell) = self.cell(class, level, index / 64) else { return };
            let word = cell.load(Relaxed);
            cell.store(word | 1 << (index % 64), Relaxed);
            if word != 0 {
                return;
            }
            index /= 64;
        }
        self.nonempty |= 1 << class;
    }

    fn remove(&mut self, class: u32, node: usize) {
        let mut index = node;
        for level in 0..3 {
            let Some(cell) = self.cell(class, level, index / 64) else { return };
            let word = cell.load(Relaxed) & !(1 << (index % 64));
            cell.store(word, Relaxed);
            if word != 0 {
                return;
            }
            index /= 64;
        }
        self.nonempty &= !(1 << class);
    }

    fn bit(&self, class: u32, level: usize, index: usize) -> bool {
        self.cell(class, level, index / 64).is_some_and(|cell| cell.load(Relaxed) >> (index % 64) & 1 == 1)
    }

    fn cell(&self, class: u32, level: usize, index: usize) -> Option<&'a AtomicU64> {
        let [bits, summary] = self.heights;
        let start = match level {
            0 => 0,
            1 => bits,
            _ => bits + summary,
        };
        self.words.get(class as usize * stride(self.heights) + start + index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::BTreeSet, vec, vec::Vec};

    const CLASSES: u32 = 3;

    /// Less under Miri, which is thousands of times slower.
    const CASES: u32 = if cfg!(miri) { 4 } else { 64 };

    fn memory(nodes: usize) -> Vec<AtomicU64> {
        (0..Directory::words(CLASSES as usize, nodes)).map(|_| AtomicU64::new(0)).collect()
    }

    /// Few and many nodes: summaries that end within a word and at the end of one, at each height.
    fn nodes() -> impl Strategy<Value = usize> {
        let most = if cfg!(miri) { 4097 } else { Directory::MOST_NODES };
        prop::sample::select(vec![1, 63, 64, 65, 4095, 4096, 4097, most])
    }

    /// Moves of nodes into classes; the last is none.
    fn moves() -> impl Strategy<Value = Vec<(usize, u32)>> {
        let node = prop_oneof![any::<usize>(), 0..3_usize, Just(usize::MAX)];
        prop::collection::vec((node, 0..=CLASSES), 0..60)
    }

    fn do_moves(directory: &mut Directory<'_>, moves: &[(usize, u32)], nodes: usize) -> Vec<BTreeSet<usize>> {
        let mut sets = Vec::from([const { BTreeSet::new() }; CLASSES as usize]);
        for &(node, to) in moves {
            // From either end, so that the last node is met too.
            let node =
                if node > usize::MAX / 2 { nodes - 1 - (usize::MAX - node) % nodes } else { node % nodes };
            let from = (0..CLASSES).find(|&class| sets[class as usize].remove(&node));
            let to = Some(to).filter(|&to| to < CLASSES);
            to.into_iter().for_each(|to| assert!(sets[to as usize].insert(node)));
            directory.reclass(node, from, to);
        }
        sets
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(CASES))]

        #[test]
        fn classes_are_sets(nodes in nodes(), moves in moves()) {
            let memory = memory(nodes);
            let mut directory = Directory::new(&memory, nodes);
            let sets = do_moves(&mut directory, &moves, nodes);
            let nonempty = |class: &u32| !sets[*class as usize].is_empty();
            for class in 0..CLASSES {
                let set = &sets[class as usize];
                prop_assert_eq!(directory.lowest(class), set.first().copied());
                prop_assert_eq!(directory.count(class), set.len());
                prop_assert!(directory.is_summed_up(class));
                prop_assert_eq!(directory.smallest_from(class), (class..CLASSES).find(nonempty));
                for node in [0, nodes / 2, nodes - 1].iter().chain(set) {
                    prop_assert_eq!(directory.contains(class, *node), set.contains(node));
                }
            }
            prop_assert_eq!(directory.largest(), (0..CLASSES).rev().find(nonempty));
        }

        #[test]
        fn a_flipped_bit_of_a_summary_is_seen(nodes in nodes(), moves in moves(), class in 0..CLASSES, word: usize, bit in 0..64) {
            let memory = memory(nodes);
            let mut directory = Directory::new(&memory, nodes);
            do_moves(&mut directory, &moves, nodes);
            let [bits, summary] = heights(nodes);
            for word in [word % (summary + 1), summary - 1, summary] {
                let cell = &memory[class as usize * stride([bits, summary]) + bits + word];
                cell.store(cell.load(Relaxed) ^ 1_u64 << bit, Relaxed);
                prop_assert!(!directory.is_summed_up(class), "word {} bit {}", word, bit);
                cell.store(cell.load(Relaxed) ^ 1_u64 << bit, Relaxed);
            }
        }
    }
}
