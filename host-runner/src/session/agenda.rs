//! Which test is in turn, how often it was tried, and how those before it ended.

use super::{EXIT_FAILED, Measured, Status, Timeout};
use crate::plan::{Plan, Selected};
use std::collections::VecDeque;
use std::time::Duration;
use wire::{Parameters, RunId, ToBoard};

/// How often a test is tried before it is given up as [`Status::Infra`].
pub(super) const MAX_ATTEMPTS: u32 = 3;

/// One order to run one test.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The test's place in the plan.
    pub(super) index: usize,
    /// How often it was ordered by now, from 1.
    pub(super) number: u32,
    /// The order's own number.
    pub(super) run: RunId,
    /// When it was first sent.
    pub(super) ordered_at: Duration,
    /// Whether the board's word that the test begins has arrived in sequence. What came before it is no part of
    /// the attempt.
    pub(super) started: bool,
    /// What it has measured since it began.
    measured: Vec<Measured>,
}

/// The plan and how far it has got.
#[derive(Debug)]
pub(super) struct Agenda {
    plan: Plan,
    queue: VecDeque<usize>,
    attempts: u32,
    current: Option<Attempt>,
    last_run: RunId,
    /// The end that every earlier attempt at the test in turn seemed to have, if it was the same.
    suspicion: Option<Status>,
    /// How the test in turn has failed so far.
    failures: Vec<Status>,
    ends: Vec<(usize, Status)>,
}

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The test's place.
    pub(super) index: usize,
    /// How it ended; the test, if that is its end.
    pub(super) status: Status,
    /// Whether the test is run again.
    pub(super) again: bool,
    /// How long the attempt took.
    pub(super) took: Duration,
}

impl Agenda {
    /// Nothing has been run; ignored tests have their end already.
    pub(super) fn new(plan: Plan) -> Self {
        let of = |selected| {
            let tests = plan.tests.iter().enumerate();
            tests.filter(move |(_, test)| test.selected == selected).map(|(index, _)| index)
        };
        let queue = of(Selected::Yes).collect();
        let ends = of(Selected::Ignored).map(|index| (index, Status::Ignored)).collect();
        let (attempts, last_run) = (0, RunId(0));
        let failures = Vec::new();
        Self { plan, queue, attempts, current: None, last_run, suspicion: None, failures, ends }
    }

    /// The plan.
    pub(super) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How tests ended, in the order in which they did.
    pub(super) fn ends(&self) -> &[(usize, Status)] {
        &self.ends
    }

    /// Whether every selected test has its end.
    pub(super) fn is_done(&self) -> bool {
        self.queue.is_empty()
    }

    /// The attempt that is under way.
    pub(super) const fn current(&self) -> Option<&Attempt> {
        self.current.as_ref()
    }

    /// Whether `run` is the attempt that is under way.
    pub(super) fn is_current(&self, run: RunId) -> bool {
        self.current.as_ref().is_some_and(|attempt| attempt.run == run)
    }

    /// Whether the attempt under way is known to have started, by a word in sequence.
    pub(super) fn has_started(&self) -> bool {
        self.current.as_ref().is_some_and(|attempt| attempt.started)
    }

    /// Begins the next attempt at the test in turn.
    pub(super) fn begin(&mut self, now: Duration) -> Option<&Attempt> {
        let index = *self.queue.front()?;
        self.attempts += 1;
        self.last_run.0 += 1;
        let (number, run) = (self.attempts, self.last_run);
        self.current =
            Some(Attempt { index, number, run, ordered_at: now, started: false, measured: Vec::new() });
        self.current.as_ref()
    }

    /// The order of the attempt under way.
    pub(super) fn order(&self, parameters: Parameters) -> Option<ToBoard> {
        let attempt = self.current.as_ref()?;
        let test = self.plan.tests.get(attempt.index)?;
        Some(ToBoard::Run { run: attempt.run, entry: test.entry, parameters })
    }

    /// The own time limit of the test under way.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.plan.tests.get(self.current.as_ref()?.index)?.timeout
    }

    /// Whether the test under way is to panic.
    pub(super) fn should_panic(&self) -> bool {
        let test = self.current.as_ref().and_then(|attempt| self.plan.tests.get(attempt.index));
        test.is_some_and(|test| test.should_panic)
    }

    /// The board said in sequence that the attempt under way begins.
    pub(super) fn start(&mut self) {
        if let Some(attempt) = &mut self.current {
            attempt.started = true;
        }
    }

    /// The attempt under way has measured this; forgotten if it was not seen to begin.
    pub(super) fn measure(&mut self, measured: Measured) {
        if let Some(attempt) = self.current.as_mut().filter(|attempt| attempt.started) {
            attempt.measured.push(measured);
        }
    }

    /// What the attempt under way has measured.
    pub(super) fn take_measured(&mut self) -> Vec<Measured> {
        self.current.as_mut().map(|attempt| std::mem::take(&mut attempt.measured)).unwrap_or_default()
    }

    /// The attempt under way is void. Its test's place is returned if it may be tried again.
    pub(super) fn spoil(&mut self) -> Option<usize> {
        self.suspicion = None;
        self.retry()
    }

    /// The attempt under way seems to have ended so, but was not seen to begin. Its test's place is returned if it
    /// may be tried again; otherwise whether all attempts seemed to end the same way.
    pub(super) fn suspect(&mut self, status: &Status) -> Result<usize, bool> {
        let first = self.current.as_ref().is_some_and(|attempt| attempt.number == 1);
        let same = first || self.suspicion.as_ref() == Some(status);
        self.suspicion = same.then(|| status.clone());
        self.retry().ok_or(same)
    }

    /// The test in turn has ended, or failed and is to be run again.
    pub(super) fn end(&mut self, status: Status, now: Duration) -> Option<Ended> {
        let index = *self.queue.front()?;
        let ordered_at = self.current.take().map_or(now, |attempt| attempt.ordered_at);
        let took = now.saturating_sub(ordered_at);
        self.attempts = 0;
        self.suspicion = None;
        if is_worth_a_retry(&status) && self.failures.len() < self.plan.again.retries as usize {
            self.failures.push(status.clone());
            return Some(Ended { index, status, again: true, took });
        }
        let before = std::mem::take(&mut self.failures);
        let status = match status {
            Status::Pass if !before.is_empty() => {
                Status::Flaky { before, passes: self.plan.again.flaky_passes }
            }
            // What has been seen of it is known, whatever became of the rest of the run.
            Status::NotRun(_) | Status::Infra(_) => before.last().cloned().unwrap_or(status),
            status => status,
        };
        let status = self.in_quarantine(index, status);
        self.queue.pop_front();
        self.ends.push((index, status.clone()));
        Some(Ended { index, status, again: false, took })
    }

    /// The end of a test: another one, if it failed and is in quarantine.
    fn in_quarantine(&self, index: usize, status: Status) -> Status {
        let name = self.plan.tests.get(index).map(|test| &test.name);
        match name.and_then(|name| self.plan.quarantine.get(name)) {
            Some(words) if status.exit_code() == EXIT_FAILED => {
                Status::Quarantined { was: Box::new(status), words: words.clone() }
            }
            _ => status,
        }
    }

    fn retry(&mut self) -> Option<usize> {
        let again = self.current.as_ref().filter(|attempt| attempt.number < MAX_ATTEMPTS)?.index;
        self.current = None;
        Some(again)
    }
}

/// Whether a test that ends so might pass another time. What the board or the line did wrong has had its own attempts.
const fn is_worth_a_retry(status: &Status) -> bool {
    matches!(status, Status::Fail(_) | Status::Crash(_) | Status::Timeout(Timeout::Test | Timeout::Silence))
}
