//! Deadlines: the next one, and what happens when it has passed.

use super::machine::Phase;
use super::{Action, Session, Status, Timeout};
use std::time::Duration;
use wire::ToBoard;

/// How long is waited for what the cores say about a crash or a timeout.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// How often an order to run is repeated.
pub(super) const REPEAT_RUN: Duration = Duration::from_millis(200);

/// What a deadline is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// The whole run.
    Total,
    /// The board's readiness.
    Boot,
    /// The beginning of the test.
    Begin,
    /// The end of the test.
    Test,
    /// A sign of life.
    Silence,
    /// The end of a crash's or a timeout's evidence.
    Conclude,
}

impl Session {
    /// The next deadline.
    pub(super) fn next_due(&self) -> Option<(Duration, Due)> {
        let silence = self.heard_at + self.budgets.silence;
        let due = match self.phase {
            Phase::Idle | Phase::Finished => return None,
            Phase::Booting { until } | Phase::Settling { until, .. } => (until, Due::Boot),
            Phase::Ordered { until, .. } if until <= silence => (until, Due::Begin),
            Phase::Running { until } if until <= silence => (until, Due::Test),
            Phase::Ordered { .. } | Phase::Running { .. } => (silence, Due::Silence),
            Phase::Doubted { until, .. } | Phase::Crashed { until, .. } | Phase::Inquest { until, .. } => {
                (until, Due::Conclude)
            }
        };
        let total = (self.started_at + self.budgets.total, Due::Total);
        Some(if total.0 <= due.0 { total } else { due })
    }

    /// Handles every deadline that has passed. Each one handled leads to a later one, or to the end.
    pub(super) fn expire(&mut self) {
        while let Some((_, due)) = self.next_due().filter(|(at, _)| *at <= self.now) {
            match due {
                Due::Total => self.run_out(),
                Due::Boot => self.boot_timed_out(),
                Due::Begin => self.spoil_and_boot("the board does not begin the test".into()),
                Due::Test => self.inquire(Timeout::Test),
                Due::Silence => self.fall_silent(),
                Due::Conclude => self.conclude(),
            }
        }
    }

    /// Repeats the order to run while nothing shows that it has arrived.
    pub(super) fn repeat_order(&mut self) {
        if let Phase::Ordered { repeat_at, .. } = &mut self.phase
            && *repeat_at <= self.now
        {
            *repeat_at = self.now + REPEAT_RUN;
            let order = self.agenda.order(self.parameters).and_then(|order| self.line.order(&order));
            self.actions.extend(order.map(Action::Send));
        }
    }

    fn run_out(&mut self) {
        if self.agenda.current().is_some() {
            self.end(Status::Timeout(Timeout::Total));
        }
        self.finish(None, "the time for the whole run was up");
    }

    fn fall_silent(&mut self) {
        if matches!(self.phase, Phase::Running { .. }) {
            return self.inquire(Timeout::Silence);
        }
        let reason = "the board fell silent before the test was seen to begin";
        self.suspect(Status::Timeout(Timeout::Silence), reason);
        self.boot(reason.into());
    }

    /// The time is up: asks what the cores are doing before they are switched off.
    fn inquire(&mut self, timeout: Timeout) {
        let report = self.line.order(&ToBoard::Report);
        self.actions.extend(report.map(Action::Send));
        self.actions.push(Action::Inspect);
        self.ask_for_memory();
        // A silent board will not send what it owes, and a verdict that it could not deliver is no success either.
        let owed = timeout == Timeout::Test && self.line.is_missing_frames();
        let until = self.now + GRACE;
        let owed_until = self.now + self.budgets.silence.max(GRACE);
        self.phase = Phase::Inquest { timeout, owed, until, owed_until };
    }

    /// Asks for the memory that is to be kept of a board that goes wrong.
    pub(super) fn ask_for_memory(&mut self) {
        if self.keeps_memory {
            self.actions.push(Action::Dump);
            self.awaits_memory = true;
        }
    }

    /// A debugger has looked at the board, and while it did, the board said nothing: it has the whole time again.
    pub(super) fn prolong_evidence(&mut self) {
        if let Phase::Crashed { until, .. } | Phase::Inquest { until, .. } = &mut self.phase {
            *until = (self.now + GRACE).max(*until);
        }
    }
}
