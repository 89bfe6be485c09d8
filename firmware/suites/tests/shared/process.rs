//! A process of its own for a scenario: one that touches a hole ends alone, and each begins with all memory free.
//!
//! `FRAMEKEEPER_SEED` and `FRAMEKEEPER_BUDGET_MS` change what is drawn by lot and how much is done; `FRAMEKEEPER_UNTIL`, when
//! a soak ends.

use std::{
    process::{Command, abort, exit},
    thread,
    time::Duration,
};
use suites::{Parameters, host};

#[global_allocator]
static ALLOCATOR: host::Placed = host::Placed;

/// What tells a process which scenario it is for.
const SCENARIO: &str = "FRAMEKEEPER_SCENARIO";
/// And what it is to be done wrong in it.
#[cfg(feature = "planted")]
const PLANT: &str = "PLANT";

/// What a process says when its machine is there and the scenario is next.
pub(crate) const STARTED: &str = "the machine is there";

/// How long a scenario may take beside its budget: one that waits for ever has failed.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs the scenario that the process is for; says whether it is for one.
pub(crate) fn run_own_scenario() -> bool {
    let Ok(name) = std::env::var(SCENARIO) else { return false };
    let (_, scenario) =
        host::SCENARIOS.iter().find(|(known, _)| *known == name).expect("a scenario of the list");
    let default = Parameters::default();
    let seed = number("FRAMEKEEPER_SEED", default.seed);
    let budget_ms = number("FRAMEKEEPER_BUDGET_MS", default.budget_ms);
    println!("FRAMEKEEPER_SEED={seed} FRAMEKEEPER_BUDGET_MS={budget_ms}");
    #[cfg(feature = "planted")]
    plant();
    end_with_any_panic();
    thread::spawn(move || {
        thread::sleep(LIMIT + Duration::from_millis(budget_ms));
        println!("the scenario does not end");
        abort();
    });
    let until = std::env::var("FRAMEKEEPER_UNTIL").is_ok().then(|| number("FRAMEKEEPER_UNTIL", 0));
    let parameters = Parameters { seed, budget_ms, until, ..default };
    let host = host::start(|text| println!("{text}"));
    println!("{STARTED}");
    host.run(parameters, &name, scenario);
    true
}

/// As on a board: a core that panics stops all others, which may wait for it.
fn end_with_any_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // What is printed is the host's: the machine's heap may be what panicked.
        host::off_core(|| tell(panic));
        exit(101);
    }));
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")),
        Err(_) => default,
    }
}

#[cfg(feature = "planted")]
fn plant() {
    if let Ok(name) = std::env::var(PLANT) {
        let bug = framekeeper::Bug::ALL.iter().find(|bug| bug.name() == name);
        framekeeper::plant(Some(*bug.unwrap_or_else(|| panic!("{PLANT}={name} is no bug"))));
    }
}

/// Runs a scenario in a process of its own; what it said.
pub(crate) fn run(name: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.env(SCENARIO, name).envs(variables.iter().copied());
    let output = command.output().map_err(|error| error.to_string())?;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(out.into_owned());
    }
    Err(format!("{}\n{out}{errors}", output.status))
}
