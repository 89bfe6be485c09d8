//! F7: how long single calls take, in the mix of F3 at half occupancy. The same calls are replayed on fresh memory, and
//! of each only the fastest time counts: what is left is the call's own, not the machine's.
//!
//! Where the clock advances in steps of 10 ns, a call of 34 ns takes 30 or 40 by it, depending on when it began. So a
//! call's time is the mean of all its readings that are at most one step above the fastest.

use crate::{
    memory::Memory,
    mix::{Draw, Mix, Sizes, draw},
    peer::Peer,
    rounds::{Samples, take_turns},
    subject::{Made, Subject, Workload},
    table::{Column, Figure, Table, Unit},
    tick,
};

const REPLAYS: usize = 25;
const CALLS: usize = 20_000;

const COLUMNS: &[Column] =
    &[("p50", Unit::Nanoseconds), ("p99.9", Unit::Nanoseconds), ("max", Unit::Nanoseconds)];

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

/// A call's time by all its readings.
fn time(readings: impl Iterator<Item = f64> + Clone, step: f64) -> f64 {
    let fastest = readings.clone().fold(f64::INFINITY, f64::min);
    let near: Vec<f64> = readings.filter(|reading| reading - fastest < 1.5 * step).collect();
    near.iter().sum::<f64>() / near.len() as f64
}

/// Over the calls, in ticks.
fn percentiles(samples: &Samples, step: f64) -> [f64; 3] {
    let readings = |call: usize| samples.rounds.iter().map(move |readings| readings[call]);
    let mut times: Vec<f64> = (0..CALLS).map(|call| time(readings(call), step)).collect();
    times.sort_by(f64::total_cmp);
    [0.5, 0.999, 1.0].map(|share| times[((CALLS - 1) as f64 * share) as usize])
}

pub(crate) fn run(memory: &mut Memory) -> Table {
    let draws = draw(Sizes::Even, 7, CALLS);
    let (step, nanoseconds) = (tick::step() as f64, tick::nanoseconds());
    println!("F7's clock advances by {:.1} ns", step * nanoseconds);
    let samples = take_turns(memory, Peer::FOR_BLOCKS, REPLAYS, &Replay(&draws));
    let figures = |samples| percentiles(samples, step).map(|ticks| Figure::exact(ticks * nanoseconds));
    let rows = samples.iter().map(|samples| (samples.peer, figures(samples).to_vec())).collect();
    Table::new("F7", "single calls of F3.50, the fastest of 25 replays of each", COLUMNS, rows)
}
