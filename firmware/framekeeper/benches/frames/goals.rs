//! What Framekeeper is to reach, and whether it did.

use crate::{
    bars::{self, Outcome},
    peer::Peer,
    table::{Table, Unit},
};

/// How good is good enough.
#[derive(Clone, Copy)]
enum Goal {
    /// At most so many times the best peer's figure.
    OfBestPeer(f64),
    /// At most this peer's figure.
    Of(Peer),
    AtLeast(f64),
    /// As many as in this column.
    AllOf(&'static str),
    Zero,
}

use Goal::{AllOf, AtLeast, Of, OfBestPeer, Zero};

const BARS: &[(&str, &str, Goal)] = &[
    ("F1", "pair", OfBestPeer(0.25)),
    ("F2", "alloc", OfBestPeer(0.6)),
    ("F2", "free LIFO", OfBestPeer(0.6)),
    ("F2", "free FIFO", OfBestPeer(0.6)),
    ("F2", "free random", OfBestPeer(0.6)),
    ("F3", "F3.50", OfBestPeer(0.8)),
    ("F3", "F3.90", OfBestPeer(0.8)),
    ("F3", "needlessly", Zero),
    ("F3", "needlessly.90", Zero),
    ("F3", "needlessly.g90", Zero),
    ("F4", "had", AllOf("frag: possible")),
    ("F4", "had again", AllOf("all: possible")),
    ("F4", "after", AtLeast(95.0)),
    ("F5", "scaling", AtLeast(1.9)),
    ("F5", "mix scaling", AtLeast(1.9)),
    ("F6", "bring-up", Of(Peer::BuddySlab)),
    ("F7", "p99.9", OfBestPeer(1.0)),
    ("F7", "max", OfBestPeer(1.0)),
];

/// Prints a line for each bar whose group was measured.
pub(crate) fn print(tables: &[Table]) {
    let of = |&(group, column, goal): &(&str, _, _)| {
        outcome(tables.iter().find(|table| table.group == group)?, column, goal)
    };
    let outcomes: Vec<Outcome> = BARS.iter().filter_map(of).collect();
    bars::print(&outcomes);
}

fn outcome(table: &Table, column: &str, goal: Goal) -> Option<Outcome> {
    let measured = table.figure(Peer::Framekeeper.row(), column)?;
    let unit = table.unit(column)?;
    let (bar, meaning) = bar(table, column, unit, goal)?;
    let is_low_better = matches!(goal, OfBestPeer(_) | Of(_) | Zero);
    let is_met = if is_low_better { measured <= bar } else { measured >= bar };
    let name = format!("{} {column}", table.group);
    Some(Outcome { name, unit, measured, bar, meaning, is_met })
}

/// The number to reach, and where it comes from.
fn bar(table: &Table, column: &str, unit: Unit, goal: Goal) -> Option<(f64, String)> {
    let show = |value| unit.with_name(value);
    Some(match goal {
        OfBestPeer(share) => {
            let (peer, best) = table.best_peer(column)?;
            let bar = share * best;
            (bar, format!("<= {} = {share} x {} ({})", show(bar), show(best), peer.name))
        }
        Of(peer) => {
            let bar = table.figure(peer.row(), column)?;
            (bar, format!("<= {} ({})", show(bar), peer.row().name))
        }
        AtLeast(bar) => (bar, format!(">= {}", show(bar))),
        AllOf(other) => {
            let bar = table.figure(Peer::Framekeeper.row(), other)?;
            (bar, format!("all {}", show(bar)))
        }
        Zero => (0.0, "= 0".to_owned()),
    })
}
