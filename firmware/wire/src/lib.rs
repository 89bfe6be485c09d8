//! What a board and the host say to each other, and the frames that carry it.
//!
//! The line between the two is a serial port as a rule: bytes get lost, doubled and flipped on it, a boot loader
//! prints text on it, and output of an earlier run may still lie in its buffers. Nothing outside this crate
//! knows bytes; both ends use it.
//!
//! # Words
//!
//! - A **frame** ([`Frame`]) is the unit that arrives whole or not at all: zero byte, COBS, CRC-32, zero byte.
//! - The **nonce** ([`Nonce`]) names one boot of a board within one run. The host draws it; a frame with
//!   another nonce is stale and decides nothing. A board that has none yet sends [`Nonce::UNBOUND`].
//! - The **sequence number** counts the board's frames since it took its nonce. The host asks for the ones it
//!   misses, the board keeps its last frames for that ([`Outbox`]).
//! - A **beacon** ([`Beacon`]) is the board's sign of life, outside the sequence: it says what the board is
//!   doing and which number comes next, so that a lost last frame is noticed too.
//! - A **number** ([`Number`]) is what a test has measured; it decides nothing by itself.
//! - **Parameters** ([`Parameters`]) say how a test is to run; they come with the order to run it. As **arguments**
//!   ([`Arguments`]) they stand in the kernel command line, for when nobody orders anything.
//! - **Notes** ([`notes`]) are what a board leaves in memory when no host hears it.
//! - A **ring** ([`ram`]) is a line that a debugger reads and writes in the board's memory.
//! - An **order** ([`ToBoard`]) is what the host wants. Orders are repeated until the board's answer shows
//!   that they arrived, so carrying out one twice must be harmless; [`Station`] sees to that.
//!
//! # Ends
//!
//! [`Station`] is the board's end, without allocation; [`host::Receiver`] (feature `host`) is the host's. Both
//! are pure: bytes go in, bytes and meanings come out.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]
#![cfg_attr(not(any(test, feature = "host")), no_std)]

mod arguments;
mod deframer;
mod frame;
#[cfg(feature = "host")]
pub mod host;
mod message;
pub mod notes;
mod number;
mod outbox;
mod parameters;
pub mod ram;
mod station;
pub mod syndrome;

pub use arguments::{Arguments, RAM_LINK, WrongArgument, alone_after, has_ram_link, tests};
pub use deframer::{Chunk, Deframer};
pub use frame::{Channel, Damage, Encoded, Frame, MAX_BODY, MAX_ENCODED, Nonce};
pub use message::{
    Backtrace, Beacon, BootId, BuildId, Cause, CoreReport, Doing, FromBoard, Hello, MAX_TEXT, Outcome,
    PROTOCOL, ResetInto, RunId, ToBoard, Verdict,
};
pub use number::{NotANumber, Number, Unit};
pub use outbox::Outbox;
pub use parameters::{Coverage, DEFAULT_BUDGET_MS, DEFAULT_SEED, Parameters};
pub use station::{Line, Station};
