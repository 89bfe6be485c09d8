//! S2: of 10,000 objects of 8 to 2,048 bytes a random one is given back and another taken in its place.

use crate::{
    churn::{Churn, Draws},
    figure::Reading,
    memory::Memory,
    object::{Objects, Workload},
    peer::{Peer, take_turns},
    table::{Table, Unit},
};

const ROUNDS: usize = 21;
const PAIRS: usize = 100_000;

struct Replace(Draws);

impl Workload for Replace {
    type Reading = Reading;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<Reading> {
        let mut churn = Churn::warmed_up(subject, &self.0);
        let timed = churn.replace(subject, &self.0.measured);
        churn.end(subject);
        vec![timed.reading]
    }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let samples = take_turns(memory, Peer::ALL, ROUNDS, &Replace(Draws::new(2, PAIRS)));
    let columns = [("pair", Unit::NANOSECONDS)];
    Table::of("S2", "8 to 2,048 bytes, a random one of 10,000 replaced", &columns, &samples)
}
