//! What tests have measured, for people: digests, figures, what operations cost, and what became of a figure over time.

use super::paint;
use super::table::{Side, aligned};
use crate::session::{Measured, Spread};
use wire::Unit;

/// Everything that one test has measured, as lines for below the test's own.
pub(super) fn lines(measured: &[Measured]) -> Vec<String> {
    [digests(measured), values(measured), spreads(measured), series(measured), maps(measured)].concat()
}

fn digests(measured: &[Measured]) -> Vec<String> {
    let line = |measured: &Measured| match measured {
        Measured::Digest { scenario, value, expected } => {
            Some(format!("digest of {scenario}: {value:#018x}, {}", compared(*value, *expected)))
        }
        _ => None,
    };
    measured.iter().filter_map(line).collect()
}

fn compared(value: u64, expected: Option<u64>) -> String {
    match expected {
        None => "not compared".to_owned(),
        Some(host) if host == value => "as on the host".to_owned(),
        Some(host) => paint::bad(&format!("on the host {host:#018x}")),
    }
}

fn values(measured: &[Measured]) -> Vec<String> {
    let row = |measured: &Measured| match measured {
        Measured::Value { name, unit, value } => {
            Some([name.clone(), value.to_string(), symbol(*unit).to_owned()])
        }
        _ => None,
    };
    let rows: Vec<_> = measured.iter().filter_map(row).collect();
    aligned([Side::Left, Side::Right, Side::Left], &rows)
}

fn spreads(measured: &[Measured]) -> Vec<String> {
    const HEADING: [&str; 9] = ["operation", "by", "cores", "samples", "p50", "p99", "p99.9", "max", "unit"];
    const SIDES: [Side; 9] = {
        let mut sides = [Side::Right; 9];
        (sides[0], sides[1], sides[8]) = (Side::Left, Side::Left, Side::Left);
        sides
    };
    let row = |measured: &Measured| match measured {
        Measured::Spread(spread) => Some(cells(spread)),
        _ => None,
    };
    let rows: Vec<_> = measured.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut lines = aligned(SIDES, &[vec![HEADING.map(str::to_owned)], rows].concat());
    lines[0] = paint::dim(&lines[0]);
    lines
}

fn cells(spread: &Spread) -> [String; 9] {
    let Spread { name, peer, unit, cores, samples, p50, p99, p999, max } = spread;
    let [cores, samples, p50, p99, p999, max] =
        [u64::from(*cores), *samples, *p50, *p99, *p999, *max].map(|figure| figure.to_string());
    [name.clone(), peer.clone(), cores, samples, p50, p99, p999, max, symbol(*unit).to_owned()]
}

/// What became of one figure.
struct Series<'a> {
    name: &'a str,
    points: u64,
    first: (u64, u64),
    last: (u64, u64),
    least: u64,
    most: u64,
}

impl<'a> Series<'a> {
    const fn new(name: &'a str, at: u64, value: u64) -> Self {
        Self { name, points: 1, first: (at, value), last: (at, value), least: value, most: value }
    }

    fn add(&mut self, at: u64, value: u64) {
        self.points += 1;
        self.last = (at, value);
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
    }

    fn cells(&self) -> [String; 6] {
        let at = |(at, value): (u64, u64)| format!("{value} at {at}");
        let (points, least, most) = (self.points.to_string(), self.least.to_string(), self.most.to_string());
        [self.name.to_owned(), points, at(self.first), at(self.last), least, most]
    }
}

fn series(measured: &[Measured]) -> Vec<String> {
    const HEADING: [&str; 6] = ["series", "points", "first", "last", "min", "max"];
    const SIDES: [Side; 6] = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right];
    let mut all: Vec<Series<'_>> = Vec::new();
    for one in measured {
        let Measured::Point { series, at, value } = one else { continue };
        match all.iter_mut().find(|known| known.name == series) {
            Some(known) => known.add(*at, *value),
            None => all.push(Series::new(series, *at, *value)),
        }
    }
    if all.is_empty() {
        return Vec::new();
    }
    let rows = all.iter().map(Series::cells).collect();
    let mut lines = aligned(SIDES, &[vec![HEADING.map(str::to_owned)], rows].concat());
    lines[0] = paint::dim(&lines[0]);
    lines
}

/// The dumps of the frame map, each with all of its parts, by when they were made.
pub(super) fn dumps(measured: &[Measured]) -> Vec<(&str, Vec<u8>)> {
    let mut all: Vec<(&str, Vec<u8>)> = Vec::new();
    for one in measured {
        let Measured::Map { name, at, bytes } = one else { continue };
        match all.last_mut().filter(|(last, dump)| last == name && dump.len() == *at as usize) {
            Some((_, dump)) => dump.extend(bytes),
            None => all.push((name, bytes.clone())),
        }
    }
    all
}

fn maps(measured: &[Measured]) -> Vec<String> {
    let line =
        |(name, dump): (&str, Vec<u8>)| format!("map of {name}: {} bytes, which `report` draws", dump.len());
    dumps(measured).into_iter().map(line).collect()
}

/// A unit as it stands behind a figure.
pub(super) const fn symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Bytes => "bytes",
        Unit::Frames => "frames",
        Unit::Instructions => "instructions",
        Unit::Cycles => "cycles",
        Unit::Nanoseconds => "ns",
        Unit::Permille => "‰",
        Unit::Operations => "operations",
    }
}
