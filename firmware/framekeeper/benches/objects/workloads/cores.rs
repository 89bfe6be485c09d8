//! S5: objects that one core takes and the other gives back, and what is held when all of them are back.
//!
//! The time is per object over those of all cores, from the first start to the last end; scaling is the throughput of
//! two cores over that of one. Turns are short, and there are many: on a machine that does other things as well, both
//! cores are seldom left alone for long. *held* is what was taken from
//! below and is still there when nothing is out; *shrunk*, after the allocator was asked to give back what it can.

use super::{exchange::Exchange, pipe::Pipe};
use crate::{
    figure::Reading,
    memory::Memory,
    object::{Objects, Workload},
    peer::{Peer, take_turns},
    stopwatch::NONE,
    table::{Column, Table, Unit},
};

const ROUNDS: usize = 41;

const COLUMNS: &[Column] = &[
    ("larson, 1", Unit::NANOSECONDS),
    ("larson, 2", Unit::NANOSECONDS),
    ("scaling", Unit::TIMES),
    ("larson held", Unit::KIBIBYTES),
    ("larson shrunk", Unit::KIBIBYTES),
    ("pipe", Unit::NANOSECONDS),
    ("pipe held", Unit::KIBIBYTES),
    ("pipe shrunk", Unit::KIBIBYTES),
];

struct Larson([Exchange; 2]);

impl Workload for Larson {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        let [one, two] = self.0.each_ref().map(|exchange| exchange.time(subject));
        let scaling = Reading { value: one.value / two.value, ..two };
        [one, two, scaling].into_iter().chain(held(subject)).collect()
    }
}

impl Workload for Pipe {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        [self.time(subject)].into_iter().chain(held(subject)).collect()
    }
}

/// As it is, and after shrinking.
fn held<S: Objects>(subject: &S) -> [Reading; 2] {
    let kibibytes = || subject.held().map_or(NONE, |bytes| (bytes as f64 / 1024.0).into());
    let held = kibibytes();
    subject.shrink();
    [held, kibibytes()]
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let title = "one core and two, per object taken and given back; what is held when all are back";
    let (larson, pipe) = COLUMNS.split_at(5);
    let exchanges = take_turns(memory, Peer::SHARED, ROUNDS, &Larson([1, 2].map(Exchange::new)));
    let pipes = take_turns(memory, Peer::SHARED, ROUNDS, &Pipe::new());
    Table::of("S5", title, larson, &exchanges).beside(Table::of("S5", title, pipe, &pipes))
}
