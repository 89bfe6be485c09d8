//! What happened in a run, test by test: what reports are made from that are written when it is over.
//!
//! A story is told from a recording, so that a page made on another machine, a year later, is the same.

use super::account::{Account, Kind};
use super::attempt::Attempt;
use super::{Context, Tally, evidence, paint, strays, words};
use crate::parameters;
use crate::record::{self, Recording};
use crate::session::{CutShort, Identity, Measured, Notice, Spread, Status, Summary};
use crate::trend::{Entry, Regression};
use crate::units::{Bytes, counted};
use anstream::adapter::strip_str;
use std::collections::VecDeque;
use std::time::Duration;

/// The last log lines of a test that are kept.
const LAST_LOGS: usize = 400;

/// The marks that are kept.
const MOST_MARKS: usize = 100_000;

/// What happened in a run.
#[derive(Clone, Debug)]
pub struct Story {
    pub(super) context: Context,
    /// The command line that began it.
    pub(super) command: String,
    /// What the board said of itself.
    pub(super) board: Option<Identity>,
    /// Every start of the board after the first, and why.
    pub(super) boots: Vec<(Duration, String)>,
    /// Every test that was to be reported, in the order in which they ended.
    pub(super) tests: Vec<Told>,
    /// What single cores did, and when.
    pub(super) marks: Vec<Mark>,
    /// Accesses to what is neither RAM nor a known device, in words.
    pub(super) strays: Vec<String>,
    /// What became slower than noise explains.
    pub(super) slower: Vec<Regression>,
    pub(super) summary: Summary,
}

/// One test.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Its place in the plan.
    pub(super) index: usize,
    pub(super) status: Status,
    /// When it ended, and how long it took.
    pub(super) ended: Duration,
    pub(super) took: Duration,
    /// Attempts before.
    pub(super) earlier: Vec<Earlier>,
    /// Its log, as far as it is kept.
    pub(super) log: VecDeque<String>,
    /// How many lines were before that.
    pub(super) unkept: u64,
    /// Everything that explains an end that is no pass.
    pub(super) explanation: Vec<String>,
    /// The source line that it comes down to.
    pub(super) place: Option<(String, u32)>,
    pub(super) numbers: Vec<Measured>,
}

/// An attempt after which the test was run again.
#[derive(Clone, Debug)]
pub(super) struct Earlier {
    /// How it failed; none where that could not be found out.
    pub(super) failure: Option<Status>,
    pub(super) reason: String,
    pub(super) told: Vec<String>,
}

/// Something that a core did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at: Duration,
    pub(super) core: u32,
    pub(super) kind: MarkKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkKind {
    /// It logged a line.
    Log,
    /// It panicked, or crashed.
    Grave,
}

impl Story {
    /// The story of a recorded run.
    ///
    /// # Errors
    ///
    /// When the recording can no longer be read.
    pub(crate) fn of(recording: &Recording, context: Context) -> Result<Self, record::Error> {
        let command = recording.header.command.join(" ");
        let mut teller = Teller::new(context, command);
        record::replay(recording, &mut |now, notice| teller.notice(now, notice))?;
        Ok(teller.story)
    }

    /// The story of notices at these times.
    #[must_use]
    pub fn told(context: Context, command: &str, notices: &[(Duration, Notice)]) -> Self {
        let mut teller = Teller::new(context, command.to_owned());
        notices.iter().for_each(|(now, notice)| teller.notice(*now, notice));
        teller.story
    }

    /// The name of a test.
    pub(super) fn name(&self, told: &Told) -> &str {
        self.context.test_name(told.index)
    }

    /// What it adds to a trend.
    pub(super) fn entry(&self) -> Entry {
        let Context { board, kernel, run, .. } = &self.context;
        Entry::of(board, kernel, *run, &self.spreads().cloned().collect::<Vec<_>>())
    }

    /// What became slower than noise explains.
    pub(crate) fn slower(&self) -> &[Regression] {
        &self.slower
    }

    /// What operations cost, as tests have measured it.
    pub(super) fn spreads(&self) -> impl Iterator<Item = &Spread> {
        let numbers = self.tests.iter().flat_map(|told| &told.numbers);
        numbers.filter_map(|number| match number {
            Measured::Spread(spread) => Some(spread),
            _ => None,
        })
    }

    /// Why the run is no success, beside tests that failed: each with a word for what it is.
    pub(super) fn troubles(&self) -> Vec<(&'static str, String)> {
        let mut troubles = Vec::new();
        match &self.summary.cut_short {
            Some(CutShort::Infra(reason)) => troubles.push(("infra", reason.clone())),
            Some(CutShort::Interrupted) => {
                troubles.push(("interrupted", "the user ended the run".to_owned()));
            }
            None => {}
        }
        if !self.strays.is_empty() {
            troubles.push(("stray access", self.strays.join("\n")));
        }
        troubles.extend(self.slower.iter().map(|regression| ("slower", regression.to_string())));
        troubles
    }

    /// The command that runs a test again which failed.
    pub(super) fn repeat(&self, told: &Told) -> Option<String> {
        (Tally::of(&told.status) == Tally::Failed).then(|| self.context.repeat_of(told.index))
    }

    /// What the run depended on, by name.
    pub(super) fn properties(&self) -> Vec<(&'static str, String)> {
        let context = &self.context;
        let mut properties = vec![("board", context.board.clone())];
        if let Some(board) = &self.board {
            properties.push(("machine", board.machine.clone()));
            properties.push(("cores", board.cores.to_string()));
            properties.push(("usable RAM", Bytes(board.ram_bytes).to_string()));
            properties.push(("entered at", format!("EL{}", board.entry_level)));
        }
        properties.push(("tests run with", parameters::words(&context.parameters)));
        properties.push(("image sha-256", context.kernel.clone()));
        properties.push(("recorded in", context.recording.clone()));
        properties.push(("command", self.command.clone()));
        properties
    }
}

impl Told {
    /// Its log as one text.
    pub(super) fn log_text(&self) -> String {
        let unkept =
            (self.unkept > 0).then(|| format!("… {} before\n", counted(self.unkept as usize, "line")));
        unkept.into_iter().chain(self.log.iter().map(|line| format!("{line}\n"))).collect()
    }
}

/// Listens to a run.
struct Teller {
    story: Story,
    cores: u32,
    attempt: Attempt,
    is_under_way: bool,
    earlier: Vec<Earlier>,
    log: VecDeque<String>,
    unkept: u64,
    place: Option<(String, u32)>,
    numbers: Vec<Measured>,
}

impl Teller {
    fn new(context: Context, command: String) -> Self {
        let (boots, tests, marks) = (Vec::new(), Vec::new(), Vec::new());
        let (strays, slower, summary) = (Vec::new(), Vec::new(), Summary::default());
        let story = Story { context, command, board: None, boots, tests, marks, strays, slower, summary };
        Self {
            story,
            cores: 0,
            attempt: Attempt::default(),
            is_under_way: false,
            earlier: Vec::new(),
            log: VecDeque::new(),
            unkept: 0,
            place: None,
            numbers: Vec::new(),
        }
    }

    fn notice(&mut self, now: Duration, notice: &Notice) {
        match notice {
            Notice::Booting { count, reason } if *count > 1 => self.story.boots.push((now, reason.clone())),
            Notice::Ready(identity) => {
                self.cores = identity.cores;
                self.story.board.get_or_insert_with(|| identity.clone());
            }
            Notice::Began { .. } => self.begin(),
            Notice::Log { core, bytes, verified } => self.log(now, *core, bytes, *verified),
            Notice::Panic(_) | Notice::Core(_) => self.account(now, notice),
            Notice::Inspected(text) if self.is_under_way => self.attempt.add_inspected(text),
            Notice::Kept(text) if self.is_under_way => self.attempt.add_kept(text),
            Notice::Strayed { count, described } => {
                for line in strays::lines(&self.story.context.symbols, *count, described) {
                    self.missing(&line);
                    self.story.strays.push(strip_str(&line).to_string());
                }
            }
            Notice::Lost(_) | Notice::LogDropped { .. } | Notice::NumbersDropped { .. } => {
                words::missing(notice).into_iter().for_each(|line| self.missing(&line));
            }
            Notice::Measured(numbers) => self.numbers.clone_from(numbers),
            Notice::Ended { index, status, took } => self.ended(now, *index, status, *took),
            Notice::Retry { reason, .. } => {
                let told = plain(&std::mem::take(&mut self.attempt).told());
                self.earlier.push(Earlier { failure: None, reason: reason.clone(), told });
            }
            Notice::Failed { status, .. } => {
                let attempt = std::mem::take(&mut self.attempt);
                let told = plain(&attempt.explanation(status, self.cores));
                let reason = words::reason(status).unwrap_or_default();
                self.earlier.push(Earlier { failure: Some(status.clone()), reason, told });
                self.numbers.clear();
            }
            Notice::Finished(summary) => self.story.summary = summary.clone(),
            Notice::Booting { .. }
            | Notice::Text(_)
            | Notice::Unverified(_)
            | Notice::Inspected(_)
            | Notice::Kept(_) => {}
        }
    }

    fn begin(&mut self) {
        self.attempt = Attempt::default();
        self.is_under_way = true;
        (self.place, self.unkept) = (None, 0);
        self.log.clear();
    }

    fn log(&mut self, now: Duration, core: u32, bytes: &[u8], verified: bool) {
        let Some(line) = evidence::log(&self.story.context, core, bytes, verified) else { return };
        self.mark(Mark { at: now, core, kind: MarkKind::Log });
        self.log.push_back(strip_str(&line).to_string());
        if self.log.len() > LAST_LOGS {
            self.log.pop_front();
            self.unkept += 1;
        }
    }

    /// Of too many marks of logs every second one goes: a drawing has no place for them.
    fn mark(&mut self, mark: Mark) {
        let marks = &mut self.story.marks;
        marks.push(mark);
        if marks.len() > MOST_MARKS {
            let mut number = 0;
            marks.retain(|mark| {
                number += 1;
                mark.kind == MarkKind::Grave || number % 2 == 0
            });
        }
    }

    fn account(&mut self, now: Duration, notice: &Notice) {
        let Some((core, account)) = Account::of(&self.story.context.symbols, notice) else { return };
        if account.kind() == Kind::Grave {
            self.mark(Mark { at: now, core, kind: MarkKind::Grave });
            self.place = self.place.take().or_else(|| account.source_line());
        }
        self.attempt.add_account(core, account);
    }

    fn missing(&mut self, what: &str) {
        self.attempt.add_missing(paint::doubtful(what));
    }

    fn ended(&mut self, now: Duration, index: usize, status: &Status, took: Duration) {
        let attempt = std::mem::take(&mut self.attempt);
        let explanation = match Tally::of(status) {
            Tally::Failed => plain(&attempt.explanation(status, self.cores)),
            Tally::Passed | Tally::Skipped => Vec::new(),
        };
        self.is_under_way = false;
        self.story.tests.push(Told {
            index,
            status: status.clone(),
            ended: now,
            took,
            earlier: std::mem::take(&mut self.earlier),
            log: std::mem::take(&mut self.log),
            unkept: std::mem::take(&mut self.unkept),
            explanation,
            place: self.place.take(),
            numbers: std::mem::take(&mut self.numbers),
        });
    }
}

fn plain(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| strip_str(line).to_string()).collect()
}
