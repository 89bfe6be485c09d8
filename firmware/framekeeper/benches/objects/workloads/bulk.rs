//! S3: a million objects of 64 bytes are taken and given back: the last first, the first first, and at random.

use crate::{
    figure::Reading,
    memory::Memory,
    object::{Object, Objects, Workload},
    peer::{Peer, take_turns},
    rng::Rng,
    stopwatch::{NONE, mark, time},
    table::{Column, Table, Unit},
};
use std::time::Duration;

const ROUNDS: usize = 11;
const OBJECTS: usize = 1_000_000;
const SIZE: u32 = 64;
const BUDGET: Duration = Duration::from_secs(1);

const COLUMNS: &[Column] = &[
    ("alloc", Unit::NANOSECONDS),
    ("free LIFO", Unit::NANOSECONDS),
    ("free FIFO", Unit::NANOSECONDS),
    ("free random", Unit::NANOSECONDS),
    ("alloc after random", Unit::NANOSECONDS),
];

/// The order in which objects are given back: that of the slice, after this.
type Arrange = fn(&mut [Option<Object>]);

const ORDERS: [Arrange; 3] = [<[_]>::reverse, |_| {}, |objects| Rng::new(3).shuffle(objects)];

struct Bulk;

impl Workload for Bulk {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        let mut out = Out { objects: (0..OBJECTS).map(|_| None).collect(), count: 0 };
        let mut readings = vec![out.take(subject)];
        let mut again = NONE;
        for arrange in ORDERS {
            arrange(&mut out.objects[..out.count]);
            readings.push(out.give(subject));
            if out.count > 0 {
                // Cut off: what it would take to go on is not asked.
                readings.resize(COLUMNS.len(), NONE);
                return readings;
            }
            again = out.take(subject);
        }
        out.give(subject);
        readings.push(again);
        readings
    }
}

/// The objects that are out: the first so many.
struct Out {
    objects: Vec<Option<Object>>,
    count: usize,
}

impl Out {
    /// Takes all.
    fn take<S: Objects>(&mut self, subject: &S) -> Reading {
        let timed = time(OBJECTS, BUDGET, |which| {
            self.objects[which] = Some(Object::take(subject, SIZE)?);
            Some(())
        });
        self.count = timed.done;
        timed.reading
    }

    /// Gives all back that are out.
    fn give<S: Objects>(&mut self, subject: &S) -> Reading {
        let timed = time(self.count, BUDGET, |which| {
            self.objects[which].take()?.give(subject);
            Some(())
        });
        self.count -= timed.done;
        Reading { mark: mark(timed.done, OBJECTS), ..timed.reading }
    }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let samples = take_turns(memory, Peer::ALL, ROUNDS, &Bulk);
    Table::of("S3", "a million objects of 64 bytes, per call", COLUMNS, &samples)
}
