//! One run as a pure state machine: events go in with their time, actions come out.
//!
//! Nothing here reads a clock, a file or a socket. The same events at the same times give the same actions, which
//! is what `replay` and the simulated sessions rely on.
//!
//! # Words
//!
//! - A **boot** is one start of the board, by [`Action::Boot`] or by itself. It is *adopted* when a `Hello` arrives
//!   under the nonce that this session gave to it, and *ready* when it then says that it waits for a test.
//! - A **candidate** is a boot that was heard and given a nonce, and has not proved that it is alive: the bytes that
//!   announced it may be an old recording.
//! - An **attempt** is one order to run one test. It is *spoiled* when what happened cannot be found out; then the
//!   test is tried again, at most three times in all.
//!
//! # What decides
//!
//! A test ends by a verdict in sequence under the adopted boot's nonce, by evidence that the board went down, or
//! by time. A verdict is overruled where the board's digest of a scenario is not what the host computes for it, or the host fails to. Text, noise, frames under another nonce or none, and exit codes decide nothing.
//!
//! # Files
//!
//! [`Session`] is in `machine`, its transitions are in `course`, what it concludes from the board's words in `hearing`, and
//! its deadlines in `clock`. `agenda` knows which test is in turn; what tests have measured is judged
//! in `measured`; `line` and `ear` turn bytes into the words of boots.

mod agenda;
mod clock;
mod course;
mod ear;
mod event;
mod hearing;
mod line;
mod machine;
mod measured;
mod notice;
mod status;
mod summary;
#[cfg(test)]
mod tests;

pub use event::{Action, Budgets, Closed, Event};
pub use machine::{Session, Setup};
pub use measured::{Answer, Measured, Oracle, Spread};
pub use notice::{Identity, Notice, PanicNote};
pub use status::{Crash, Failure, Status, Timeout};
pub use summary::{CutShort, EXIT_FAILED, EXIT_INFRA, EXIT_INTERRUPTED, EXIT_PASSED, Summary};
