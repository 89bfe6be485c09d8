//! A level against a set of units that are free, one by one.

use super::*;
use proptest::prelude::*;
use std::{vec, vec::Vec};

const NODES: usize = 3;

/// Sequences, and steps of each at most; less under Miri, which is thousands of times slower.
const CASES: u32 = if cfg!(miri) { 2 } else { 64 };
const STEPS: usize = if cfg!(miri) { 8 } else { 200 };

struct Memory {
    bits: Vec<AtomicU64>,
    census: Vec<AtomicU64>,
    classes: Vec<AtomicU64>,
}

impl Memory {
    fn new() -> Self {
        let zeros = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        let classes = Directory::words(ORDERS as usize, NODES);
        Self { bits: zeros(NODES * WORDS), census: zeros(NODES), classes: zeros(classes) }
    }

    fn level(&self) -> Level<'_> {
        Level::new(&self.bits, &self.census, Directory::new(&self.classes, NODES))
    }
}

/// Whether each unit is free.
struct Model(Vec<bool>);

impl Model {
    fn is_free(&self, unit: usize, order: u32) -> bool {
        self.0[unit..unit + (1 << order)].iter().all(|&free| free)
    }

    fn set(&mut self, unit: usize, order: u32, free: bool) {
        for place in &mut self.0[unit..unit + (1 << order)] {
            assert_ne!(*place, free, "unit {unit}, order {order}");
            *place = free;
        }
    }

    /// The order of the largest aligned free block around a free unit.
    fn largest_around(&self, unit: usize) -> u32 {
        (0..ORDERS).rev().find(|&order| self.is_free(unit >> order << order, order)).unwrap()
    }

    /// Of the blocks that fit best in the node that fits best, the lowest.
    fn best(&self, order: u32) -> Option<usize> {
        let blocks = |node: usize| {
            let units = (node * UNITS..(node + 1) * UNITS).filter(|&unit| self.0[unit]);
            units.map(|unit| (self.largest_around(unit), unit))
        };
        let largest =
            |node: usize| blocks(node).map(|(largest, _)| largest).max().filter(|&largest| largest >= order);
        let node = (0..NODES).filter_map(|node| Some((largest(node)?, node))).min()?.1;
        blocks(node).filter(|&(largest, _)| largest >= order).min().map(|(_, unit)| unit)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(u32),
    TakeMany(u32, u32),
    TakeLowest(u32, usize),
    TakeAt(usize, u32),
    Give(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..ORDERS).prop_map(Step::Take),
        2 => (0..4_u32, 1..=16_u32).prop_map(|(order, wanted)| Step::TakeMany(order, wanted)),
        2 => (0..ORDERS, 0..NODES * UNITS).prop_map(|(order, end)| Step::TakeLowest(order, end)),
        2 => (0..NODES * UNITS, 0..ORDERS).prop_map(|(unit, order)| Step::TakeAt(unit >> order << order, order)),
        8 => (0..1000_usize).prop_map(Step::Give),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_level_does_what_units_one_by_one_do(steps in prop::collection::vec(step(), 0..STEPS)) {
        let memory = Memory::new();
        let (mut level, mut model) = (memory.level(), Model(vec![false; NODES * UNITS]));
        let mut held: Vec<(usize, u32)> = (0..NODES).map(|node| (node * UNITS, WHOLE)).collect();
        for step in steps {
            match step {
                Step::Take(order) => {
                    let taken = level.take(order, 1);
                    prop_assert_eq!(taken.map(|taken| taken.unit), model.best(order));
                    if let Some(Taken { unit, order: taken_order, from, starts: 1 }) = taken {
                        prop_assert_eq!((taken_order, from), (order, model.largest_around(unit)));
                        model.set(unit, order, false);
                        held.push((unit, order));
                    }
                }
                Step::TakeMany(order, wanted) => {
                    let Some(taken) = level.take(order, wanted) else {
                        prop_assert_eq!(model.best(order), None);
                        continue;
                    };
                    prop_assert!(taken.starts.count_ones() << (taken.order - order) <= wanted);
                    // One after the other, each of them is the best.
                    for start in (0..64).filter(|start| taken.starts >> start & 1 == 1) {
                        let unit = taken.unit + start;
                        prop_assert_eq!(Some(unit), model.best(order));
                        prop_assert_eq!(taken.from, model.largest_around(unit));
                        prop_assert!(taken.order == taken.from || taken.starts == 1);
                        model.set(unit, taken.order, false);
                        held.push((unit, taken.order));
                    }
                }
                Step::TakeLowest(order, end) => {
                    let fits = |unit: usize| unit + (1 << order) <= end;
                    let expected = (0..NODES * UNITS).step_by(1 << order).find(|&unit| model.is_free(unit, order));
                    let taken = level.take_lowest(order, fits);
                    prop_assert_eq!(taken.map(|taken| taken.unit), expected.filter(|&unit| fits(unit)));
                    if let Some(Taken { unit, .. }) = taken {
                        model.set(unit, order, false);
                        held.push((unit, order));
                    }
                }
                Step::TakeAt(unit, order) => {
                    let expected = model.is_free(unit, order).then(|| Taken { unit, starts: 1, order, from: model.largest_around(unit) });
                    prop_assert_eq!(level.take_at(unit, order), expected);
                    if expected.is_some() {
                        model.set(unit, order, false);
                        held.push((unit, order));
                    }
                }
                Step::Give(which) if !held.is_empty() => {
                    let (unit, order) = held.swap_remove(which % held.len());
                    model.set(unit, order, true);
                    prop_assert_eq!(level.give(unit, order), model.largest_around(unit));
                }
                Step::Give(_) => {}
            }
            for node in 0..NODES {
                prop_assert!(level.is_consistent(node));
            }
            prop_assert!(level.is_summed_up());
            let largest = (0..NODES * UNITS).filter(|&unit| model.0[unit]).map(|unit| model.largest_around(unit)).max();
            prop_assert_eq!(level.largest(), largest);
        }
        for unit in 0..NODES * UNITS {
            let seen = free_block(&memory.bits, unit);
            let order = model.0[unit].then(|| model.largest_around(unit));
            prop_assert_eq!(seen, order.map(|order| ((unit % UNITS) >> order << order, order)));
        }
    }
}

#[test]
fn several_blocks_are_taken_at_once_if_none_need_be_split_for_it() {
    let memory = Memory::new();
    let mut level = memory.level();
    level.give(64, 3);
    level.give(512, 5);
    assert_eq!(level.take(0, 16), Some(Taken { unit: 64, starts: 1, order: 3, from: 3 }));
    assert_eq!(level.take(0, 31), Some(Taken { unit: 512, starts: 1, order: 4, from: 5 }));
    assert_eq!(level.take(5, 9), None);
    assert_eq!([80, 84, 88].map(|unit| level.give(unit, 1)), [1; 3]);
    assert_eq!(level.take(0, 5), Some(Taken { unit: 80, starts: 0b1_0001, order: 1, from: 1 }));
    assert_eq!(level.take(0, 5), Some(Taken { unit: 88, starts: 1, order: 1, from: 1 }));
}

#[test]
fn a_node_comes_and_goes_as_a_whole() {
    let memory = Memory::new();
    let mut level = memory.level();
    for (order, wanted) in (0..WHOLE).zip([1, 2, 3, 4, 8, 16, 32, 64, 9]) {
        let taken = level.take_first(1, order, wanted).unwrap();
        assert_eq!(taken.order, (order + wanted.ilog2()).min(WHOLE - 1));
        assert_eq!((taken.unit, taken.starts, taken.from), (UNITS, 1, WHOLE));
        assert!(level.is_consistent(1) && level.is_summed_up());
        assert_eq!(
            (level.largest(), level.take(WHOLE - 1, 1).unwrap().unit),
            (Some(WHOLE - 1), UNITS + UNITS / 2)
        );
        assert_eq!(level.give_part(UNITS + UNITS / 2, WHOLE - 1), WHOLE - 1);
        assert_eq!(level.give_part(UNITS, taken.order), WHOLE);
        assert_eq!(level.largest(), None);
        assert!(level.is_consistent(1) && level.is_summed_up());
    }
    level.fill(1);
    assert_eq!((level.largest(), level.blocks(1, WHOLE)), (Some(WHOLE), 1));
}

#[test]
fn free_units_that_nobody_counted_are_seen_in_each_word_and_in_all() {
    let memory = Memory::new();
    let level = memory.level();
    let bits = &memory.bits[WORDS..2 * WORDS];
    for which in (0..WORDS).map(|word| word..word + 1).chain(core::iter::once(0..WORDS)) {
        bits[which.clone()].iter().for_each(|word| word.store(1, Relaxed));
        assert!(level.is_consistent(0) && !level.is_consistent(1) && level.is_consistent(2), "{which:?}");
        bits.iter().for_each(|word| word.store(0, Relaxed));
    }
    assert!(level.is_consistent(1));
}

#[test]
fn a_few_times_as_much_as_was_asked_for_is_taken_at_each_order() {
    let memory = Memory::new();
    let mut level = memory.level();
    for order in 0..4 {
        let joined = [64, 96, 112].map(|unit| level.give(unit, order));
        assert_eq!(joined, [order; 3]);
        let two = Taken { unit: 64, starts: 1 << 32 | 1, order, from: order };
        assert_eq!(level.take(order, 2), Some(two));
        assert_eq!(level.take(order, 2), Some(Taken { unit: 112, starts: 1, ..two }));
    }
}

#[test]
fn counts_of_what_no_bit_shows_are_seen() {
    let memory = Memory::new();
    let level = memory.level();
    for order in 0..ORDERS {
        memory.census[1].store(Census::default().join(order, order).bits(), Relaxed);
        assert!(level.is_consistent(0) && !level.is_consistent(1) && level.is_consistent(2), "{order}");
    }
}
