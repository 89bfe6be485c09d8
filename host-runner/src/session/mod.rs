//! One run as a pure state machine: events go in with their time, actions come out.
//!
//! Nothing here reads a clock, a file or a socket. The same events at the same times give the same actions, which
//! is what `replay` and the simulated sessions rely on.

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
    /// Answer to [`Action::Inspect`]: what a debugger sees, for people to read.
    Inspected(String),
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
    /// Ask the loader what the cores are doing, if it can tell; the answer is [`Event::Inspected`].
    Inspect,
    /// Tell the user.
    Tell(Notice),
    /// The run is over: stop the board. The session accepts no more events.
    Finish,
}

/// How a planned test ended. There is no other end.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It returned, or it panicked and was expected to.
    Pass,
    /// It said so itself.
    Fail(Failure),
    /// It took the board down.
    Crash(Crash),
    /// It ran out of time.
    Timeout(Timeout),
    /// It is marked `#[ignore]`.
    Ignored,
    /// The run ended before its turn.
    NotRun(String),
    /// What happened could not be found out: the board or the line failed, not the test.
    Infra(String),
}

/// How a test failed by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// It panicked.
    Panicked,
    /// It returned `Err` or ended itself by a code of failure.
    Returned,
    /// It was expected to panic and did not.
    DidNotPanic,
}

/// How a test took the board down.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crash {
    /// A core took an exception that nothing handles; its index.
    Exception(u32),
    /// A core ran out of stack.
    StackOverflow(u32),
    /// A core other than the test's own panicked.
    PanicOn(u32),
    /// The board booted again by itself.
    Reset,
    /// The board switched itself off.
    PoweredOff,
    /// The test ended, but these cores could not be parked.
    LostCores(Vec<u32>),
}

/// Which budget ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timeout {
    /// The board did not get ready.
    Boot,
    /// The test took too long.
    Test,
    /// There was no sign of life.
    Silence,
    /// The whole run took too long.
    Total,
}

/// What a session tells the user, in order. A report is made from these and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The board is being started for the `count`th time, from 1.
    Booting {
        /// How often by now.
        count: u32,
        /// Why, after the first: `core 3 is lost`.
        reason: String,
    },
    /// The board is the one that is meant.
    Ready(Identity),
    /// Test number `index` of the plan begins, for the `attempt`th time, from 1.
    Began {
        /// Its place in the plan.
        index: usize,
        /// How often by now.
        attempt: u32,
    },
    /// Text that came over the line and is no frame, as it came.
    Text(Vec<u8>),
    /// One raw defmt frame of one core. `verified` is false before the board took its nonce.
    Log {
        /// The core.
        core: u32,
        /// The frame.
        bytes: Vec<u8>,
        /// Whether it came under this run's nonce.
        verified: bool,
    },
    /// A panic's message.
    Panic(PanicNote),
    /// What one core was doing.
    Core(Box<wire::CoreReport>),
    /// What the loader's debugger saw.
    Inspected(String),
    /// Frames that were lost on the line for good.
    Lost(u32),
    /// Log records that the board itself could not keep.
    LogDropped {
        /// The core.
        core: u32,
        /// How many.
        records: u32,
    },
    /// A test has ended. Ignored tests are told too, and those that never ran.
    Ended {
        /// Its place in the plan.
        index: usize,
        /// How.
        status: Status,
        /// From its order to its end; zero if it never ran.
        took: Duration,
    },
    /// An attempt whose outcome could not be found out; the test is run again.
    Retry {
        /// Its place in the plan.
        index: usize,
        /// Why.
        reason: String,
    },
    /// The run is over.
    Finished(Summary),
}

/// Who the board says it is, checked against the plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// The device tree's name of the machine.
    pub machine: String,
    /// Cores that are up.
    pub cores: u32,
    /// Usable RAM.
    pub ram_bytes: u64,
    /// The exception level the boot loader entered at.
    pub entry_level: u8,
    /// Where the image was loaded.
    pub load_address: u64,
    /// Ticks per second of the log's timestamps.
    pub timer_hz: u64,
    /// Warm restarts since the boot.
    pub restarts: u32,
}

/// A panic as the board described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicNote {
    /// The core.
    pub core: u32,
    /// The message.
    pub message: String,
    /// The source file.
    pub file: String,
    /// The line in it.
    pub line: u32,
    /// Return addresses, innermost first.
    pub backtrace: Vec<u64>,
}

/// The run in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// How every planned and not filtered test ended, by its place in the plan.
    pub ends: Vec<(usize, Status)>,
    /// Why the run ended early, if it did: an infrastructure failure, or the user's wish.
    pub cut_short: Option<CutShort>,
    /// From power-on to the first verdict.
    pub first_verdict: Option<Duration>,
    /// The whole run.
    pub took: Duration,
    /// Times the board was started.
    pub boots: u32,
    /// Frames of another run or boot, ignored.
    pub stale_frames: u64,
    /// Runs of bytes that were no frame, boot loader text included.
    pub noise_chunks: u64,
    /// Frames that were asked for again.
    pub repeated_frames: u64,
    /// Frames lost for good.
    pub lost_frames: u64,
}

/// Why a run ended before its plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum CutShort {
    /// The board or the way to it does not work.
    Infra(String),
    /// The user ended it.
    Interrupted,
}
