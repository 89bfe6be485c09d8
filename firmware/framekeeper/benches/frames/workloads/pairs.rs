//! F1: a frame is taken and given back at once, over and over. On littered memory, and on memory that was never used,
//! where a plain buddy splits the largest block and joins it again.

use crate::{
    memory::Memory,
    peer::{Peer, take_turns},
    subject::{Made, Subject, Workload},
    table::{Table, Unit},
    workloads::{litter, repeat_pair},
};
use std::time::Instant;

const ROUNDS: usize = 31;
const PAIRS: usize = 50_000;

struct Pairs;

impl Workload for Pairs {
    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let pristine = time(made.subject);
        litter(made.subject);
        vec![time(made.subject), pristine]
    }
}

fn time<S: Subject>(subject: &S) -> f64 {
    repeat_pair(subject, PAIRS / 100);
    let began = Instant::now();
    repeat_pair(subject, PAIRS);
    began.elapsed().as_nanos() as f64 / PAIRS as f64
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let columns = [("pair", Unit::NANOSECONDS), ("pair, pristine", Unit::NANOSECONDS)];
    let samples = take_turns(memory, Peer::FOR_FRAMES, ROUNDS, &Pairs);
    Table::of("F1", "one frame taken and given back, hot", &columns, &samples)
}
