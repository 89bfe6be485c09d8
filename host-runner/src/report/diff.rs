//! What is other in one run than in another.

use super::numbers::symbol;
use super::story::{Story, Told};
use super::{Tally, paint, words};
use crate::session::{EXIT_PASSED, Measured, Spread};
use crate::units::Took;
use std::time::Duration;

/// A test that takes longer by less than this, or by less than half, is told as before: a machine is never the same twice.
const NOTEWORTHY: Duration = Duration::from_millis(250);

/// What is other in `after` than in `before`, as lines for people; none where nothing is.
pub(crate) fn lines(before: &Story, after: &Story) -> Vec<String> {
    [run(before, after), ends(before, after), times(before, after), figures(before, after)].concat()
}

/// The exit code that the tests make which fail in `after` and did not in `before`.
pub(crate) fn exit_code(before: &Story, after: &Story) -> u8 {
    let fails = |told: &&Told| Tally::of(&told.status) == Tally::Failed;
    let failed =
        |new: &&Told| before.tests.iter().filter(fails).any(|old| before.name(old) == after.name(new));
    let worse = after.tests.iter().filter(fails).filter(|new| !failed(new));
    worse.map(|told| told.status.exit_code()).max().unwrap_or(EXIT_PASSED)
}

fn run(before: &Story, after: &Story) -> Vec<String> {
    let (old, new) = (before.properties(), after.properties());
    // Where it is kept and how it was asked for is never the same.
    let is_of_interest = |name: &str| !["recorded in", "command"].contains(&name);
    let changed = old.iter().filter(|(name, _)| is_of_interest(name)).filter_map(|(name, old)| {
        let (_, new) = new.iter().find(|(other, _)| other == name)?;
        (old != new).then(|| format!("{name}: {old}, then {new}"))
    });
    changed.collect()
}

/// The tests that both have.
fn pairs<'a>(before: &'a Story, after: &'a Story) -> impl Iterator<Item = (&'a Told, &'a Told)> {
    let find = |name: &str| before.tests.iter().find(|told| before.name(told) == name);
    after.tests.iter().filter_map(move |new| Some((find(after.name(new))?, new)))
}

fn ends(before: &Story, after: &Story) -> Vec<String> {
    let end = |told: &Told| words::in_colour(&told.status, words::word(&told.status));
    let changed =
        pairs(before, after).filter(|(old, new)| words::word(&old.status) != words::word(&new.status));
    let mut lines: Vec<_> =
        changed.map(|(old, new)| format!("{}: {}, then {}", after.name(new), end(old), end(new))).collect();
    let is_in = |story: &Story, name: &str| story.tests.iter().any(|told| story.name(told) == name);
    let alone = |here: &Story, there: &Story, what: &str| -> Vec<_> {
        let names = here.tests.iter().map(|told| here.name(told)).filter(|name| !is_in(there, name));
        names.map(|name| format!("{name}: {what}")).collect()
    };
    lines.extend(alone(before, after, "only before"));
    lines.extend(alone(after, before, "only now"));
    lines
}

fn times(before: &Story, after: &Story) -> Vec<String> {
    let noteworthy = |old: Duration, new: Duration| {
        let (less, more) = (old.min(new), old.max(new));
        more - less >= NOTEWORTHY && more >= less * 3 / 2
    };
    let ran = |told: &Told| !told.took.is_zero();
    let changed =
        pairs(before, after).filter(|(old, new)| ran(old) && ran(new) && noteworthy(old.took, new.took));
    changed
        .map(|(old, new)| format!("{}: {}, then {}", after.name(new), Took(old.took), Took(new.took)))
        .collect()
}

fn figures(before: &Story, after: &Story) -> Vec<String> {
    pairs(before, after)
        .flat_map(|(old, new)| figures_of(after.name(new), &old.numbers, &new.numbers))
        .collect()
}

fn figures_of(test: &str, old: &[Measured], new: &[Measured]) -> Vec<String> {
    new.iter().filter_map(|number| figure(test, old, number)).collect()
}

fn figure(test: &str, old: &[Measured], new: &Measured) -> Option<String> {
    match new {
        Measured::Digest { scenario, value, .. } => old.iter().find_map(|one| match one {
            Measured::Digest { scenario: other, value: before, .. }
                if other == scenario && before != value =>
            {
                Some(paint::doubtful(&format!(
                    "{test}: digest of {scenario}: {before:#018x}, then {value:#018x}"
                )))
            }
            _ => None,
        }),
        Measured::Value { name, unit, value } => old.iter().find_map(|one| match one {
            Measured::Value { name: other, value: before, .. } if other == name && before != value => Some(
                format!("{test}: {name}: {before}, then {value} {}", symbol(*unit)).trim_end().to_owned(),
            ),
            _ => None,
        }),
        Measured::Spread(now) => old.iter().find_map(|one| match one {
            Measured::Spread(then) if is_same(then, now) && then.p50 != now.p50 => Some(format!(
                "{test}: {} by {} on {}: p50 {}, then {} {}",
                now.name,
                now.peer,
                crate::units::counted(now.cores as usize, "core"),
                then.p50,
                now.p50,
                symbol(now.unit)
            )),
            _ => None,
        }),
        Measured::Point { .. } | Measured::Map { .. } => None,
    }
}

fn is_same(one: &Spread, other: &Spread) -> bool {
    (&one.name, &one.peer, one.cores, one.unit) == (&other.name, &other.peer, other.cores, other.unit)
}
