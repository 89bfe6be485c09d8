//! The transitions of a run: boot, ready, order, end, and the next test.

use super::agenda::Ended;
use super::clock::GRACE;
use super::machine::Phase;
use super::{Action, Crash, CutShort, Notice, Session, Status, Summary, Timeout};
use std::time::Duration;
use wire::{ResetInto, RunId, ToBoard};

/// After this many boots in a row in which the board did not get ready, it is given up.
pub(super) const MAX_UNREADY: u32 = 3;

/// The same for a board that was never ready in this run and only ran out of time: its image, or the way it is
/// loaded, is wrong, and a third wait would show the same.
const MAX_UNREADY_AT_FIRST: u32 = 2;

impl Session {
    /// Switches the board off and on.
    pub(super) fn boot(&mut self, reason: String) {
        if self.is_finished() {
            return;
        }
        if self.unready >= MAX_UNREADY {
            return self.give_up(&reason);
        }
        self.unready += 1;
        self.boots += 1;
        self.send_to_boot_loader();
        self.line.reset();
        if let Some(strays) = &mut self.strays {
            strays.in_boot = 0;
        }
        self.phase = Phase::Booting { until: self.now + self.budgets.boot };
        self.tell(Notice::Booting { count: self.boots, reason });
        self.actions.push(Action::Boot);
    }

    /// The board did not get ready in time.
    pub(super) fn boot_timed_out(&mut self) {
        let limit = if self.was_ever_ready { MAX_UNREADY } else { MAX_UNREADY_AT_FIRST };
        if self.unready < limit {
            return self.boot("the board did not get ready in time".into());
        }
        self.end(Status::Timeout(Timeout::Boot));
        self.give_up("it ran out of time");
    }

    /// The board has not become ready, however often it was started.
    pub(super) fn give_up(&mut self, reason: &str) {
        let count = self.unready;
        self.cut_short(&format!(
            "the board did not get ready in {count} boots in a row; the last time: {reason}"
        ));
    }

    /// Waits until the adopted boot is ready for the next test.
    pub(super) fn settle(&mut self, last: RunId) {
        if self.agenda.is_done() {
            self.finish(None, "");
        } else if !self.is_finished() {
            self.phase = Phase::Settling { last, until: self.now + self.budgets.boot };
        }
    }

    /// The board waits: the test in turn is ordered.
    pub(super) fn order_next(&mut self) {
        self.unready = 0;
        self.was_ever_ready = true;
        self.panicked = None;
        self.heard_at = self.now;
        let Some(attempt) = self.agenda.begin(self.now) else { return };
        let (index, attempt) = (attempt.index, attempt.number);
        self.tell(Notice::Began { index, attempt });
        self.phase = Phase::Ordered { until: self.now + self.budgets.boot, repeat_at: self.now };
    }

    /// The board was seen to run the test: its time begins.
    pub(super) fn run(&mut self) {
        if matches!(self.phase, Phase::Ordered { .. }) {
            let limit = self.agenda.timeout().unwrap_or(self.budgets.test);
            self.phase = Phase::Running { until: self.now + limit };
        }
    }

    /// The test in turn has ended.
    pub(super) fn end(&mut self, status: Status) {
        let status = self.conclude_numbers(status);
        let Some(Ended { index, status, again, took }) = self.agenda.end(status, self.now) else { return };
        self.tell(match again {
            true => Notice::Failed { index, status, took },
            false => Notice::Ended { index, status, took },
        });
    }

    /// The test in turn has ended and taken the board with it.
    pub(super) fn end_and_boot(&mut self, status: Status) {
        let reason = reason_to_boot(&status);
        self.end(status);
        if self.agenda.is_done() {
            self.finish(None, "");
        } else {
            self.boot(reason);
        }
    }

    /// The attempt under way is void: its test is tried again, or given up.
    pub(super) fn spoil(&mut self, reason: &str) {
        self.void_attempts += 1;
        match self.agenda.spoil() {
            Some(index) => self.tell(Notice::Retry { index, reason: reason.into() }),
            None => self.end(Status::Infra(reason.into())),
        }
    }

    /// The same, and the board is in an unknown state.
    pub(super) fn spoil_and_boot(&mut self, reason: String) {
        self.spoil(&reason);
        if self.agenda.is_done() {
            self.finish(None, "");
        } else {
            self.boot(reason);
        }
    }

    /// The attempt under way seems to have ended as `status`, but was not seen to begin: the board's word may have
    /// been lost, or the test may have had nothing to do with it. It is tried again, and believed when all
    /// attempts seemed to end in the same way.
    pub(super) fn suspect(&mut self, status: Status, reason: &str) {
        self.void_attempts += 1;
        match self.agenda.suspect(&status) {
            Ok(index) => self.tell(Notice::Retry { index, reason: reason.into() }),
            Err(true) => self.end(status),
            Err(false) => self.end(Status::Infra(reason.into())),
        }
        if self.agenda.is_done() {
            self.finish(None, "");
        }
    }

    /// Whatever was still to be heard about a crash or a timeout has had its time.
    pub(super) fn conclude(&mut self) {
        match self.phase.clone() {
            Phase::Crashed { crash: Some(crash), .. } => self.end_and_boot(Status::Crash(crash)),
            Phase::Crashed { crash: None, .. } => {
                self.spoil_and_boot("the board says that it crashed, and not how".into());
            }
            Phase::Inquest { owed: true, timeout, until, owed_until } if until < owed_until => {
                let until = (self.now + GRACE).min(owed_until);
                self.phase = Phase::Inquest { owed: true, timeout, until, owed_until };
            }
            Phase::Inquest { owed: true, .. } => {
                self.spoil_and_boot("the time was up while frames were missing".into());
            }
            Phase::Inquest { timeout, .. } => self.end_and_boot(Status::Timeout(timeout)),
            Phase::Doubted { .. } => self.believe_reset(),
            _ => {}
        }
    }

    /// Ends the run because the board or the way to it does not work.
    pub(super) fn cut_short(&mut self, reason: &str) {
        self.finish(Some(CutShort::Infra(reason.into())), reason);
    }

    /// Ends the run. Tests without an end did not run, for `reason`.
    pub(super) fn finish(&mut self, cut_short: Option<CutShort>, reason: &str) {
        if self.is_finished() {
            return;
        }
        while !self.agenda.is_done() {
            self.end(Status::NotRun(reason.into()));
        }
        if let Some(rest) = self.line.take_unfinished() {
            self.tell(Notice::Text(rest));
        }
        self.phase = Phase::Finished;
        self.send_to_boot_loader();
        let summary = self.summary(cut_short);
        self.tell(Notice::Finished(summary));
        self.actions.push(Action::Finish);
    }

    /// Asks the board to leave for its boot loader, so that it can be loaded again where nobody can switch it off. One that
    /// is switched off anyway does not mind.
    fn send_to_boot_loader(&mut self) {
        let order = self.line.order(&ToBoard::Reset { into: ResetInto::BootLoader });
        self.actions.extend(order.map(Action::Send));
    }

    fn summary(&self, cut_short: Option<CutShort>) -> Summary {
        let mut ends = self.agenda.ends().to_vec();
        ends.sort_by_key(|(index, _)| *index);
        let counts = self.line.counts();
        Summary {
            ends,
            cut_short,
            first_verdict: self.first_verdict,
            took: self.since_start(),
            boots: self.boots,
            stale_frames: counts.stale_frames,
            noise_chunks: counts.noise_chunks,
            repeated_frames: counts.repeated_frames,
            lost_frames: self.lost_frames,
            void_attempts: self.void_attempts,
            unreadable_numbers: self.unreadable_numbers,
            strays: self.strays.map(|strays| strays.in_all),
        }
    }

    pub(super) fn since_start(&self) -> Duration {
        self.now.saturating_sub(self.started_at)
    }
}

/// Why the board is started again after a test that ended so.
fn reason_to_boot(status: &Status) -> String {
    match status {
        Status::Crash(Crash::Exception(core)) => format!("core {core} took an exception"),
        Status::Crash(Crash::StackOverflow(core)) => format!("core {core} ran out of stack"),
        Status::Crash(Crash::PanicOn(core)) => format!("core {core} panicked"),
        Status::Crash(Crash::Reset) => "the board booted again by itself".into(),
        Status::Crash(Crash::PoweredOff) => "the board switched itself off".into(),
        Status::Crash(Crash::LostCores(cores)) => format!("cores {cores:?} are lost"),
        Status::Timeout(_) => "the test ran out of time".into(),
        _ => "the board's state is not known".into(),
    }
}
