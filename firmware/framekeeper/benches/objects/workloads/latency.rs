//! S7: how long single calls take, in S2. `<`: fewer replays than 25, so a fastest time may be too high.

use crate::{
    churn::{Churn, Draw, Draws},
    figure::Reading,
    latency::{Clock, REPLAYS, columns},
    memory::Memory,
    object::{Objects, Workload},
    peer::{Peer, take_turns},
    rounds::Samples,
    table::Table,
    tick,
};

const PAIRS: usize = 10_000;

struct Replay(Draws);

impl Workload for Replay {
    /// Ticks: of each replacement first its free, then its alloc.
    type Reading = f64;

    fn measure<S: Objects>(&self, subject: &S) -> Vec<f64> {
        let mut churn = Churn::warmed_up(subject, &self.0);
        let time = |&draw: &Draw| {
            let free = time(|| churn.give(subject, draw));
            [free, time(|| churn.take(subject, draw))]
        };
        let times = self.0.measured.iter().flat_map(time).collect();
        churn.end(subject);
        times
    }
}

fn time<R>(call: impl FnOnce() -> R) -> f64 {
    let began = tick::now();
    call();
    (tick::now() - began) as f64
}

fn percentiles(clock: Clock, replays: &Samples<f64>) -> Samples<Reading> {
    let mark = if replays.rounds.len() < REPLAYS { "<" } else { "" };
    let of = |first| clock.percentiles(&replays.rounds, (first..2 * PAIRS).step_by(2));
    let has_any = replays.rounds.iter().all(|times| !times.is_empty());
    let values = if has_any { [of(1), of(0)].concat() } else { Vec::new() };
    let readings = values.into_iter().map(|value| Reading { value, mark }).collect();
    Samples { row: replays.row, rounds: vec![readings] }
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let clock = Clock::found_for("S7");
    let replays = take_turns(memory, Peer::ALL, REPLAYS, &Replay(Draws::new(7, PAIRS)));
    let samples: Vec<_> = replays.iter().map(|replays| percentiles(clock, replays)).collect();
    let columns = columns(["alloc p50", "alloc p99.9", "alloc max", "free p50", "free p99.9", "free max"]);
    Table::of("S7", "single calls of S2, the fastest of 25 replays of each", &columns, &samples)
}
