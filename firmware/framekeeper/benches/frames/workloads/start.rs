//! F6: bringing up 8 GiB in memory that was touched before, and what the allocator needs for itself.

use crate::{
    memory::{LARGEST, Memory},
    peer::{Peer, take_turns},
    subject::{Made, Subject, Workload},
    table::{Column, Table, Unit},
};

const ROUNDS: usize = 15;
const COLUMNS: &[Column] = &[("bring-up", Unit::MICROSECONDS), ("metadata", Unit::BYTES_PER_FRAME)];

struct BringUp;

impl Workload for BringUp {
    fn size(&self) -> u64 {
        LARGEST
    }

    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let microseconds = made.bring_up.as_nanos() as f64 / 1000.0;
        vec![microseconds, made.metadata as f64 / made.frames() as f64]
    }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let samples = take_turns(memory, Peer::ALLOCATORS, ROUNDS, &BringUp);
    Table::of("F6", "bringing up 8 GiB, and metadata right after it", COLUMNS, &samples)
}
