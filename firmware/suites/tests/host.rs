//! Every scenario on the host's machine: a process for each.
//!
//! A scenario that touches a hole ends its own process, and each begins with all memory free. `FRAMEKEEPER_SEED` and
//! `FRAMEKEEPER_BUDGET_MS` change what is drawn by lot and how much is done.

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::{Command, ExitCode};
use suites::{Parameters, host};

#[global_allocator]
static ALLOCATOR: host::Placed = host::Placed;

/// What tells a process which scenario it is for.
const SCENARIO: &str = "FRAMEKEEPER_SCENARIO";

fn main() -> ExitCode {
    match std::env::var(SCENARIO) {
        Ok(name) => {
            run(&name);
            ExitCode::SUCCESS
        }
        Err(_) => {
            let arguments = Arguments::from_args();
            let trial =
                |&(name, _): &(&'static str, host::Scenario)| Trial::test(name, move || in_a_process(name));
            libtest_mimic::run(&arguments, host::SCENARIOS.iter().map(trial).collect()).exit_code()
        }
    }
}

fn run(name: &str) {
    let (_, scenario) =
        host::SCENARIOS.iter().find(|(known, _)| *known == name).expect("a scenario of the list");
    let default = Parameters::default();
    let number = |variable: &str, default| match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")),
        Err(_) => default,
    };
    let seed = number("FRAMEKEEPER_SEED", default.seed);
    let budget_ms = number("FRAMEKEEPER_BUDGET_MS", default.budget_ms);
    println!("FRAMEKEEPER_SEED={seed} FRAMEKEEPER_BUDGET_MS={budget_ms}");
    let parameters = Parameters { seed, budget_ms, ..default };
    host::start(|text| println!("{text}")).run(parameters, scenario);
}

fn in_a_process(name: &str) -> Result<(), Failed> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).env(SCENARIO, name).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{}\n{out}{errors}", output.status).into())
}
