//! Every scenario on the host's machine, and that what one core does ends as it did before.

#[path = "shared/process.rs"]
mod process;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use suites::host::{SCENARIOS, Scenario};

/// Suites that one core can do: at least one scenario of each ends with a digest.
const OF_ONE_CORE: [&str; 7] = ["map", "frames", "slabs", "heap", "faults", "misuse", "soak"];

fn main() -> ExitCode {
    if process::run_own_scenario() {
        return ExitCode::SUCCESS;
    }
    let run = |&(name, _): &(&'static str, Scenario)| {
        Trial::test(name, || Ok(process::run(name, &[]).map(|_| ())?))
    };
    let repeat = |suite| Trial::test(format!("{suite}::ends_as_before"), move || ends_as_before(suite));
    let trials = SCENARIOS.iter().map(run).chain(OF_ONE_CORE.map(repeat)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Each scenario of a suite ends with the same digest in another process, whose memory lies elsewhere.
fn ends_as_before(suite: &str) -> Result<(), Failed> {
    let scenarios = SCENARIOS.iter().map(|(name, _)| *name);
    let mut digests = 0;
    for name in scenarios.filter(|name| name.split_once("::").is_some_and(|(its, _)| its == suite)) {
        let [first, second] = [digest(name)?, digest(name)?];
        if first != second {
            return Err(format!("{name}: {first:?}, and then {second:?}").into());
        }
        digests += u32::from(first.is_some());
    }
    println!("{suite}: {digests} digests");
    if digests > 0 { Ok(()) } else { Err(format!("no scenario of {suite} has a digest").into()) }
}

/// What a scenario says of the digest that it ends with, in a short run.
fn digest(name: &str) -> Result<Option<String>, String> {
    let said = process::run(name, &[("FRAMEKEEPER_BUDGET_MS", "3000"), ("FRAMEKEEPER_UNTIL", "20000")])?;
    Ok(said.lines().find(|line| line.starts_with("Digest ")).map(str::to_owned))
}
