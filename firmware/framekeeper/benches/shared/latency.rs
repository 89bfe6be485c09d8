//! How long single calls take. The same calls are replayed on fresh memory, and of each only the fastest time counts:
//! what is left is the call's own, not the machine's.
//!
//! Where the clock advances in steps of 10 ns, a call of 34 ns takes 30 or 40 by it, depending on when it began. So a
//! call's time is the mean of all its readings that are at most one step above the fastest.

use super::{
    table::{Column, Unit},
    tick,
};

/// How often the calls are replayed.
pub(crate) const REPLAYS: usize = 25;

/// The clock, as it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Ticks.
    step: f64,
    /// In a tick.
    nanoseconds: f64,
}

impl Clock {
    /// Finds out, and says for this group what single calls can be told apart by.
    pub(crate) fn found_for(group: &str) -> Self {
        let clock = Self { step: tick::step() as f64, nanoseconds: tick::nanoseconds() };
        println!("{group}'s clock advances by {:.1} ns", clock.step * clock.nanoseconds);
        clock
    }

    /// The median, 99.9 % and the most over the calls, in nanoseconds; of each call there are as many readings as there
    /// were replays, in ticks.
    pub(crate) fn percentiles(self, replays: &[Vec<f64>], calls: impl Iterator<Item = usize>) -> [f64; 3] {
        let readings = |call: usize| replays.iter().map(move |readings| readings[call]);
        let mut times: Vec<f64> = calls.map(|call| self.time(readings(call))).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        [0.5, 0.999, 1.0].map(|share| at(share) * self.nanoseconds)
    }

    /// A call's time by all its readings.
    fn time(self, readings: impl Iterator<Item = f64> + Clone) -> f64 {
        let fastest = readings.clone().fold(f64::INFINITY, f64::min);
        let near: Vec<f64> = readings.filter(|reading| reading - fastest < 1.5 * self.step).collect();
        near.iter().sum::<f64>() / near.len() as f64
    }
}

/// Columns in nanoseconds.
pub(crate) fn columns<const N: usize>(names: [&'static str; N]) -> [Column; N] {
    names.map(|name| (name, Unit::NANOSECONDS))
}
