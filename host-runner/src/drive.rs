//! The loop of a live run: what happens goes into the session, what the session wants is done.
//!
//! Everything that reaches the session is recorded first, with the time it is given; a replay needs nothing else.
//! Times are cut to microseconds before the session sees them, because that is what a recording keeps.

use crate::dump::Region;
use crate::interrupt;
use crate::link::{Faults, FaultyLink};
use crate::loader::{BootCount, Incoming, Loader, Machine};
use crate::record::{self, Recorder};
use crate::report::Report;
use crate::session::{Action, Event, Notice, Session, Summary};
use crate::twin::Account;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How long to wait when the session wants to be woken at no time in particular.
const IDLE: Duration = Duration::from_secs(1);

/// Bytes that came within this time of each other are handed on together, and have the time of the first: a board that says
/// much sends them in small pieces.
const TOGETHER: Duration = Duration::from_millis(1);

/// No more bytes than this are handed on together.
const MOST_BYTES: usize = 1 << 16;

/// What a run needs.
#[derive(Debug)]
pub struct Drive<'a> {
    /// Decides.
    pub session: Session,
    /// Starts the board.
    pub loader: &'a Loader,
    /// Keeps what happened.
    pub recorder: Recorder,
    /// Shows it.
    pub report: &'a mut Report,
    /// What happens outside comes here.
    pub inbox: Receiver<Incoming>,
    /// Where the board and the user put it.
    pub outside: Sender<Incoming>,
    /// A bad line on purpose.
    pub faults: Option<Faults>,
    /// What memory of a board that goes wrong is kept.
    pub dumps: Vec<Region>,
}

/// Why a run cannot go on although the session could.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DriveError {
    /// What happens cannot be kept.
    #[error("the run cannot be recorded")]
    #[diagnostic(help("recordings lie in target/hil; is the disk full?"))]
    Recording(#[from] record::Error),
    /// What happens cannot be shown.
    #[error("the report cannot be written")]
    Report(#[source] std::io::Error),
    /// The session broke its promise.
    #[error("bug: the session finished without a summary")]
    NoSummary,
}

/// Runs until the session is finished.
///
/// # Errors
///
/// When the recording or the report cannot be written.
pub fn drive(drive: Drive<'_>) -> Result<Summary, DriveError> {
    Run::new(drive).run_out()
}

/// A run under way.
struct Run<'a> {
    drive: Drive<'a>,
    began: Instant,
    /// The session's time; it never goes back.
    now: Duration,
    machine: Option<Machine>,
    boot: BootCount,
    /// What was taken from the inbox and not handed on yet.
    ahead: Option<Incoming>,
    /// What the session was told of stray accesses in this boot.
    account: Option<Account>,
    from_board: Option<FaultyLink>,
    to_board: Option<FaultyLink>,
    /// How many pieces of memory were kept.
    kept: u32,
    summary: Option<Summary>,
}

impl<'a> Run<'a> {
    fn new(drive: Drive<'a>) -> Self {
        let line = |salt| {
            let seeded = |faults: Faults| Faults { seed: faults.seed ^ salt, ..faults };
            drive.faults.map(seeded).map(FaultyLink::new)
        };
        let (from_board, to_board) = (line(0), line(u64::MAX));
        let (began, now) = (Instant::now(), Duration::ZERO);
        let (machine, boot, ahead, account, summary) = (None, BootCount(0), None, None, None);
        Self { drive, began, now, machine, boot, ahead, account, from_board, to_board, kept: 0, summary }
    }

    fn run_out(mut self) -> Result<Summary, DriveError> {
        self.drive.recorder.start(self.now)?;
        let first = self.drive.session.start(self.now);
        self.carry_out(first)?;
        while !self.drive.session.is_finished() {
            if let Some(event) = self.next_event() {
                self.give(event)?;
            }
        }
        self.summary.ok_or(DriveError::NoSummary)
    }

    /// Waits for what happens next; none for what belongs to a machine that is gone.
    fn next_event(&mut self) -> Option<Event> {
        let ahead = self.ahead.take();
        match ahead.map_or_else(|| self.drive.inbox.recv_timeout(self.patience()), Ok) {
            Ok(Incoming::Bytes { boot, at, bytes }) if boot == self.boot => {
                self.advance(at);
                let bytes = self.and_more(at, bytes);
                Some(Event::Bytes(pass(&mut self.from_board, bytes)))
            }
            Ok(Incoming::Ended(boot)) if boot == self.boot => {
                let closed = self.machine.as_mut().map(Machine::why_ended)?;
                self.machine = None;
                self.advance(Instant::now());
                Some(Event::Closed(closed))
            }
            Ok(Incoming::Interrupted) => {
                self.advance(Instant::now());
                Some(Event::Interrupted)
            }
            Ok(Incoming::Bytes { .. } | Incoming::Ended(_)) => None,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                self.advance(Instant::now());
                Some(Event::Tick)
            }
        }
    }

    /// With what came just behind them.
    fn and_more(&mut self, first: Instant, mut bytes: Vec<u8>) -> Vec<u8> {
        while bytes.len() < MOST_BYTES && self.ahead.is_none() {
            match self.drive.inbox.try_recv() {
                Ok(Incoming::Bytes { boot, at, bytes: more })
                    if boot == self.boot && at.saturating_duration_since(first) < TOGETHER =>
                {
                    bytes.extend(more);
                }
                Ok(other) => self.ahead = Some(other),
                Err(_) => break,
            }
        }
        bytes
    }

    fn patience(&self) -> Duration {
        let elapsed = self.began.elapsed();
        self.drive.session.next_wake().map_or(IDLE, |wake| wake.saturating_sub(elapsed))
    }

    /// Bytes get the time of their arrival, which may lie before a tick that overtook them.
    fn advance(&mut self, at: Instant) {
        let elapsed = at.saturating_duration_since(self.began);
        let micros = Duration::new(elapsed.as_secs(), elapsed.subsec_micros() * 1_000);
        self.now = self.now.max(micros);
    }

    fn give(&mut self, event: Event) -> Result<(), DriveError> {
        if let Some(account) = self.news() {
            self.give_one(Event::Account(account))?;
        }
        self.give_one(event)
    }

    /// What was seen of stray accesses, if it is new. Whatever the board has sent after one, one is seen before that.
    fn news(&mut self) -> Option<Account> {
        let account = self.drive.loader.account();
        if account.is_none() || account == self.account {
            return None;
        }
        self.account.clone_from(&account);
        account
    }

    fn give_one(&mut self, event: Event) -> Result<(), DriveError> {
        self.drive.recorder.event(&event, self.now)?;
        let actions = self.drive.session.on(event, self.now);
        self.carry_out(actions)?;
        self.settle()
    }

    /// Has all be seen that was told, before something takes its time.
    fn settle(&mut self) -> Result<(), DriveError> {
        self.drive.report.settle().map_err(DriveError::Report)
    }

    /// Does what the session wants, and what it wants because of what came of that.
    fn carry_out(&mut self, actions: Vec<Action>) -> Result<(), DriveError> {
        let mut waiting = VecDeque::from(actions);
        while let Some(action) = waiting.pop_front() {
            let Some(event) = self.do_one(action)? else { continue };
            if self.drive.session.is_finished() {
                continue;
            }
            self.advance(Instant::now());
            self.drive.recorder.event(&event, self.now)?;
            waiting.extend(self.drive.session.on(event, self.now));
        }
        Ok(())
    }

    fn do_one(&mut self, action: Action) -> Result<Option<Event>, DriveError> {
        match action {
            Action::Boot => {
                self.settle()?;
                return Ok(self.start_board());
            }
            Action::Send(bytes) => self.send(bytes)?,
            Action::Ask => return Ok(Some(self.lost()?.unwrap_or(Event::Ours))),
            Action::Inspect => {
                return Ok(Some(self.lost()?.unwrap_or_else(|| Event::Inspected(self.inspect()))));
            }
            Action::Dump => {
                self.settle()?;
                return Ok(Some(Event::Kept(self.dump()?)));
            }
            Action::Keep(answer) => self.drive.recorder.answer(&answer, self.now)?,
            Action::Tell(notice) => self.tell(&notice)?,
            Action::Finish => self.machine = None,
        }
        Ok(None)
    }

    fn start_board(&mut self) -> Option<Event> {
        // The old machine goes first: two of them may not fit into the host's memory.
        self.machine = None;
        self.account = None;
        self.boot = BootCount(self.boot.0.wrapping_add(1));
        if interrupt::is_wanted() {
            return Some(Event::Interrupted);
        }
        match self.drive.loader.boot(self.boot, self.drive.outside.clone()) {
            Ok(machine) => {
                self.machine = Some(machine);
                None
            }
            // It was not waited for any longer.
            Err(_) if interrupt::is_wanted() => Some(Event::Interrupted),
            Err(reason) => Some(Event::LoadFailed(reason)),
        }
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<(), DriveError> {
        self.drive.recorder.sent(&bytes, self.now)?;
        if let Some(machine) = &self.machine {
            machine.send(pass(&mut self.to_board, bytes));
        }
        Ok(())
    }

    /// What is to be told if the board may be somebody else's by now.
    fn lost(&mut self) -> Result<Option<Event>, DriveError> {
        self.settle()?;
        Ok(self.drive.loader.lost().map(Event::Lost))
    }

    fn inspect(&self) -> String {
        let seen = self.machine.as_ref().and_then(Machine::inspect);
        seen.unwrap_or_else(|| "the loader cannot tell what the cores are doing".to_owned())
    }

    /// Keeps the memory that is to be kept, and says where.
    fn dump(&mut self) -> Result<String, DriveError> {
        let dumps = self.machine.as_ref().and_then(|machine| machine.dump(&self.drive.dumps));
        let Some(dumps) = dumps else {
            return Ok("no memory was kept: the debug link has ended\n".to_owned());
        };
        let mut said = String::new();
        for dump in dumps {
            self.kept += 1;
            let name = format!("memory-{}-{:#x}.bin", self.kept, dump.region.start);
            if !dump.bytes.is_empty() {
                self.drive.recorder.keep(&name, &dump.bytes)?;
            }
            said += &(dump.describe(&name) + "\n");
        }
        Ok(said)
    }

    fn tell(&mut self, notice: &Notice) -> Result<(), DriveError> {
        if let Notice::Finished(summary) = notice {
            self.summary = Some(summary.clone());
        }
        self.drive.report.notice(notice).map_err(DriveError::Report)
    }
}

fn pass(line: &mut Option<FaultyLink>, bytes: Vec<u8>) -> Vec<u8> {
    match line {
        Some(line) => line.pass(&bytes),
        None => bytes,
    }
}
