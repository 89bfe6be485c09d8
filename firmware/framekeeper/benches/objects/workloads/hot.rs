//! S1: an object of 64 bytes is taken and given back at once, over and over.

use crate::{
    figure::Reading,
    memory::Memory,
    object::{Objects, Workload},
    peer::{Peer, take_turns},
    table::{Table, Unit},
    workloads::{give_all, litter, time_pairs},
};
use std::time::Duration;

const ROUNDS: usize = 31;
const PAIRS: usize = 50_000;
const SIZE: u32 = 64;
const BUDGET: Duration = Duration::from_millis(250);

struct Pairs;

impl Workload for Pairs {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        let litter = litter(subject, SIZE);
        time_pairs(subject, SIZE, PAIRS / 10, BUDGET);
        let timed = time_pairs(subject, SIZE, PAIRS, BUDGET);
        give_all(subject, litter);
        vec![timed.reading]
    }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let samples = take_turns(memory, Peer::ALL, ROUNDS, &Pairs);
    let columns = [("pair", Unit::NANOSECONDS)];
    Table::of("S1", "64 bytes taken and given back, hot, with 512 out", &columns, &samples)
}
