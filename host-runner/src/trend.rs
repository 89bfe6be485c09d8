//! What operations cost beside the best of the others in the same image, run after run: times of one machine and night say
//! little, ratios within one run say whether something became slower.

use crate::session::Spread;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

/// Whose operations are judged.
const OURS: &str = "framekeeper";
/// What is no allocator.
const HARNESS: &str = "harness";
/// With fewer runs before, nothing is judged.
const LEAST_BEFORE: usize = 5;
/// The runs before that count.
const MOST_BEFORE: usize = 30;
/// What is never beyond noise: this part of the median.
const ALLOWED: f64 = 0.10;
/// Beyond so many deviations from the median is beyond noise, deviations as of a normal distribution.
const DEVIATIONS: f64 = 4.0 * 1.4826;

/// What a run has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The board's name: only runs on one board are compared.
    pub board: String,
    /// The image's SHA-256.
    pub image: String,
    /// Which run: what its nonces were drawn from, which no other run has. 0 where that was not written yet.
    #[serde(default)]
    pub run: u64,
    /// Each operation, by name and number of cores.
    pub operations: BTreeMap<String, Pair>,
}

/// What an operation costs, half of all times at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Framekeeper's.
    pub ours: u64,
    /// That of the best of the others.
    pub theirs: u64,
    /// Who that is.
    pub peer: String,
}

impl Pair {
    /// How many times the best of the others' cost.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.ours as f64 / self.theirs.max(1) as f64
    }
}

impl Entry {
    /// What these measurements come down to; operations that nobody else did are left out.
    pub fn of(board: &str, image: &str, run: u64, spreads: &[Spread]) -> Self {
        let ours = spreads.iter().filter(|spread| spread.peer == OURS);
        let pair = |ours: &Spread| {
            let is_peer = |other: &&Spread| {
                (&other.name, other.cores, other.unit) == (&ours.name, ours.cores, ours.unit)
                    && !other.peer.starts_with(OURS)
                    && other.peer != HARNESS
            };
            let best = spreads.iter().filter(is_peer).min_by_key(|other| other.p50)?;
            let pair = Pair { ours: ours.p50, theirs: best.p50, peer: best.peer.clone() };
            Some((format!("{}, {}", ours.name, crate::units::counted(ours.cores as usize, "core")), pair))
        };
        let operations = ours.filter_map(pair).collect();
        Self { board: board.into(), image: image.into(), run, operations }
    }
}

/// An operation that became slower than noise explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// Which.
    pub operation: String,
    /// What it cost in this run.
    pub now: Pair,
    /// The median of the ratios before.
    pub before: f64,
    /// Of how many runs.
    pub runs: usize,
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, now, before, runs } = self;
        let (ratio, Pair { ours, theirs, peer }) = (now.ratio(), now);
        write!(
            f,
            "{operation}: {ratio:.2} × {peer} ({ours} to {theirs}); the median of {runs} runs before is {before:.2} ×"
        )
    }
}

/// Runs before this one, oldest first, and where they are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// The runs.
    pub entries: Vec<Entry>,
}

impl Trend {
    /// Reads `file`; empty if there is none yet. A last line that was not written as a whole is left out.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or a whole line of it is no entry.
    pub fn read(file: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let entries =
            whole.filter(|line| !line.is_empty()).map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Without what this run has added, or any after it.
    #[must_use]
    pub fn before(mut self, run: u64) -> Self {
        let own = self.entries.iter().position(|entry| entry.run == run);
        self.entries.truncate(own.unwrap_or(self.entries.len()));
        self
    }

    /// Adds `entry` at the end of `file`, in place of a last line that was not written as a whole.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn append(file: &Path, entry: &Entry) -> io::Result<()> {
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(file)?;
        let mut written = Vec::new();
        file.read_to_end(&mut written)?;
        let whole = written.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        file.write_all(&line)
    }

    /// What became slower in `now` than noise explains.
    #[must_use]
    pub fn regressions(&self, now: &Entry) -> Vec<Regression> {
        let judged = now.operations.iter().filter_map(|(operation, pair)| {
            let ratios = self.ratios(&now.board, operation);
            let before = median(&ratios).filter(|_| ratios.len() >= LEAST_BEFORE)?;
            let apart: Vec<_> = ratios.iter().map(|ratio| (ratio - before).abs()).collect();
            let noise = (median(&apart)? * DEVIATIONS).max(before * ALLOWED);
            let regression =
                Regression { operation: operation.clone(), now: pair.clone(), before, runs: ratios.len() };
            (pair.ratio() > before + noise).then_some(regression)
        });
        judged.collect()
    }

    /// The ratios of an operation on a board, oldest first, as far as they count.
    #[must_use]
    pub fn ratios(&self, board: &str, operation: &str) -> Vec<f64> {
        let mine = self.entries.iter().rev().filter(|entry| entry.board == board);
        let mut ratios: Vec<_> = mine
            .filter_map(|entry| Some(entry.operations.get(operation)?.ratio()))
            .take(MOST_BEFORE)
            .collect();
        ratios.reverse();
        ratios
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, *sorted.get(middle)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Unit;

    fn spread(peer: &str, p50: u64) -> Spread {
        let (name, peer) = ("allocate".to_owned(), peer.to_owned());
        Spread { name, peer, unit: Unit::Cycles, cores: 1, samples: 9, p50, p99: 0, p999: 0, max: 0 }
    }

    fn entry(ours: u64, theirs: u64) -> Entry {
        let spreads = [
            spread("framekeeper", ours),
            spread("framekeeper, checks off", 1),
            spread("harness", 1),
            spread("slow", theirs * 3),
            spread("talc", theirs),
        ];
        Entry::of("b", "i", 1, &spreads)
    }

    fn trend(ours: &[u64]) -> Trend {
        Trend { entries: ours.iter().map(|&ours| entry(ours, 100)).collect() }
    }

    #[test]
    fn an_operation_is_measured_by_the_best_of_the_others() {
        let pair = Pair { ours: 50, theirs: 100, peer: "talc".to_owned() };
        assert_eq!(entry(50, 100).operations, BTreeMap::from([("allocate, 1 core".to_owned(), pair)]));
        assert_eq!(Entry::of("b", "i", 1, &[spread("framekeeper", 5)]).operations, BTreeMap::new());
    }

    #[test]
    fn what_noise_explains_is_no_regression() {
        let quiet = trend(&[50, 50, 50, 50, 50]);
        assert_eq!(quiet.regressions(&entry(55, 100)), []);
        assert_eq!(quiet.regressions(&entry(110, 200)), []);
        let noisy = trend(&[40, 60, 45, 55, 50]);
        assert_eq!(noisy.regressions(&entry(75, 100)), []);
        assert_eq!(noisy.regressions(&entry(85, 100)).len(), 1);
    }

    #[test]
    fn a_regression_is_told_with_both_figures() {
        let found = trend(&[50, 50, 51, 50, 49]).regressions(&entry(60, 100));
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["allocate, 1 core: 0.60 × talc (60 to 100); the median of 5 runs before is 0.50 ×"]
        );
    }

    #[test]
    fn nothing_is_judged_by_few_runs_or_by_those_of_another_board() {
        assert_eq!(trend(&[50, 50, 50, 50]).regressions(&entry(500, 100)), []);
        let other = Entry { board: "other".to_owned(), ..entry(500, 100) };
        assert_eq!(trend(&[50; 9]).regressions(&other), []);
    }

    #[test]
    fn what_a_run_has_added_is_not_before_it() {
        let runs = [3, 4, 5].map(|run| Entry { run, ..entry(50, 100) });
        let before = |run| Trend { entries: runs.to_vec() }.before(run).entries;
        assert_eq!(before(4), runs[..1]);
        assert_eq!(before(6), runs);
    }

    #[test]
    fn a_file_is_read_as_it_was_written_up_to_a_line_that_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("trend.jsonl");
        assert_eq!(Trend::read(&file).unwrap(), Trend::default());
        for ours in [50, 51] {
            Trend::append(&file, &entry(ours, 100)).unwrap();
        }
        assert_eq!(Trend::read(&file).unwrap(), trend(&[50, 51]));
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, &text[..text.len() - 1]).unwrap();
        assert_eq!(Trend::read(&file).unwrap(), trend(&[50]));
        Trend::append(&file, &entry(52, 100)).unwrap();
        assert_eq!(Trend::read(&file).unwrap(), trend(&[50, 52]));
        fs::write(&file, "{}\n").unwrap();
        assert!(Trend::read(&file).is_err());
    }
}
