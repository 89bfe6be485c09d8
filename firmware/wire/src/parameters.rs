//! What a test is told about how it is to run: the host orders it, and a suite does as much as it says.

use serde::{Deserialize, Serialize};

/// The seed of a run that was not told another: a plain run repeats the one before it.
pub const DEFAULT_SEED: u64 = 1;

/// The budget of a run that was not told another.
pub const DEFAULT_BUDGET_MS: u64 = 120_000;

/// How a test is to run. The same parameters give the same operations on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parameters {
    /// Decides everything that a suite draws by lot.
    pub seed: u64,
    /// Scales what every suite does. It stands for about as long as the longest suite takes, and is no clock: what a
    /// suite does follows from this number, never from how fast the machine is.
    pub budget_ms: u64,
    /// A soak ends after this many operations, so that a failure can be repeated up to where it happened.
    pub until: Option<u64>,
    /// How much of memory is touched by what could touch all of it.
    pub memory: Coverage,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { seed: DEFAULT_SEED, budget_ms: DEFAULT_BUDGET_MS, until: None, memory: Coverage::Sampled }
    }
}

/// How much of memory is touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// Places drawn from the seed.
    #[default]
    Sampled,
    /// Every frame there is.
    Whole,
}
