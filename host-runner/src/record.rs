//! Keeps a run on disk, and runs it again from there.
//!
//! A recording is a directory:
//!
//! | file | content |
//! |---|---|
//! | `run.json` | [`Header`]: what was to be run, and how |
//! | `events.jsonl` | one line for each event: its time in microseconds, and what it was; and for each of the host's answers |
//! | `line.bin` | the bytes from the board; an event says how many of them it brought |
//! | `sent.bin` | the bytes to the board, for people: a replay does not need them |
//! | `memory-….bin` | memory of a board that went wrong, where it was asked for: for people, too |
//!
//! Bytes are written before the line that counts them, and nothing is buffered, so that whatever a killed runner leaves behind
//! is a recording too: of the run's beginning. [`replay`] ends it as if the user had interrupted it there.

mod reader;
mod replay;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{Events, Recording};
pub use replay::replay;
pub use writer::Recorder;

use crate::plan::Plan;
use crate::session::{Answer, Budgets, Closed, Oracle, Setup};
use crate::twin::Account;
use std::path::PathBuf;
use wire::Parameters;

/// The version of the files. It changes when a recording can no longer be read as before.
pub const FORMAT: u32 = 4;

const HEADER_FILE: &str = "run.json";
const EVENTS_FILE: &str = "events.jsonl";
const LINE_FILE: &str = "line.bin";
const SENT_FILE: &str = "sent.bin";

/// What was to be run, and how: with the events and the host's answers it is all that a session depends on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// What the session drew its nonces from.
    pub nonces: u64,
    /// How every test was to run.
    pub parameters: Parameters,
    /// How long things may take.
    pub budgets: Budgets,
    /// What was to be run.
    pub plan: Plan,
    /// Whether memory of a board that goes wrong was kept.
    #[serde(default)]
    pub keeps_memory: bool,
    /// Whether somebody else could have taken the board during the run.
    #[serde(default)]
    pub is_lent: bool,
    /// The board's name.
    pub board: String,
    /// The command line that began the run.
    pub command: Vec<String>,
}

impl Header {
    /// What the session needs, live or replayed.
    #[must_use]
    pub fn setup(&self, oracle: Oracle) -> Setup {
        let Self { nonces, parameters, budgets, keeps_memory, is_lent, .. } = *self;
        Setup { plan: self.plan.clone(), budgets, nonces, parameters, oracle, keeps_memory, is_lent }
    }
}

/// Why a run cannot be recorded, or a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or the directory cannot be made, written or read.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The header is not one.
    #[error("{}", path.display())]
    Header {
        /// The header's file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The recording was made by another version of this program.
    #[error("{}: format {found} instead of {FORMAT}", path.display())]
    Format {
        /// The header's file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A whole line of the events is not one.
    #[error("{}, line {line}", path.display())]
    Event {
        /// The events' file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// A line of the events.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Entry {
    at_us: u64,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum What {
    Start,
    Bytes { length: usize },
    Sent { length: usize },
    Closed { why: Closed },
    LoadFailed { reason: String },
    Lost { reason: String },
    Ours,
    Inspected { report: String },
    Kept { report: String },
    Account { account: Account },
    Answer { answer: Answer },
    Tick,
    Interrupted,
}
