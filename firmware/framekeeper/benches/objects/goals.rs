//! What Framekeeper is to reach, and whether it did.

use crate::{
    bars::{self, Outcome},
    peer::Peer,
    table::{Row, Table, Unit},
    workloads::UP_TO_A_PAGE,
};

/// How good is good enough. Everything is better the lower it is.
#[derive(Clone, Copy)]
enum Goal {
    /// At most so many times this one's figure.
    Of(f64, Peer),
    /// At most so many times the best peer's figure.
    OfBestPeer(f64),
    /// At most so many times the best general allocator's figure.
    OfBestGeneral(f64),
    /// At most so many nanoseconds more than the loop with nothing to call.
    BeyondHarness(f64),
    AtMost(f64),
}

use Goal::{AtMost, BeyondHarness, Of, OfBestGeneral, OfBestPeer};
use Peer::{Mimalloc, Off, Standard};

/// Who, in which columns of which group, and what; of several columns the worst counts.
const BARS: &[(Peer, &str, &[&str], Goal)] = &[
    (Off, "S1", &["pair"], Of(1.0, Mimalloc)),
    (Standard, "S1", &["pair"], Of(1.4, Mimalloc)),
    (Standard, "S2", &["pair"], OfBestGeneral(1.5)),
    (Standard, "S2", &["pair"], OfBestPeer(0.5)),
    (Standard, "S3", &["alloc"], Of(1.5, Mimalloc)),
    (Standard, "S3", &["free random"], Of(1.5, Mimalloc)),
    (Off, "S4", &UP_TO_A_PAGE, Of(1.0, Mimalloc)),
    (Standard, "S4", &UP_TO_A_PAGE, Of(1.4, Mimalloc)),
    (Standard, "S5", &["larson, 2"], OfBestPeer(0.4)),
    (Standard, "S5", &["pipe"], OfBestPeer(0.4)),
    (Standard, "S5", &["larson held", "pipe held"], AtMost(0.0)),
    (Standard, "S6", &["S2: held"], AtMost(1.15)),
    (Standard, "S6", &["64 B: held"], AtMost(1.05)),
    (Standard, "S6", &["left", "64 B: left"], AtMost(0.0)),
    (Standard, "S7", &["alloc max", "free max"], BeyondHarness(100.0)),
];

/// Prints a line for each bar whose group was measured.
pub(crate) fn print(tables: &[Table]) {
    let of = |&(who, group, columns, goal): &(Peer, &str, &[&str], _)| {
        let table = tables.iter().find(|table| table.group == group)?;
        let outcomes = columns.iter().filter_map(|column| outcome(table, who, column, goal));
        outcomes.max_by(|a, b| beyond(a).total_cmp(&beyond(b)))
    };
    let outcomes: Vec<Outcome> = BARS.iter().filter_map(of).collect();
    bars::print(&outcomes);
}

/// How far from the bar. One of nothing is missed by any amount.
fn beyond(outcome: &Outcome) -> f64 {
    if outcome.bar == 0.0 { outcome.measured } else { outcome.measured / outcome.bar }
}

fn outcome(table: &Table, who: Peer, column: &str, goal: Goal) -> Option<Outcome> {
    let measured = table.figure(who.row(), column)?;
    let unit = table.unit(column)?;
    let (bar, meaning) = bar(table, column, unit, goal)?;
    let name = format!("{} {column}, {}", table.group, who.row().name);
    Some(Outcome { name, unit, measured, bar, meaning, is_met: measured <= bar })
}

/// The number to stay below, and where it comes from.
fn bar(table: &Table, column: &str, unit: Unit, goal: Goal) -> Option<(f64, String)> {
    let times = |share: f64, (row, figure): (Row, f64)| {
        let [bar, of] = [share * figure, figure].map(|value| unit.with_name(value));
        (share * figure, format!("<= {bar} = {share} x {of} ({})", row.name))
    };
    let figure = |peer: Peer| Some((peer.row(), table.figure(peer.row(), column)?));
    let lowest =
        |peers: &[Peer]| peers.iter().filter_map(|&peer| figure(peer)).min_by(|a, b| a.1.total_cmp(&b.1));
    Some(match goal {
        Of(share, peer) => times(share, figure(peer)?),
        OfBestPeer(share) => times(share, table.best_peer(column)?),
        OfBestGeneral(share) => times(share, lowest(Peer::GENERAL)?),
        BeyondHarness(more) => {
            let bar = figure(Peer::Harness)?.1 + more;
            (bar, format!("<= {} = {more} ns beyond the harness", unit.with_name(bar)))
        }
        AtMost(bar) => (bar, format!("<= {}", unit.with_name(bar))),
    })
}
