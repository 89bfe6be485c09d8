//! What a session tells the user.

use super::{Measured, Status, Summary};
use crate::twin::Stray;
use std::time::Duration;

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
    /// A panic or a core's report from a boot that has no nonce. It may be shown; it proves nothing.
    Unverified(Box<Notice>),
    /// A panic's message.
    Panic(PanicNote),
    /// What one core was doing.
    Core(Box<wire::CoreReport>),
    /// What the loader's debugger saw.
    Inspected(String),
    /// What memory of the board was kept, and where.
    Kept(String),
    /// Accesses to what is neither RAM nor a known device, as a witness has seen them.
    Strayed {
        /// How many.
        count: u64,
        /// Those of them that are described.
        described: Vec<Stray>,
    },
    /// Frames that were lost on the line for good.
    Lost(u32),
    /// Log records that the board itself could not keep.
    LogDropped {
        /// The core.
        core: u32,
        /// How many.
        records: u32,
    },
    /// Numbers that the board itself could not send.
    NumbersDropped {
        /// The core.
        core: u32,
        /// How many.
        numbers: u32,
    },
    /// What the test has measured that ends now, in the order in which it came.
    Measured(Vec<Measured>),
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
    /// An attempt at a test has failed; the test is run again.
    Failed {
        /// Its place in the plan.
        index: usize,
        /// How the attempt ended.
        status: Status,
        /// From its order to its end.
        took: Duration,
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
