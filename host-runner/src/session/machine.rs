//! The state of a run, and its way in and out.

use super::agenda::Agenda;
use super::line::{Line, Said};
use super::{Action, Budgets, Closed, Crash, CutShort, Event, Identity, Notice, Oracle, Status, Timeout};
use crate::plan::Plan;
use crate::twin::Account;
use std::time::Duration;
use wire::{Parameters, RunId};

/// What a session is to do, and all that it needs to know for it.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What is to be run.
    pub plan: Plan,
    /// How long things may take.
    pub budgets: Budgets,
    /// What the nonces are drawn from: no two runs on a board may have the same.
    pub nonces: u64,
    /// How every test is to run.
    pub parameters: Parameters,
    /// Who says what digests must be.
    pub oracle: Oracle,
    /// Whether memory of a board that goes wrong is kept: then it is waited for.
    pub keeps_memory: bool,
    /// Whether somebody else may take the board during the run: then a reset is not believed before it was asked about.
    pub is_lent: bool,
}

/// One run of a plan on a board.
///
/// The caller carries out the actions, in order, and hands in whatever happens, and [`Event::Tick`] when
/// [`Self::next_wake`] has come. Times are since any one moment, and never go back; they count in whole microseconds,
/// as a recording keeps them.
#[derive(Debug)]
pub struct Session {
    pub(super) budgets: Budgets,
    pub(super) parameters: Parameters,
    pub(super) oracle: Oracle,
    pub(super) keeps_memory: bool,
    pub(super) is_lent: bool,
    /// Whether [`Action::Dump`] has no answer yet.
    pub(super) awaits_memory: bool,
    pub(super) agenda: Agenda,
    pub(super) line: Line,
    pub(super) phase: Phase,
    /// The time of the event that is being handled.
    pub(super) now: Duration,
    pub(super) started_at: Duration,
    pub(super) first_verdict: Option<Duration>,
    /// When the adopted boot was last heard.
    pub(super) heard_at: Duration,
    pub(super) boots: u32,
    /// Boots since the board was last ready, its own included.
    pub(super) unready: u32,
    pub(super) was_ever_ready: bool,
    pub(super) lost_frames: u64,
    pub(super) void_attempts: u32,
    pub(super) unreadable_numbers: u64,
    /// How many stray accesses a witness has seen in this boot, and in all boots; none where there is no witness.
    pub(super) strays: Option<Strays>,
    /// The core that panicked in the attempt under way.
    pub(super) panicked: Option<u32>,
    pub(super) actions: Vec<Action>,
}

/// Stray accesses, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strays {
    pub(super) in_boot: u64,
    pub(super) in_all: u64,
}

/// What a session waits for.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// [`Session::start`].
    Idle,
    /// A boot that proves that it is alive.
    Booting {
        /// Until when at most.
        until: Duration,
    },
    /// The adopted boot to be ready for the next test.
    Settling {
        /// The run after which it will be.
        last: RunId,
        /// Until when at most.
        until: Duration,
    },
    /// The board to begin the test it was ordered to run.
    Ordered {
        /// Until when at most.
        until: Duration,
        /// When the order is to be repeated.
        repeat_at: Duration,
    },
    /// The end of the test.
    Running {
        /// Until when at most.
        until: Duration,
    },
    /// Word that the board is still this run's, which has booted again by itself: it may have had another one's help.
    Doubted {
        /// What was waited for.
        before: Box<Self>,
        /// Who the new boot says that it is.
        identity: Identity,
        /// What it has said since.
        said: Vec<Said>,
        /// Until when at most.
        until: Duration,
    },
    /// What is still to be heard about a crash.
    Crashed {
        /// How the test will end; `None` while the board only said that it has crashed.
        crash: Option<Crash>,
        /// Until when.
        until: Duration,
    },
    /// What the cores say when the time is up.
    Inquest {
        /// How the test will end.
        timeout: Timeout,
        /// Frames were missing when the time was up, and still are: a verdict may be among them, and counts.
        owed: bool,
        /// Until when.
        until: Duration,
        /// Until when owed frames are waited for.
        owed_until: Duration,
    },
    /// Nothing any more.
    Finished,
}

impl Session {
    /// A run that has not begun.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let Setup { plan, budgets, nonces, parameters, oracle, keeps_memory, is_lent } = setup;
        Self {
            budgets,
            parameters,
            oracle,
            keeps_memory,
            is_lent,
            awaits_memory: false,
            agenda: Agenda::new(plan),
            line: Line::new(nonces),
            phase: Phase::Idle,
            now: Duration::ZERO,
            started_at: Duration::ZERO,
            first_verdict: None,
            heard_at: Duration::ZERO,
            boots: 0,
            unready: 0,
            was_ever_ready: false,
            lost_frames: 0,
            void_attempts: 0,
            unreadable_numbers: 0,
            strays: None,
            panicked: None,
            actions: Vec::new(),
        }
    }

    /// Begins the run. To be called once, before any event.
    pub fn start(&mut self, now: Duration) -> Vec<Action> {
        self.now = whole_micros(now);
        self.started_at = self.now;
        for (index, status) in self.agenda.ends().to_vec() {
            self.tell(Notice::Ended { index, status, took: Duration::ZERO });
        }
        if self.agenda.is_done() {
            self.cut_short("no test matches");
        } else {
            self.boot(String::new());
        }
        std::mem::take(&mut self.actions)
    }

    /// Takes what has happened and says what is to be done.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Action> {
        self.now = self.now.max(whole_micros(now));
        if !self.is_finished() {
            self.take(event);
            self.advance();
        }
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Tick`] is wanted at the latest; `None` before the start and after the end.
    #[must_use]
    pub fn next_wake(&self) -> Option<Duration> {
        let (due, _) = self.next_due()?;
        let repeat = match self.phase {
            Phase::Ordered { repeat_at, .. } => Some(repeat_at),
            _ => None,
        };
        let wake = [repeat, self.line.next_wake()].into_iter().flatten().fold(due, Duration::min);
        // Rounded up, for times that come in are rounded down.
        Some(whole_micros(wake + Duration::from_nanos(999)))
    }

    /// Whether the run is over.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        self.actions.push(Action::Tell(notice));
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Bytes(bytes) => self.take_bytes(&bytes),
            Event::Closed(closed) => self.take_closed(closed),
            Event::LoadFailed(reason) => self.cut_short(&format!("the board could not be started: {reason}")),
            Event::Lost(reason) => {
                // What runs on it may be another one's, and is not to be sent away.
                self.line.reset();
                self.cut_short(&reason);
            }
            Event::Ours => self.believe_reset(),
            Event::Inspected(report) => {
                self.tell(Notice::Inspected(report));
                self.prolong_evidence();
            }
            Event::Kept(report) => {
                self.awaits_memory = false;
                self.tell(Notice::Kept(report));
                self.prolong_evidence();
            }
            Event::Account(account) => self.take_account(&account),
            Event::Tick => {}
            Event::Interrupted => self.finish(Some(CutShort::Interrupted), "interrupted"),
        }
    }

    /// Counts what is new, and tells of what is described of it.
    fn take_account(&mut self, account: &Account) {
        let strays = self.strays.get_or_insert_default();
        let new = account.strays.saturating_sub(strays.in_boot);
        let known = usize::try_from(strays.in_boot).unwrap_or(usize::MAX);
        strays.in_boot += new;
        strays.in_all += new;
        if new > 0 {
            let described = account.first.iter().skip(known).cloned().collect();
            self.tell(Notice::Strayed { count: new, described });
        }
    }

    fn take_bytes(&mut self, bytes: &[u8]) {
        for said in self.line.receive(bytes, self.now) {
            self.take_said(said);
        }
    }

    pub(super) fn take_said(&mut self, said: Said) {
        match &mut self.phase {
            Phase::Finished => {}
            Phase::Doubted { said: rest, .. } if self.line.is_adopted(said.nonce) => rest.push(said),
            _ => self.hear(said),
        }
    }

    fn take_closed(&mut self, closed: Closed) {
        if let Some(rest) = self.line.take_unfinished() {
            self.tell(Notice::Text(rest));
        }
        self.believe_reset();
        let reason = match &closed {
            Closed::PoweredOff => "the board switched itself off".into(),
            Closed::Lost(reason) => format!("the line was lost: {reason}"),
        };
        match (&self.phase, closed) {
            (Phase::Running { .. }, Closed::PoweredOff) => {
                self.end_and_boot(Status::Crash(Crash::PoweredOff));
            }
            (Phase::Ordered { .. }, Closed::PoweredOff) => {
                self.suspect(Status::Crash(Crash::PoweredOff), &reason);
                self.boot(reason);
            }
            (Phase::Running { .. } | Phase::Ordered { .. }, Closed::Lost(_))
            | (Phase::Inquest { owed: true, .. }, _) => self.spoil_and_boot(reason),
            // What the test did is known already; only details of it are not.
            (Phase::Crashed { .. } | Phase::Inquest { .. }, _) => self.conclude(),
            _ => self.boot(reason),
        }
    }

    /// Does what is due after an event.
    fn advance(&mut self) {
        self.look();
        self.expire();
        if self.is_finished() {
            return;
        }
        if let Some(text) = self.line.take_settled_text(self.now) {
            self.tell(Notice::Text(text));
        }
        self.repeat_order();
        for order in self.line.due_orders(self.now) {
            self.actions.push(Action::Send(order));
        }
    }
}

const fn whole_micros(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_micros() * 1000)
}
