//! What Framekeeper is to reach, and whether it did.

use crate::{
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

/// A bar with its measurement.
struct Outcome {
    text: String,
    is_met: bool,
}

/// Prints a line for each bar whose group was measured, and last how many were met.
pub(crate) fn print(tables: &[Table]) {
    println!("bars");
    let outcomes: Vec<Outcome> = BARS
        .iter()
        .filter_map(|&(group, column, goal)| {
            outcome(tables.iter().find(|table| table.group == group)?, column, goal)
        })
        .collect();
    outcomes.iter().for_each(|outcome| println!("  {}", outcome.text));
    let met = outcomes.iter().filter(|outcome| outcome.is_met).count();
    println!("{met} of {} bars met", outcomes.len());
}

fn outcome(table: &Table, column: &str, goal: Goal) -> Option<Outcome> {
    let measured = table.figure(Peer::Framekeeper, column)?;
    let unit = table.unit(column)?;
    let (bar, meaning) = bar(table, column, unit, goal)?;
    let is_low_better = matches!(goal, OfBestPeer(_) | Of(_) | Zero);
    let is_met = if is_low_better { measured <= bar } else { measured >= bar };
    let value = with_unit(unit, measured);
    let verdict = verdict(measured, bar, is_met);
    let text =
        format!("{:<18} {value:>9}   bar {meaning:<46} {verdict}", format!("{} {column}", table.group));
    Some(Outcome { text, is_met })
}

/// The number to reach, and where it comes from.
fn bar(table: &Table, column: &str, unit: Unit, goal: Goal) -> Option<(f64, String)> {
    let show = |value| with_unit(unit, value);
    Some(match goal {
        OfBestPeer(share) => {
            let (peer, best) = table.best_peer(column)?;
            let bar = share * best;
            (bar, format!("<= {} = {share} x {} ({})", show(bar), show(best), peer.name()))
        }
        Of(peer) => {
            let bar = table.figure(peer, column)?;
            (bar, format!("<= {} ({})", show(bar), peer.name()))
        }
        AtLeast(bar) => (bar, format!(">= {}", show(bar))),
        AllOf(other) => {
            let bar = table.figure(Peer::Framekeeper, other)?;
            (bar, format!("all {}", show(bar)))
        }
        Zero => (0.0, "= 0".to_owned()),
    })
}

fn with_unit(unit: Unit, value: f64) -> String {
    format!("{} {}", unit.format(value), unit.name()).trim_end().to_owned()
}

fn verdict(measured: f64, bar: f64, is_met: bool) -> String {
    let word = if is_met { "met" } else { "MISSED" };
    if bar == 0.0 { word.to_owned() } else { format!("{word}: {:.2} x the bar", measured / bar) }
}
