//! A run in figures, and its exit code.

use super::Status;
use std::time::Duration;

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
    /// Attempts of which it could not be found out how they ended.
    #[serde(default)]
    pub void_attempts: u32,
    /// Measurements that arrived whole and are none.
    pub unreadable_numbers: u64,
    /// Accesses to what is neither RAM nor a known device; none where no witness looks for them.
    #[serde(default)]
    pub strays: Option<u64>,
}

/// Why a run ended before its plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum CutShort {
    /// The board or the way to it does not work.
    Infra(String),
    /// The user ended it.
    Interrupted,
}

/// Every selected test passed.
pub const EXIT_PASSED: u8 = 0;
/// At least one test failed, crashed or ran out of time, and every selected one has such an end; or there was a stray
/// access.
pub const EXIT_FAILED: u8 = 1;
/// The run says less than it was asked to: a test's end is not known, a test did not run, or the board or the way
/// to it does not work.
pub const EXIT_INFRA: u8 = 2;
/// The user ended the run: 128 and the number of SIGINT, as shells have it.
pub const EXIT_INTERRUPTED: u8 = 130;

impl Summary {
    /// What the program's exit code is to be. Of several reasons the one that makes the report least complete wins.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.cut_short {
            Some(CutShort::Interrupted) => EXIT_INTERRUPTED,
            Some(CutShort::Infra(_)) => EXIT_INFRA,
            None => self.worst_end().max(self.strays_code()),
        }
    }
}

impl Summary {
    fn worst_end(&self) -> u8 {
        self.ends.iter().map(|(_, status)| status.exit_code()).max().unwrap_or(EXIT_PASSED)
    }

    /// A stray access fails a run, whatever its test says.
    const fn strays_code(&self) -> u8 {
        match self.strays {
            None | Some(0) => EXIT_PASSED,
            Some(_) => EXIT_FAILED,
        }
    }
}

impl Status {
    /// Whether it is known that the test does not do what it should.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        self.exit_code() == EXIT_FAILED
    }

    /// The exit code of a run in which this is the worst end.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Pass | Self::Ignored | Self::Quarantined { .. } | Self::Flaky { passes: true, .. } => {
                EXIT_PASSED
            }
            Self::Fail(_) | Self::Crash(_) | Self::Timeout(_) | Self::Flaky { passes: false, .. } => {
                EXIT_FAILED
            }
            Self::NotRun(_) | Self::Infra(_) => EXIT_INFRA,
        }
    }
}
