//! Every scenario on the host's machine.

#[path = "shared/process.rs"]
mod process;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use suites::host::{SCENARIOS, Scenario};

fn main() -> ExitCode {
    if process::run_own_scenario() {
        return ExitCode::SUCCESS;
    }
    let trial = |&(name, _): &(&'static str, Scenario)| Trial::test(name, || Ok(process::run(name, &[])?));
    libtest_mimic::run(&Arguments::from_args(), SCENARIOS.iter().map(trial).collect()).exit_code()
}
