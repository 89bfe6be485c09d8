//! The messages, as `postcard` encodes them.
//!
//! A change of any type here, in `number` or in `parameters` is a change of [`PROTOCOL`]; both ends refuse to go on when it differs.

use crate::{MAX_BODY, Nonce, Parameters};
use serde::{Deserialize, Serialize};

/// The version of the messages, said in [`Hello`] and checked by the host.
pub const PROTOCOL: u16 = 4;

/// The most bytes of text a message carries: room is left for the rest of the message.
pub const MAX_TEXT: usize = 640;

/// Names one boot of a board: a counter value that no two boots share.
///
/// It is not secret and proves nothing; it lets the host tell a repeated beacon from a new boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootId(pub u64);

/// Numbers the tests that a host has ordered in one run, from 1. An order for a run that was begun is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub u32);

/// The GNU build id of an image: up to 20 bytes, the rest zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildId(pub [u8; 20]);

/// What the board says in sequence.
#[expect(clippy::large_enum_variant, reason = "without an allocator there is no box to put a report into")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromBoard<'a> {
    /// The first message after the board took its nonce, and the first after every warm restart.
    #[serde(borrow)]
    Hello(Hello<'a>),
    /// The ordered test begins.
    Started {
        /// Which.
        run: RunId,
    },
    /// A panic on one core. A verdict or a crash follows.
    Panic {
        /// The core, by its index in the device tree.
        core: u32,
        /// The message, cut to [`MAX_TEXT`].
        message: &'a str,
        /// The source file.
        file: &'a str,
        /// The line in it.
        line: u32,
        /// Return addresses, innermost first.
        backtrace: Backtrace,
    },
    /// The test ended by itself.
    Verdict(Verdict),
    /// The test cannot go on: this core took an exception that nothing handles, or it was asked what it does.
    Core(CoreReport),
    /// Log records that a core could not keep.
    LogDropped {
        /// The core.
        core: u32,
        /// How many.
        records: u32,
    },
    /// Numbers that a core could not send.
    NumbersDropped {
        /// The core.
        core: u32,
        /// How many.
        numbers: u32,
    },
}

/// Who is speaking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello<'a> {
    /// [`PROTOCOL`] as the image was built with it.
    pub protocol: u16,
    /// Which image.
    pub build: BuildId,
    /// How many warm restarts since the boot.
    pub restarts: u32,
    /// The root `compatible` or `model` of the device tree.
    pub machine: &'a str,
    /// Cores that are up.
    pub cores: u32,
    /// Usable RAM.
    pub ram_bytes: u64,
    /// The exception level the boot loader entered at.
    pub entry_level: u8,
    /// Where the image was loaded.
    pub load_address: u64,
    /// Ticks per second of the timestamps.
    pub timer_hz: u64,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which test.
    pub run: RunId,
    /// Its own word.
    pub outcome: Outcome,
    /// Cores that could not be parked afterwards, a bit each, by index.
    pub lost_cores: u64,
}

/// What the test itself said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It returned, with `()` or `Ok`.
    Passed,
    /// It returned `Err`, or ended itself by another code than that of success.
    Failed,
    /// It panicked.
    Panicked,
}

/// What one core was doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreReport {
    /// The core, by its index in the device tree.
    pub core: u32,
    /// Its MPIDR affinity.
    pub affinity: u64,
    /// Why it reports.
    pub cause: Cause,
    /// ESR_EL1; meaningful for [`Cause::Exception`] and [`Cause::StackOverflow`].
    pub esr: u64,
    /// FAR_EL1.
    pub far: u64,
    /// The interrupted program counter.
    pub elr: u64,
    /// The interrupted state.
    pub spsr: u64,
    /// The interrupted stack pointer.
    pub sp: u64,
    /// x0 to x30.
    pub x: [u64; 31],
    /// Return addresses, innermost first.
    pub backtrace: Backtrace,
}

/// Why a core reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// It took an exception that nothing handles.
    Exception,
    /// Its stack pointer left its stack; the guard page stopped it.
    StackOverflow,
    /// It took an exception while handling one.
    Nested,
    /// It was asked, and is otherwise well.
    Asked,
}

/// Return addresses found by following frame pointers, innermost first; the rest is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backtrace(pub [u64; 24]);

impl Backtrace {
    /// The addresses found.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().copied().take_while(|&address| address != 0)
    }
}

/// The board's sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beacon {
    /// Which boot is speaking.
    pub boot: BootId,
    /// What it does.
    pub doing: Doing,
    /// The sequence number of the frame that will come next.
    pub next_sequence: u32,
}

/// What a board does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doing {
    /// It waits for a test; `last` is the one it ran before, zero for none.
    Waiting {
        /// The last test it began.
        last: RunId,
    },
    /// It runs a test.
    Running {
        /// Which.
        run: RunId,
    },
    /// It crashed in a test and only answers questions.
    Crashed {
        /// Which.
        run: RunId,
    },
}

/// What the host wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToBoard {
    /// Take this nonce, if you are this boot.
    Begin {
        /// The boot that is meant.
        boot: BootId,
        /// Its nonce from now on.
        nonce: Nonce,
    },
    /// Run the test whose entry is at this address.
    Run {
        /// Which run; an order for one already begun is ignored.
        run: RunId,
        /// The link address of its entry function.
        entry: u64,
        /// How it is to run.
        parameters: Parameters,
    },
    /// Send these frames again.
    Again {
        /// The first that is missing.
        from: u32,
        /// The first that is not.
        until: u32,
    },
    /// Say what every core does.
    Report,
    /// Reset the machine. There is no answer: the boot that was asked falls silent, and one that comes up has no nonce,
    /// so an order that was repeated meets nobody.
    Reset {
        /// What is to come up.
        into: ResetInto,
    },
}

/// What a machine is to come up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetInto {
    /// What comes up by itself.
    System,
    /// The boot loader, which stays there until it is given an image; the system where there is no such boot loader.
    BootLoader,
}

const _: () = assert!(MAX_TEXT + 24 * 10 + 100 < MAX_BODY, "a panic with its backtrace fits into a frame");
