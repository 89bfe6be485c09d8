//! Figures by allocator and column, as they are printed.

use crate::{
    peer::{Kind, Peer},
    rounds::Samples,
};
use std::fmt;

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    /// How many times as much.
    Times,
    Percent,
    Count,
    /// Bytes for each frame.
    BytesPerFrame,
}

impl Unit {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Times => "x",
            Self::Percent => "%",
            Self::Count => "",
            Self::BytesPerFrame => "B/frame",
        }
    }

    const fn is_time(self) -> bool {
        matches!(self, Self::Nanoseconds | Self::Microseconds)
    }

    /// The digits that mean something.
    pub(crate) fn format(self, value: f64) -> String {
        match self {
            Self::Count => format!("{value:.0}"),
            Self::Times | Self::BytesPerFrame => format!("{value:.2}"),
            _ if value >= 1000.0 => format!("{value:.0}"),
            _ => format!("{value:.1}"),
        }
    }
}

/// What a column is called and counts.
pub(crate) type Column = (&'static str, Unit);

/// The middle of a figure over the rounds, and half the distance of its quartiles as a share of that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    spread: Option<f64>,
}

impl Figure {
    /// Not measured.
    const NOTHING: Self = Self::exact(f64::NAN);

    /// One that was not measured in rounds.
    pub(crate) const fn exact(value: f64) -> Self {
        Self { median: value, spread: None }
    }

    fn over(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        let median = at(0.5);
        let spread = (median > 0.0).then(|| (at(0.75) - at(0.25)) / 2.0 / median);
        Self { median, spread }
    }

    fn text(self, unit: Unit) -> String {
        if self.median.is_nan() {
            return "-".to_owned();
        }
        let value = unit.format(self.median);
        match self.spread {
            Some(spread) if unit.is_time() || unit == Unit::Times => {
                format!("{value} ±{:>2.0}%", 100.0 * spread)
            }
            _ => value,
        }
    }
}

/// A group's figures.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) group: &'static str,
    title: &'static str,
    columns: Vec<Column>,
    rows: Vec<(Peer, Vec<Figure>)>,
}

impl Table {
    pub(crate) fn new(
        group: &'static str,
        title: &'static str,
        columns: &[Column],
        rows: Vec<(Peer, Vec<Figure>)>,
    ) -> Self {
        Self { group, title, columns: columns.to_vec(), rows }
    }

    /// Of measurements whose figures are the columns.
    pub(crate) fn of(
        group: &'static str,
        title: &'static str,
        columns: &[Column],
        samples: &[Samples],
    ) -> Self {
        let figure = |rounds: &[Vec<f64>], which: usize| {
            Figure::over(rounds.iter().map(|round| round[which]).collect())
        };
        let row = |samples: &Samples| {
            let figures = (0..columns.len()).map(|which| figure(&samples.rounds, which));
            (samples.peer, figures.collect())
        };
        Self::new(group, title, columns, samples.iter().map(row).collect())
    }

    /// Puts the columns of another table behind these. Who is not in that one has nothing there.
    pub(crate) fn beside(mut self, mut other: Self) -> Self {
        for (peer, figures) in &mut self.rows {
            let more = other.rows.iter_mut().find(|(of_other, _)| of_other == peer);
            match more {
                Some((_, more)) => figures.append(more),
                None => figures.resize(figures.len() + other.columns.len(), Figure::NOTHING),
            }
        }
        self.columns.extend(other.columns);
        self
    }

    pub(crate) fn unit(&self, column: &str) -> Option<Unit> {
        Some(self.columns[self.index(column)?].1)
    }

    pub(crate) fn figure(&self, peer: Peer, column: &str) -> Option<f64> {
        let index = self.index(column)?;
        self.rows.iter().find(|(of, _)| *of == peer).map(|(_, figures)| figures[index].median)
    }

    /// The peer with the smallest figure.
    pub(crate) fn best_peer(&self, column: &str) -> Option<(Peer, f64)> {
        let index = self.index(column)?;
        let peers = self.rows.iter().filter(|(peer, _)| peer.kind() == Kind::Peer);
        peers.map(|(peer, figures)| (*peer, figures[index].median)).min_by(|a, b| a.1.total_cmp(&b.1))
    }

    fn index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| *name == column)
    }

    /// How Framekeeper's figure compares with the best peer's.
    fn against_best(&self, column: Column) -> String {
        let (name, unit) = column;
        let ours = self.figure(Peer::Framekeeper, name);
        match (ours, self.best_peer(name)) {
            (Some(ours), Some((_, best))) if unit.is_time() => format!("{:.2}", ours / best),
            _ => String::new(),
        }
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let heads = self.columns.iter().map(|(name, unit)| format!("{name} {}", unit.name()));
        let mut lines = vec![line("", heads)];
        for (peer, figures) in &self.rows {
            let texts = figures.iter().zip(&self.columns).map(|(figure, (_, unit))| figure.text(*unit));
            lines.push(line(peer.name(), texts));
        }
        if self.columns.iter().any(|(_, unit)| unit.is_time()) {
            lines
                .push(line("ours / best peer", self.columns.iter().map(|&column| self.against_best(column))));
        }
        lines
    }
}

fn line(name: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells.map(|cell| cell.trim_end().to_owned())).collect()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        writeln!(f, "{}: {}", self.group, self.title)?;
        for line in &lines {
            let cells = line.iter().enumerate().map(|(index, cell)| (cell, width(&lines, index)));
            let mut text = String::new();
            for (cell, width) in cells.skip(1) {
                text += &format!("  {cell:>width$}");
            }
            writeln!(f, "  {:<17}{}", line[0], text.trim_end())?;
        }
        Ok(())
    }
}

fn width(lines: &[Vec<String>], index: usize) -> usize {
    lines.iter().map(|line| line[index].chars().count()).max().unwrap_or(0)
}
