//! What goes into a session and what comes out of it.

use super::{Answer, Notice};
use crate::twin::Account;
use std::time::Duration;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Budgets {
    /// From power-on to the first verified message, and from a verdict to the board's readiness for the next test.
    pub boot: Duration,
    /// A test that has no limit of its own.
    pub test: Duration,
    /// Without any sign of life during a test.
    pub silence: Duration,
    /// The whole run.
    pub total: Duration,
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes from the board.
    Bytes(Vec<u8>),
    /// The line to the board has ended.
    Closed(Closed),
    /// The board could not be loaded or started.
    LoadFailed(String),
    /// The board may be somebody else's by now: why that is thought. What it did last counts for nothing.
    Lost(String),
    /// Answer to [`Action::Ask`]: the board is still this run's.
    Ours,
    /// Answer to [`Action::Inspect`]: what a debugger sees, for people to read.
    Inspected(String),
    /// Answer to [`Action::Dump`]: what memory was kept, and where, for people to read.
    Kept(String),
    /// What a witness of the machine's accesses has seen since this boot began, where there is one. It comes before
    /// the bytes that the board sent after it.
    Account(Account),
    /// Time has passed; the session asked for it by `next_wake`.
    Tick,
    /// The user wants the run to end.
    Interrupted,
}

/// Why a line has ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Closed {
    /// The machine switched itself off in good order (QEMU exits with 0).
    PoweredOff,
    /// Whatever stood behind the line is gone: why, for people to read.
    Lost(String),
}

/// What a session wants done. Carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stop whatever runs, load the image and start the board; bytes that are still under way from before are void.
    Boot,
    /// Send these bytes to the board.
    Send(Vec<u8>),
    /// Ask the loader what the cores are doing, if it can tell; the answer is [`Event::Inspected`], or [`Event::Lost`].
    Inspect,
    /// Ask whether the board is still this run's; the answer is [`Event::Ours`], or [`Event::Lost`]. Asked only where
    /// [`Setup::is_lent`](super::Setup::is_lent) says that it may not be.
    Ask,
    /// Keep the memory that the user wants of a board that goes wrong; the answer is [`Event::Kept`]. Asked for only where
    /// [`Setup::keeps_memory`](super::Setup::keeps_memory) says so.
    Dump,
    /// Keep the host's answer: a replay is to have the same.
    Keep(Answer),
    /// Tell the user.
    Tell(Notice),
    /// The run is over: stop the board. The session accepts no more events.
    Finish,
}
