//! S4: a pair for each size, one size after the other, while 512 objects of each stay out.

use crate::{
    figure::Reading,
    memory::Memory,
    object::{Objects, Workload},
    peer::{Peer, take_turns},
    table::{Column, Table, Unit},
    workloads::{give_all, litter, time_pairs},
};
use std::time::Duration;

const ROUNDS: usize = 21;
const PAIRS: usize = 10_000;
/// For each size.
const BUDGET: Duration = Duration::from_millis(30);

const SIZES: [(u32, &str); 13] = [
    (8, "8"),
    (16, "16"),
    (32, "32"),
    (64, "64"),
    (96, "96"),
    (128, "128"),
    (192, "192"),
    (256, "256"),
    (512, "512"),
    (1024, "1024"),
    (2048, "2048"),
    (4096, "4096"),
    (8192, "8192"),
];

/// Up to a page, which is where slabs end.
pub(crate) const UP_TO_A_PAGE: [&str; 12] = {
    let mut names = [""; 12];
    let mut which = 0;
    while which < names.len() {
        names[which] = SIZES[which].1;
        which += 1;
    }
    names
};

struct Sizes;

impl Workload for Sizes {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        let mut out = Vec::new();
        let mut measure = |(size, _)| {
            out.extend(litter(subject, size));
            time_pairs(subject, size, PAIRS / 10, BUDGET);
            time_pairs(subject, size, PAIRS, BUDGET).reading
        };
        let readings = SIZES.into_iter().map(&mut measure).collect();
        give_all(subject, out);
        readings
    }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let columns: Vec<Column> = SIZES.iter().map(|&(_, name)| (name, Unit::NANOSECONDS)).collect();
    let samples = take_turns(memory, Peer::ALL, ROUNDS, &Sizes);
    Table::of("S4", "a pair of each size, while 512 of each are out", &columns, &samples)
}
