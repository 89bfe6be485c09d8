//! Figures by allocator and column, as they are printed.

use super::{
    figure::{Figure, Reading},
    rounds::Samples,
};
use std::fmt;

/// Who a row's figures are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What a row is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Peer,
    /// Nobody to compete with: it shows how low a figure can be.
    Landmark,
}

/// What a column counts. Each benchmark has more of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) nature: Nature,
    /// Below 1,000.
    pub(crate) decimals: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It differs from round to round, and less is better.
    Time,
    /// Of times: it differs as they do.
    Ratio,
    /// The same in every run.
    Amount,
}

impl Unit {
    pub(crate) const NANOSECONDS: Self = Self { name: "ns", nature: Nature::Time, decimals: 1 };
    /// How many times as much.
    pub(crate) const TIMES: Self = Self { name: "x", nature: Nature::Ratio, decimals: 2 };

    pub(crate) fn is_time(self) -> bool {
        self.nature == Nature::Time
    }

    /// The digits that mean something.
    pub(crate) fn format(self, value: f64) -> String {
        let decimals = if value >= 1000.0 { 0 } else { self.decimals };
        format!("{value:.decimals$}")
    }

    /// With the unit behind it.
    pub(crate) fn with_name(self, value: f64) -> String {
        format!("{} {}", self.format(value), self.name).trim_end().to_owned()
    }
}

/// What a column is called and counts.
pub(crate) type Column = (&'static str, Unit);

/// A group's figures.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) group: &'static str,
    title: &'static str,
    columns: Vec<Column>,
    rows: Vec<(Row, Vec<Figure>)>,
}

impl Table {
    /// Of measurements whose figures are the columns.
    pub(crate) fn of(
        group: &'static str,
        title: &'static str,
        columns: &[Column],
        samples: &[Samples<impl Copy + Into<Reading>>],
    ) -> Self {
        let row = |samples: &Samples<_>| (samples.row, figures(samples, columns.len()));
        Self { group, title, columns: columns.to_vec(), rows: samples.iter().map(row).collect() }
    }

    /// Puts the columns of another table behind these. Who is not in that one has nothing there.
    pub(crate) fn beside(mut self, mut other: Self) -> Self {
        for (row, figures) in &mut self.rows {
            let more = other.rows.iter_mut().find(|(of_other, _)| of_other == row);
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

    /// That row's number in that column, if there is one; not a number where the allocator failed.
    pub(crate) fn figure(&self, row: Row, column: &str) -> Option<f64> {
        let index = self.index(column)?;
        let (_, figures) = self.rows.iter().find(|(of, _)| *of == row)?;
        figures[index].number()
    }

    /// The peer with the smallest figure.
    pub(crate) fn best_peer(&self, column: &str) -> Option<(Row, f64)> {
        let peers = self.rows.iter().map(|&(row, _)| row).filter(|row| row.kind == Kind::Peer);
        let figures = peers.filter_map(|row| Some((row, self.figure(row, column)?)));
        figures.min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    fn index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| *name == column)
    }

    /// How one of our rows compares with the best peer.
    fn against_best(&self, row: Row, column: Column) -> String {
        let (name, unit) = column;
        match (self.figure(row, name), self.best_peer(name)) {
            (Some(ours), Some((_, best))) if unit.is_time() => format!("{:.2}", ours / best),
            _ => String::new(),
        }
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let heads = self.columns.iter().map(|(name, unit)| format!("{name} {}", unit.name));
        let mut lines = vec![line("", heads)];
        for (row, figures) in &self.rows {
            let texts = figures.iter().zip(&self.columns).map(|(figure, (_, unit))| figure.text(*unit));
            lines.push(line(row.name, texts));
        }
        if self.columns.iter().any(|(_, unit)| unit.is_time()) {
            let ours = self.rows.iter().map(|&(row, _)| row).filter(|row| row.kind == Kind::Ours);
            lines.extend(ours.filter_map(|row| self.comparison(row)));
        }
        lines
    }

    /// Nothing for a row without figures.
    fn comparison(&self, row: Row) -> Option<Vec<String>> {
        let cells: Vec<_> = self.columns.iter().map(|&column| self.against_best(row, column)).collect();
        let has_any = cells.iter().any(|cell| !cell.is_empty());
        has_any.then(|| line(&format!("{} / best", row.name), cells.into_iter()))
    }
}

/// Of somebody who measured nothing there is none in any column.
fn figures<T: Copy + Into<Reading>>(samples: &Samples<T>, columns: usize) -> Vec<Figure> {
    let reading = |round: &Vec<T>, which| round.get(which).copied().map(T::into);
    let readings = |which| samples.rounds.iter().filter_map(move |round| reading(round, which));
    (0..columns).map(|which| Figure::over(readings(which).collect())).collect()
}

fn line(name: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells.map(|cell| cell.trim_end().to_owned())).collect()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        writeln!(f, "{}: {}", self.group, self.title)?;
        for line in &lines {
            let mut text = format!("{:<1$}", line[0], width(&lines, 0));
            for (index, cell) in line.iter().enumerate().skip(1) {
                text += &format!("  {cell:>0$}", width(&lines, index));
            }
            writeln!(f, "  {}", text.trim_end())?;
        }
        Ok(())
    }
}

fn width(lines: &[Vec<String>], index: usize) -> usize {
    lines.iter().map(|line| line[index].chars().count()).max().unwrap_or(0)
}
