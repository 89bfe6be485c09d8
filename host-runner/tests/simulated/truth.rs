//! What the tests of a simulated image really do.

use crate::dice::Dice;
use host_runner::plan::{Plan, Selected, Test};
use host_runner::session::{Crash, Failure, Status, Timeout};
use wire::BuildId;

/// The image's build id.
pub(crate) const BUILD: BuildId = BuildId([7; 20]);

/// Where the entry of the first test lies; each takes 64 bytes.
const FIRST_ENTRY: u64 = 0x4008_0000;

/// How one test ends, every time it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It returns.
    Passes,
    /// It returns an error.
    Fails,
    /// It panics on core 0.
    Panics,
    /// It panics on another core.
    PanicsOn(u32),
    /// A core takes an exception.
    Faults(u32),
    /// A core runs out of stack.
    Overflows(u32),
    /// It never ends; the board goes on to say that it runs.
    Hangs,
    /// It never ends, and nothing more is heard.
    FallsSilent,
    /// It resets the board.
    Resets,
    /// It switches the board off.
    PowersOff,
    /// It returns, and a core cannot be parked afterwards.
    LosesCore(u32),
}

impl Truth {
    /// Mostly passing, and each other kind now and then.
    fn roll(dice: &mut Dice) -> Self {
        let core = dice.between(1, 7) as u32;
        match dice.below(40) {
            0..3 => Self::Fails,
            3..6 => Self::Panics,
            6 => Self::PanicsOn(core),
            7..9 => Self::Faults(core - 1),
            9 => Self::Overflows(core - 1),
            10 => Self::Hangs,
            11 => Self::FallsSilent,
            12 => Self::Resets,
            13 => Self::PowersOff,
            14 => Self::LosesCore(core),
            _ => Self::Passes,
        }
    }

    /// The end that a report must give.
    pub(crate) fn status(self, should_panic: bool) -> Status {
        match self {
            Self::Passes if should_panic => Status::Fail(Failure::DidNotPanic),
            Self::Panics if should_panic => Status::Pass,
            Self::Passes => Status::Pass,
            Self::Fails => Status::Fail(Failure::Returned),
            Self::Panics => Status::Fail(Failure::Panicked),
            Self::PanicsOn(core) => Status::Crash(Crash::PanicOn(core)),
            Self::Faults(core) => Status::Crash(Crash::Exception(core)),
            Self::Overflows(core) => Status::Crash(Crash::StackOverflow(core)),
            Self::Hangs => Status::Timeout(Timeout::Test),
            Self::FallsSilent => Status::Timeout(Timeout::Silence),
            Self::Resets => Status::Crash(Crash::Reset),
            Self::PowersOff => Status::Crash(Crash::PoweredOff),
            Self::LosesCore(core) => Status::Crash(Crash::LostCores(vec![core])),
        }
    }
}

/// The truths of `count` tests.
pub(crate) fn roll(count: usize, dice: &mut Dice) -> Vec<Truth> {
    (0..count).map(|_| Truth::roll(dice)).collect()
}

/// A plan of tests without names of their own; some are to panic, some are ignored.
pub(crate) fn plan(truths: &[Truth], dice: &mut Dice) -> Plan {
    let tests = (0..truths.len()).map(|index| Test {
        name: format!("test_{index}"),
        entry: FIRST_ENTRY + 64 * index as u64,
        should_panic: dice.chance(0.15),
        timeout: None,
        selected: if dice.chance(0.03) { Selected::Ignored } else { Selected::Yes },
    });
    Plan::new(BUILD, tests.collect())
}

/// The test whose entry is at this address.
pub(crate) fn index(entry: u64) -> usize {
    ((entry - FIRST_ENTRY) / 64) as usize
}
