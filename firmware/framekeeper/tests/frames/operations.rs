//! Traces of operations by the million, as a fuzzer would run them, against the model.
//!
//! `OPERATIONS_TIMES=100 cargo test -p framekeeper --test frames operations -- --nocapture` is the long run. A trace that
//! fails is printed with as few steps as it needs, as text that goes into [`KNOWN`].

use crate::{
    ground::{Dice, Memory, scaled},
    setting,
    trace::{Op, Op::*, decode},
};
use std::time::Instant;

/// Traces run if the environment says nothing else.
const TRACES: u64 = scaled(1_000_000, 4);

/// Traces after which a map is made anew, if none of them added memory.
const ROUND: u64 = scaled(1_000, 2);

/// Traces that are worth to be run each time: those that once failed, and those that are rarely met by chance.
const KNOWN: [&[Op]; 6] = [
    // All of it in one piece, twice; and once more, in vain.
    &[Take(10), Take(10), Take(10), Take(0), Give(0), Give(0)],
    // In another core's cache, and fetched from there.
    &[By(1), Take(0), Give(0), By(0), TakeMany(0, 2048), Take(0)],
    // In a cache, and nobody there to fetch it.
    &[Take(0), Give(0), By(2), TakeMany(0, 2048), Take(0), By(0), Take(0)],
    // Across 4 GiB, and again.
    &[Add(1000, 100), Add(1000, 100), Add(999, 2), TakeAt(1024, 5), TakeBelow(5, 1024), GiveAt(1024)],
    // An exact number, its parts, and a second time.
    &[TakeFrames(700), GiveAt(1), GiveInside(0, 1), Give(0), GiveAt(0), GiveAt(1024)],
    // By address out of the cache.
    &[TakeAt(8, 3), Give(0), TakeAt(8, 3), TakeAt(8, 0), TakeAt(9, 1)],
];

/// As many bytes as make about 30 operations, of this number.
fn bytes(number: u64) -> Vec<u8> {
    let mut dice = Dice::new(number);
    let length = 8 + dice.below(96);
    (0..length).map(|_| dice.next() as u8).collect()
}

#[test]
fn traces_by_the_million_do_what_the_model_does() {
    let times = std::env::var("OPERATIONS_TIMES").map_or(1, |times| times.parse::<u64>().unwrap());
    let (start, mut operations, mut number) = (Instant::now(), 0, 0);
    while number < times * TRACES {
        for setting in setting::all() {
            let mut memory = Memory::of(&setting.layout().ram());
            let traces: Vec<_> = (number..number + ROUND).map(|number| decode(&bytes(number))).collect();
            let mut left = traces.iter().map(|trace| &**trace);
            while left.len() > 0 {
                if let Err((trace, said)) = setting.run(&mut memory, &mut left) {
                    panic!("{}", setting.explain(trace, &said));
                }
            }
            operations += traces.iter().map(Vec::len).sum::<usize>();
            number += ROUND;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{number} traces, {operations} operations, {:.0} a second", operations as f64 / seconds);
}

#[test]
fn known_traces_do_what_the_model_does() {
    for setting in setting::all() {
        // Under Miri without those that take up all memory.
        for trace in KNOWN.iter().step_by(scaled(1, 3)) {
            if let Some(said) = setting.disagreement(trace) {
                panic!("{}", setting.explain(trace, &said));
            }
        }
    }
}
