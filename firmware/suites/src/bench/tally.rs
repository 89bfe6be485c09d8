//! What was counted in a turn, and what is said of it.

use alloc::format;

use wire::{Number, Unit};

use super::{Histogram, Stand};

/// What one operation cost, and how often it could not be done.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    costs: Histogram,
    failures: u64,
}

impl Tally {
    /// Notes what it cost.
    pub fn add(&mut self, cost: u64) {
        self.costs.add(cost);
    }

    /// Notes that there was nothing to be had.
    pub const fn fail(&mut self) {
        self.failures += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.costs.merge(&other.costs);
        self.failures += other.failures;
    }
}

/// What a workload counts of one peer.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    /// Taking.
    pub alloc: Tally,
    /// Giving back.
    pub free: Tally,
    /// Both, one right after the other.
    pub pair: Tally,
}

/// Of whom and what a figure is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Title<'a> {
    /// What was done.
    pub(crate) workload: &'a str,
    /// By whom.
    pub(crate) peer: &'a str,
    /// On how many cores at once.
    pub(crate) cores: u32,
    /// What the costs count.
    pub(crate) unit: Unit,
}

impl Tallies {
    /// Adds all that another one has.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in
            [(&mut self.alloc, &other.alloc), (&mut self.free, &other.free), (&mut self.pair, &other.pair)]
        {
            own.merge(others);
        }
    }

    /// Reports all that was counted.
    pub(crate) fn report<S: Stand>(&self, stand: &S, title: Title<'_>) {
        for (operation, tally) in [("alloc", &self.alloc), ("free", &self.free), ("pair", &self.pair)] {
            report_costs(stand, title, operation, &tally.costs);
            report_failures(stand, title, operation, tally.failures);
        }
    }
}

fn report_costs<S: Stand>(stand: &S, title: Title<'_>, operation: &str, costs: &Histogram) {
    if costs.samples() == 0 {
        return;
    }
    stand.report(&Number::Spread {
        name: &format!("{}: {operation}", title.workload),
        peer: title.peer,
        unit: title.unit,
        cores: title.cores,
        samples: costs.samples(),
        p50: costs.percentile(500),
        p99: costs.percentile(990),
        p999: costs.percentile(999),
        max: costs.most(),
    });
}

/// A peer that had nothing to hand out is not faster for it.
fn report_failures<S: Stand>(stand: &S, title: Title<'_>, operation: &str, failures: u64) {
    if failures > 0 {
        let Title { workload, peer, cores, .. } = title;
        let name = format!("{workload}: {operation}: {peer} on {cores} cores had no memory");
        stand.report(&Number::Value { name: &name, unit: Unit::Operations, value: failures });
    }
}
