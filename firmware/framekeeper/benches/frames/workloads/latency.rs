//! F7: how long single calls take, in the mix of F3 at half occupancy.

use crate::{
    latency::{Clock, REPLAYS, columns},
    memory::Memory,
    mix::{Draw, Mix, Sizes, draw},
    peer::{Peer, take_turns},
    rounds::Samples,
    subject::{Made, Subject, Workload},
    table::Table,
    tick,
};

const CALLS: usize = 20_000;

struct Replay<'a>(&'a [Draw]);

impl Workload for Replay<'_> {
    fn measure<S: Subject>(&self, made: &Made<'_, S>) -> Vec<f64> {
        let mut mix = Mix::new(made.frames(), 50);
        mix.fill(made.subject, self.0);
        let mut time = |&draw: &Draw| {
            let call = mix.plan(draw);
            let began = tick::now();
            let got = call.perform(made.subject);
            let ended = tick::now();
            mix.note(call, got);
            (ended - began) as f64
        };
        self.0.iter().map(&mut time).collect()
    }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let draws = draw(Sizes::Even, 7, CALLS);
    let clock = Clock::found_for("F7");
    let replays = take_turns(memory, Peer::FOR_BLOCKS, REPLAYS, &Replay(&draws));
    let percentiles = |of: Samples<f64>| {
        let figures = clock.percentiles(&of.rounds, 0..CALLS).to_vec();
        Samples { row: of.row, rounds: vec![figures] }
    };
    let samples: Vec<_> = replays.into_iter().map(percentiles).collect();
    let columns = columns(["p50", "p99.9", "max"]);
    Table::of("F7", "single calls of F3.50, the fastest of 25 replays of each", &columns, &samples)
}
