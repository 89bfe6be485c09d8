//! The numbers of pools: each is had by one at a time, also where another core was faster.

use super::*;
use crate::{slabs::pool::Ids, word::PoolId};
use loom::thread;

/// Explores `model` with a number that is taken, and one that was given back.
fn explore_taking(name: &str, model: fn(&'static Ids, PoolId)) {
    let ids: &'static Ids = Box::leak(Box::new(Ids::new()));
    let runs = explore(move || {
        let [had, free] = [ids.take(), ids.take()].map(Option::unwrap);
        ids.give(free);
        model(ids, had);
    });
    println!("{name}: {runs} interleavings");
}

#[test]
fn two_who_take_a_number_at_once_have_different_ones() {
    explore_taking("two take a number", |ids, had| {
        let threads = [0, 1].map(|_| thread::spawn(|| ids.take().unwrap()));
        let [one, other] = threads.map(|thread| thread.join().unwrap());
        assert!(one != other && one != had && other != had, "{had:?}, {one:?}, {other:?}");
    });
}

/// What was given back is had by who comes first.
#[test]
fn a_number_is_taken_while_another_is_given_back() {
    explore_taking("one takes a number, one gives one back", |ids, had| {
        let taker = thread::spawn(|| ids.take().unwrap());
        let giver = thread::spawn(move || ids.give(had));
        let taken = taker.join().unwrap();
        giver.join().unwrap();
        let next = ids.take().unwrap();
        let numbers = [taken, next].map(PoolId::number);
        let first = had.number();
        assert!(numbers == [first, first + 1] || numbers == [first + 1, first], "{first}, then {numbers:?}");
    });
}
