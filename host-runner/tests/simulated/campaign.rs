//! Many sessions under the same conditions, and what must hold for each of them.

use crate::reports;
use crate::world::{self, Conditions, Outcome, Stale};
use host_runner::plan::Selected;
use host_runner::session::{Crash, Measured, Notice, Status, Timeout};
use std::sync::OnceLock;
use std::time::Duration;
use wire::host::encode_order;
use wire::{Channel, Frame, FromBoard, Nonce, RunId, ToBoard, Verdict};

/// Of an image, unless `SIMULATED_TESTS` says otherwise.
const TESTS: u64 = 20;

/// Of so many sessions one has its reports looked at.
const REPORTED: u64 = 16;

/// What may come of a test besides the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excuse {
    /// Nothing: everything can be recovered.
    None,
    /// The line was closed so often that a test was given up, or three boots in a row.
    Infra,
    /// Frames were lost for good.
    Lost,
    /// The time for the whole run was up.
    Total,
    /// Nothing was heard for longer than a board may be silent.
    Silence,
    /// The host did nothing for longer than a test may take.
    Nap,
    /// No test can be begun.
    Never,
}

/// A number of sessions.
pub(crate) struct Campaign {
    name: &'static str,
    sessions: u64,
    conditions: Conditions,
    excuse: Excuse,
}

/// What came of them.
#[derive(Default)]
struct Figures {
    results: u64,
    lost: u64,
    repeated: u64,
    stale: u64,
    boots: u64,
}

impl Campaign {
    /// Sessions in which everything can be recovered.
    pub(crate) fn new(name: &'static str, sessions: u64, conditions: Conditions) -> Self {
        Self { name, sessions: 4 * sessions * times(), conditions, excuse: Excuse::None }
    }

    /// Sessions in which a test may be hit three times by what no protocol can recover: its line was closed.
    pub(crate) fn may_be_infra(self) -> Self {
        Self { excuse: Excuse::Infra, ..self }
    }

    /// Sessions in which frames are lost for good, maybe three times in the same test.
    pub(crate) fn may_lose_frames(self) -> Self {
        Self { excuse: Excuse::Lost, ..self }
    }

    /// Sessions whose time runs out.
    pub(crate) fn may_run_out(self) -> Self {
        Self { excuse: Excuse::Total, ..self }
    }

    /// Sessions in which a test, or the rest of them, may not be heard for longer than a board may be silent.
    pub(crate) fn may_fall_silent(self) -> Self {
        Self { excuse: Excuse::Silence, ..self }
    }

    /// Sessions whose host sleeps for longer than a test may take.
    pub(crate) fn may_sleep(self) -> Self {
        Self { excuse: Excuse::Nap, ..self }
    }

    /// Sessions in which no test can be begun.
    pub(crate) fn never_begins(self) -> Self {
        Self { excuse: Excuse::Never, ..self }
    }

    /// Runs them, and prints a line of figures.
    pub(crate) fn run(self) {
        let mut figures = Figures::default();
        // The seeds of one kind of fault are not those of another.
        let first =
            self.name.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        for seed in (0..self.sessions).map(|number| first.wrapping_add(number)) {
            let stale = match self.conditions.stale {
                Stale::No => Vec::new(),
                Stale::First | Stale::Mixed => earlier_output(seed),
            };
            let outcome = world::run(seed, tests(), self.conditions, &stale);
            self.check(seed, &outcome);
            figures.add(&outcome);
        }
        let Figures { results, lost, repeated, stale, boots } = figures;
        // A wrong result has ended the test before this line.
        println!(
            "{:<24} {:>5} sessions {results:>6} results   0 wrong {lost:>4} lost {repeated:>6} frames repeated {stale:>7} stale {boots:>6} boots",
            self.name, self.sessions,
        );
    }

    fn check(&self, seed: u64, outcome: &Outcome) {
        let name = self.name;
        let Outcome { truths, plan, summary, .. } = outcome;
        let planned: Vec<usize> = (0..truths.len()).collect();
        let ended: Vec<usize> = summary.ends.iter().map(|(index, _)| *index).collect();
        assert_eq!(ended, planned, "{name}, seed {seed}: a test has no end, or two");
        assert_eq!(
            told(outcome),
            summary.ends,
            "{name}, seed {seed}: what was told differs from the summary"
        );
        for (index, status) in &summary.ends {
            let test = &plan.tests[*index];
            let truth = match test.selected {
                Selected::Ignored => Status::Ignored,
                _ => truths[*index].status(test.should_panic),
            };
            let right = *status == truth || self.excuses(status, outcome);
            assert!(right, "{name}, seed {seed}, test {index}: {status:?} instead of {truth:?}");
        }
        // A report costs more than a session; which of them have one does not depend on what came of them.
        if seed.is_multiple_of(REPORTED) {
            reports::check(outcome).unwrap_or_else(|wrong| panic!("{name}, seed {seed}: {wrong}"));
        }
        check_numbers(&outcome.notices).unwrap_or_else(|wrong| panic!("{name}, seed {seed}: {wrong}"));
        // A board that does not get ready any more may have been needed for the last test only.
        let expected = if summary.cut_short.is_some() { 2 } else { exit_code(&summary.ends) };
        assert_eq!(summary.exit_code(), expected, "{name}, seed {seed}: {summary:?}");
        let may_be_cut = match self.excuse {
            Excuse::Infra => outcome.closings >= 3,
            Excuse::Silence => true,
            Excuse::Never => {
                summary.exit_code() == 2 && summary.ends.iter().all(|(_, status)| !is_of_test(status))
            }
            _ => false,
        };
        let must_be_cut = self.excuse == Excuse::Never;
        assert!(!must_be_cut || summary.cut_short.is_some(), "{name}, seed {seed}: {summary:?}");
        assert!(summary.cut_short.is_none() || may_be_cut, "{name}, seed {seed}: {summary:?}");
    }

    fn excuses(&self, status: &Status, outcome: &Outcome) -> bool {
        match self.excuse {
            Excuse::None => false,
            Excuse::Infra => matches!(status, Status::Infra(_) | Status::NotRun(_)) && outcome.closings >= 3,
            Excuse::Lost => matches!(status, Status::Infra(_)) && outcome.summary.lost_frames >= 3,
            Excuse::Total => matches!(status, Status::NotRun(_) | Status::Timeout(Timeout::Total)),
            Excuse::Silence => matches!(status, Status::Timeout(Timeout::Silence)) || !is_of_test(status),
            Excuse::Nap => matches!(status, Status::Timeout(_)),
            Excuse::Never => !is_of_test(status),
        }
    }
}

/// What a test has measured is told with its end: of one attempt, in order, and all of it unless the test was cut off.
fn check_numbers(notices: &[(Duration, Notice)]) -> Result<(), String> {
    let mut numbers = Vec::new();
    for (_, notice) in notices {
        match notice {
            Notice::Measured(measured) => numbers.extend(measured.iter().map(point)),
            Notice::Ended { status, .. } => check_numbers_of(status, &std::mem::take(&mut numbers))?,
            _ => {}
        }
    }
    Ok(())
}

fn check_numbers_of(status: &Status, numbers: &[(u64, u64)]) -> Result<(), String> {
    let wrong = || Err(format!("{status:?} with these numbers: {numbers:x?}"));
    let in_order = |(before, &(_, value)): (usize, &(u64, u64))| value & 0xffff_ffff == before as u64;
    if numbers.iter().any(|number| number.0 != numbers[0].0) || !numbers.iter().enumerate().all(in_order) {
        return wrong();
    }
    let is_whole = numbers.last().is_some_and(|(_, value)| value >> 32 == numbers.len() as u64);
    match status {
        Status::Pass | Status::Fail(_) | Status::Crash(Crash::LostCores(_)) if !is_whole => wrong(),
        Status::Infra(_) | Status::NotRun(_) | Status::Ignored if !numbers.is_empty() => wrong(),
        _ => Ok(()),
    }
}

/// Which attempt a number is of, and its value.
fn point(measured: &Measured) -> (u64, u64) {
    match measured {
        Measured::Point { series, at, value } if series == "simulated" => (*at, *value),
        other => panic!("nobody has measured {other:?}"),
    }
}

impl Figures {
    fn add(&mut self, outcome: &Outcome) {
        let ends = &outcome.summary.ends;
        self.results += ends.len() as u64;
        let is_lost = |status: &Status| matches!(status, Status::Infra(_) | Status::NotRun(_));
        self.lost += ends.iter().filter(|(_, status)| is_lost(status)).count() as u64;
        self.repeated += outcome.summary.repeated_frames;
        self.stale += outcome.summary.stale_frames;
        self.boots += u64::from(outcome.summary.boots);
    }
}

/// Whether it says what a test did.
fn is_of_test(status: &Status) -> bool {
    !matches!(status, Status::Infra(_) | Status::NotRun(_) | Status::Ignored | Status::Timeout(Timeout::Boot))
}

/// What the numbers of sessions are multiplied with, for a longer search.
fn times() -> u64 {
    told_outside("SIMULATED_TIMES").unwrap_or(1)
}

fn tests() -> usize {
    told_outside("SIMULATED_TESTS").unwrap_or(TESTS) as usize
}

fn told_outside(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// How tests ended, as it was told.
fn told(outcome: &Outcome) -> Vec<(usize, Status)> {
    let mut ends: Vec<_> = outcome
        .notices
        .iter()
        .filter_map(|(_, notice)| match notice {
            Notice::Ended { index, status, .. } => Some((*index, status.clone())),
            _ => None,
        })
        .collect();
    ends.sort_by_key(|(index, _)| *index);
    ends
}

/// The exit code, told another way than the library tells it.
fn exit_code(ends: &[(usize, Status)]) -> u8 {
    let any = |wanted: fn(&Status) -> bool| ends.iter().any(|(_, status)| wanted(status));
    if any(|status| matches!(status, Status::Infra(_) | Status::NotRun(_))) {
        2
    } else {
        u8::from(!ends.iter().all(|(_, status)| matches!(status, Status::Pass | Status::Ignored)))
    }
}

/// What the board of an earlier run sent, and forged verdicts: that all tests passed.
fn earlier_output(seed: u64) -> Vec<Vec<u8>> {
    static RUNS: OnceLock<Vec<Vec<Vec<u8>>>> = OnceLock::new();
    let runs = RUNS.get_or_init(|| {
        let earlier = |number| world::run(u64::MAX / 2 + number, tests(), crate::calm(), &[]).blocks;
        (0..16).map(earlier).collect()
    });
    let mut blocks = runs[seed as usize % runs.len()].clone();
    for (place, block) in forged(seed).into_iter().enumerate() {
        blocks.insert((place * 7).min(blocks.len()), block);
    }
    blocks
}

fn forged(seed: u64) -> Vec<Vec<u8>> {
    let run_of = |number: u32| RunId(number / 2);
    let nonce_of = |number: u32| if number.is_multiple_of(2) { Nonce::UNBOUND } else { Nonce(seed) };
    let verdict = |number: u32| {
        let outcome = wire::Outcome::Passed;
        let message = FromBoard::Verdict(Verdict { run: run_of(number), outcome, lost_cores: 0 });
        let body = postcard::to_stdvec(&message).expect("a verdict can be encoded");
        let frame =
            Frame { channel: Channel::Control, nonce: nonce_of(number), sequence: number, body: &body };
        frame.encode().expect("a verdict is shorter than a frame").as_bytes().to_vec()
    };
    let echo = encode_order(Nonce::UNBOUND, &ToBoard::Report);
    (0..40).map(verdict).chain([echo]).collect()
}
