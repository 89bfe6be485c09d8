//! What users and programs get to see of a run, made from the session's notices and nothing else.
//!
//! That is what makes the report of a replay the same as the live one. Live extras, the progress bar, are kept
//! apart in [`Screen`].

mod account;
mod attempt;
mod backtrace;
mod bisection;
mod closing;
mod cores;
pub(crate) mod diff;
mod evidence;
mod files;
mod github;
#[cfg(test)]
mod golden;
mod json;
mod junit;
pub(crate) mod libtest;
mod numbers;
mod page;
mod paint;
mod screen;
mod story;
mod strays;
mod table;
mod text;
mod words;

pub(crate) use backtrace::Backtrace;
pub(crate) use bisection::Bisection;
pub(crate) use cores::{grouped as grouped_cores, named as named_cores};
pub use files::Files;
pub use screen::Screen;
pub use story::Story;

use crate::cli::Format;
use crate::image::{Image, Records, Symbols};
use crate::plan::Plan;
use crate::record::Header;
use crate::runs::{Notes, RunFolder};
use crate::session::{Notice, Status};
use crate::workspace::Workspace;
use sha2::{Digest, Sha256};
use std::io;
use std::rc::Rc;
use wire::Parameters;

/// What a report knows beside the notices.
#[derive(Clone, Debug)]
pub struct Context {
    /// The board's name.
    pub board: String,
    /// The command that runs one test again, up to the test's name.
    pub repeat: String,
    /// Where the recording lies.
    pub recording: String,
    /// How the tests run.
    pub parameters: Parameters,
    /// The SHA-256 of the arm64 `Image` that boards are given, in hexadecimal: two boards with the same one ran the same
    /// program, byte for byte.
    pub kernel: String,
    /// Which run: what its nonces were drawn from.
    pub run: u64,
    /// The tests.
    pub plan: Plan,
    /// Names for addresses.
    pub symbols: Rc<Symbols>,
    /// Words for log records.
    pub records: Rc<Records>,
}

impl Context {
    /// What a report of the run in `folder` needs, live or replayed.
    #[must_use]
    pub fn new(
        workspace: &Workspace,
        folder: &RunFolder,
        notes: Notes,
        header: &Header,
        image: Image,
    ) -> Self {
        Self {
            board: header.board.clone(),
            repeat: notes.repeat,
            recording: workspace.relative(folder.path()).display().to_string(),
            parameters: header.parameters,
            kernel: hex(&Sha256::digest(&image.kernel)),
            run: header.nonces,
            plan: header.plan.clone(),
            symbols: Rc::new(image.symbols),
            records: Rc::new(image.records),
        }
    }

    /// The command that runs test number `index` again, as it was run.
    fn repeat_of(&self, index: usize) -> String {
        format!("{} {}", self.repeat, self.test_name(index))
    }

    /// The name of test number `index`.
    fn test_name(&self, index: usize) -> &str {
        self.plan.tests.get(index).map_or("a test that is not in the plan", |test| &test.name)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A report being written.
#[derive(Debug)]
pub enum Report {
    /// For people.
    Text(Box<text::Text>),
    /// For programs.
    Json(Box<json::Json>),
    /// For callers of cargo.
    Libtest(Box<libtest::Libtest>),
}

impl Report {
    /// A report for people.
    #[must_use]
    pub fn text(context: Context, screen: Screen) -> Self {
        Self::Text(Box::new(text::Text::new(context, screen)))
    }

    /// A report for programs.
    #[must_use]
    pub fn json(context: Context, screen: Screen) -> Self {
        Self::Json(Box::new(json::Json::new(context, screen)))
    }

    /// A report for callers of cargo.
    #[must_use]
    pub fn libtest(context: Context, screen: Screen) -> Self {
        Self::Libtest(Box::new(libtest::Libtest::new(context, screen)))
    }

    /// A report in this format.
    #[must_use]
    pub(crate) fn new(format: Format, context: Context, screen: Screen) -> Self {
        match format {
            Format::Text | Format::Terse => Self::text(context, screen),
            Format::Json => Self::json(context, screen),
            Format::Libtest => Self::libtest(context, screen),
        }
    }

    /// Shows the head, before any notice.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    pub fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::Text(text) => text.begin(),
            Self::Json(json) => json.begin(),
            Self::Libtest(libtest) => libtest.begin(),
        }
    }

    /// Shows one notice.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    pub fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match self {
            Self::Text(text) => text.notice(notice),
            Self::Json(json) => json.notice(notice),
            Self::Libtest(libtest) => libtest.notice(notice),
        }
    }

    /// Has all be seen that was shown: lines of a log wait for each other, for a board that logs much.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    pub fn settle(&mut self) -> io::Result<()> {
        match self {
            Self::Text(text) => text.settle(),
            Self::Json(_) | Self::Libtest(_) => Ok(()),
        }
    }
}

/// What an end counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tally {
    Passed,
    Failed,
    Skipped,
}

impl Tally {
    /// Nothing that is not a pass counts as one; what never ran is skipped, and the verdict says why.
    fn of(status: &Status) -> Self {
        match status {
            Status::Pass | Status::Flaky { passes: true, .. } => Self::Passed,
            Status::Fail(_)
            | Status::Crash(_)
            | Status::Timeout(_)
            | Status::Infra(_)
            | Status::Flaky { passes: false, .. } => Self::Failed,
            Status::Quarantined { .. } | Status::Ignored | Status::NotRun(_) => Self::Skipped,
        }
    }
}
