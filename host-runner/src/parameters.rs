//! How tests are to run, as the command line says it, and what follows from that for limits and for repeating a run.

use crate::cli::{Global, Memory, Selection};
use crate::plan::Plan;
use crate::session::Budgets;
use crate::units::exact;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::time::Duration;
use wire::{Coverage, DEFAULT_BUDGET_MS, Parameters};

/// The budget of a selection for every push.
const SMOKE_BUDGET: Duration = Duration::from_secs(10);

/// What everything that suites draw by lot is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// This number.
    Number(u64),
    /// A number that is drawn when the run begins.
    New,
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = match text.strip_prefix("0x") {
            _ if text == "new" => return Ok(Self::New),
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.map(Self::Number).map_err(|_| format!("`{text}` is no seed; write a whole number or \"new\""))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::New => f.write_str("new"),
        }
    }
}

impl Seed {
    fn draw(self) -> u64 {
        match self {
            Self::Number(number) => number,
            // 48 bits: few enough to be typed again, and for programs that read JSON's numbers as floating point.
            Self::New => random() >> 16,
        }
    }
}

/// The standard library seeds its hash maps from the system's randomness; that is all that is needed here.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// How the tests of a run are to run. A new seed is drawn here.
#[must_use]
pub fn parameters(global: &Global, selection: &Selection) -> Parameters {
    let usual = if selection.smoke { SMOKE_BUDGET } else { Duration::from_millis(DEFAULT_BUDGET_MS) };
    let memory = match global.memory {
        Memory::Sampled => Coverage::Sampled,
        Memory::Whole => Coverage::Whole,
    };
    let budget_ms = milliseconds(global.budget.unwrap_or(usual));
    Parameters { seed: global.seed.draw(), budget_ms, until: global.until, memory }
}

/// The options that give these parameters again.
#[must_use]
pub fn options(parameters: &Parameters) -> String {
    let Parameters { seed, until, memory, .. } = *parameters;
    let mut options = format!("--seed {seed} --budget {}", budget(parameters));
    if let Some(until) = until {
        options += &format!(" --until {until}");
    }
    if memory == Coverage::Whole {
        options += " --memory whole";
    }
    options
}

/// The parameters in words.
#[must_use]
pub fn words(parameters: &Parameters) -> String {
    let memory = match parameters.memory {
        Coverage::Sampled => "sampled",
        Coverage::Whole => "whole",
    };
    let until = parameters.until.map(|until| format!(", until operation {until}")).unwrap_or_default();
    format!("seed {}, budget {}, memory {memory}{until}", parameters.seed, budget(parameters))
}

/// A board's limits for tests that do this much. With a larger budget than the default the limits for a test and for the
/// run grow in proportion; with a smaller one they stay, for they are no figure of how long a test should take.
#[must_use]
pub fn limits(board: Budgets, parameters: &Parameters) -> Budgets {
    Budgets { test: scaled(board.test, parameters), total: scaled(board.total, parameters), ..board }
}

/// The same for limits that tests have of their own.
pub fn scale_own_limits(plan: &mut Plan, parameters: &Parameters) {
    for test in &mut plan.tests {
        test.timeout = test.timeout.map(|own| scaled(own, parameters));
    }
}

fn scaled(limit: Duration, parameters: &Parameters) -> Duration {
    let budget = u128::from(parameters.budget_ms.max(DEFAULT_BUDGET_MS));
    let scaled = limit.as_millis().saturating_mul(budget) / u128::from(DEFAULT_BUDGET_MS);
    Duration::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX))
}

fn budget(parameters: &Parameters) -> String {
    exact(Duration::from_millis(parameters.budget_ms))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::plan::{Selected, Test};
    use clap::Parser;
    use wire::BuildId;

    fn parsed(line: &str) -> Parameters {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        match cli.command {
            Some(Command::Run(selection)) => parameters(&cli.global, &selection),
            _ => parameters(&cli.global, &Selection::default()),
        }
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_plain_run_is_the_same_each_time() {
        assert_eq!(parsed("host-runner"), Parameters::default());
        assert_eq!(words(&Parameters::default()), "seed 1, budget 2m, memory sampled");
    }

    #[test]
    fn what_is_said_is_what_is_ordered() {
        let said = parsed("host-runner run --seed 0xff --budget 8h --until 12 --memory whole");
        let (budget_ms, memory) = (8 * 3_600_000, Coverage::Whole);
        assert_eq!(said, Parameters { seed: 255, budget_ms, until: Some(12), memory });
        assert_eq!(words(&said), "seed 255, budget 8h, memory whole, until operation 12");
    }

    #[test]
    fn a_smoke_run_is_short_unless_told_otherwise() {
        assert_eq!(parsed("host-runner run --smoke").budget_ms, 10_000);
        assert_eq!(parsed("host-runner run --smoke --budget 1m").budget_ms, 60_000);
    }

    #[test]
    fn the_options_give_the_same_again() {
        for line in [
            "host-runner",
            "host-runner run --smoke",
            "host-runner --seed new --budget 90s --until 3 --memory whole",
        ] {
            let first = parsed(line);
            assert_eq!(parsed(&format!("host-runner {} run", options(&first))), first, "{line}");
        }
    }

    #[test]
    fn new_seeds_differ() {
        let seeds: Vec<_> = (0..4).map(|_| parsed("host-runner --seed new").seed).collect();
        assert!(seeds.windows(2).any(|pair| pair[0] != pair[1]), "{seeds:?}");
        assert!(Seed::from_str("old").unwrap_err().contains("\"new\""));
    }

    #[test]
    fn limits_grow_with_the_budget_and_never_shrink() {
        let board = Budgets { boot: minutes(1), test: minutes(2), silence: minutes(3), total: minutes(30) };
        let with = |budget_ms| limits(board, &Parameters { budget_ms, ..Parameters::default() });
        assert_eq!((with(1), with(DEFAULT_BUDGET_MS)), (board, board));
        let grown = Budgets { test: minutes(10), total: minutes(150), ..board };
        assert_eq!(with(5 * DEFAULT_BUDGET_MS), grown);
        assert!(with(u64::MAX).total > grown.total, "no overflow");
    }

    #[test]
    fn a_tests_own_limit_grows_with_the_budget_too() {
        let own = |timeout| Test {
            name: String::new(),
            entry: 0,
            should_panic: false,
            timeout,
            selected: Selected::Yes,
        };
        let mut plan = Plan::new(BuildId::default(), vec![own(Some(minutes(2))), own(None)]);
        scale_own_limits(&mut plan, &Parameters { budget_ms: 1, ..Parameters::default() });
        assert_eq!(plan.tests[0].timeout, Some(minutes(2)));
        scale_own_limits(
            &mut plan,
            &Parameters { budget_ms: 2 * DEFAULT_BUDGET_MS, ..Parameters::default() },
        );
        assert_eq!((plan.tests[0].timeout, plan.tests[1].timeout), (Some(minutes(4)), None));
    }
}
