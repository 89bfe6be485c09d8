//! Every bug that can be planted, against every scenario: each bug must be caught.
//!
//! `cargo test -p suites --features planted --test planted` prints what caught which. Scenarios are tried with a small
//! budget first, and with the default one only where that catches nothing. One bug is a barrier that is missing, which no
//! x86 processor shows: a model finds it.
//!
//! With `-- --scenarios` the other way around: each scenario against the bugs, until one makes an assertion of the suites fail
//! in it. A scenario that none makes fail has not been seen to be able to.

#[path = "shared/process.rs"]
mod process;

use framekeeper::Bug;
use std::{
    process::{Command, ExitCode},
    sync::Mutex,
    thread,
};
use suites::host::{SCENARIOS, Scenario};
use wire::DEFAULT_BUDGET_MS;

/// Budgets in which a bug must show.
const BUDGETS_MS: [u64; 2] = [6_000, DEFAULT_BUDGET_MS];
/// What only a model shows.
const FOR_MODELS: [Bug; 1] = [Bug::PendingRelaxed];

/// What caught a bug, and how.
struct Catch {
    by: String,
    how: String,
}

fn main() -> ExitCode {
    if process::run_own_scenario() {
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_chosen = |bug: &&Bug| chosen.is_empty() || chosen.iter().any(|name| name == bug.name());
    let bugs: Vec<_> = Bug::ALL.iter().filter(is_chosen).collect();
    if let Some(name) = fails_unplanted() {
        println!("{name} fails without any bug, and would catch all of them");
        return ExitCode::FAILURE;
    }
    let (done, all, what) = if std::env::args().any(|argument| argument == "--scenarios") {
        let failed = on_all_processors(SCENARIOS, |scenario| fails_by_any(scenario, &bugs));
        (failed, SCENARIOS.len(), "scenarios failed")
    } else {
        let caught = on_all_processors(&bugs, |bug| {
            let catch = catch(**bug);
            print(bug.name(), catch.as_ref().map(|Catch { by, how }| (by.as_str(), how.as_str())));
            catch.is_some()
        });
        (caught, bugs.len(), "planted bugs caught")
    };
    println!("\n{done} of {all} {what}");
    if done == all && all > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Of how many `works` is true.
fn on_all_processors<T: Sync>(all: &[T], works: impl Fn(&T) -> bool + Sync) -> usize {
    let (next, done) = (Mutex::new(all.iter()), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(one) = next.lock().unwrap().next() else { break };
                    *done.lock().unwrap() += usize::from(works(one));
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// Whether any of the bugs makes a scenario fail, with the small budget.
fn fails_by_any(scenario: &(&str, Scenario), bugs: &[&Bug]) -> bool {
    let budget = BUDGETS_MS[0].to_string();
    let fails = |bug: Bug| {
        let said =
            process::run(scenario.0, &[("PLANT", bug.name()), ("FRAMEKEEPER_BUDGET_MS", &budget)]).err()?;
        // Some bugs leave no machine to try a scenario on, or break what any scenario does: that says nothing about it.
        let is_its_own = said.contains(process::STARTED) && said.contains("panicked at firmware/suites/src/");
        is_its_own.then(|| (bug.name(), reason(&said)))
    };
    let failed = bugs.iter().find_map(|&&bug| fails(bug));
    print(scenario.0, failed.as_ref().map(|(by, how)| (*by, how.as_str())));
    failed.is_some()
}

/// A scenario that fails as it is, in one of the budgets.
fn fails_unplanted() -> Option<&'static str> {
    let fails = |budget_ms: u64| {
        let budget = budget_ms.to_string();
        let fails = |name: &&str| process::run(name, &[("FRAMEKEEPER_BUDGET_MS", &budget)]).is_err();
        SCENARIOS.iter().map(|(name, _)| *name).find(fails)
    };
    BUDGETS_MS.into_iter().find_map(fails)
}

fn print(what: &str, catch: Option<(&str, &str)>) {
    match catch {
        Some((by, how)) => println!("{what:<28} {by}: {how}"),
        None => println!("{what:<28} NOT CAUGHT"),
    }
}

fn catch(bug: Bug) -> Option<Catch> {
    if FOR_MODELS.contains(&bug) {
        return catch_by_model(bug);
    }
    BUDGETS_MS
        .iter()
        .find_map(|&budget_ms| SCENARIOS.iter().find_map(|scenario| catch_by(bug, scenario, budget_ms)))
}

fn catch_by(bug: Bug, &(name, _): &(&str, Scenario), budget_ms: u64) -> Option<Catch> {
    let budget = budget_ms.to_string();
    let said = process::run(name, &[("PLANT", bug.name()), ("FRAMEKEEPER_BUDGET_MS", &budget)]).err()?;
    Some(Catch { by: name.to_owned(), how: reason(&said) })
}

/// The line behind that which says where a scenario panicked, or how its process ended.
fn reason(said: &str) -> String {
    let behind = said.lines().skip_while(|line| !line.contains("panicked at")).nth(1);
    let line = behind.or_else(|| said.lines().next()).unwrap_or_default();
    line.chars().take(90).collect()
}

/// Loom explores the model with the bug in it.
fn catch_by_model(bug: Bug) -> Option<Catch> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/loom");
    let arguments = "test -q -p framekeeper --release --lib --features planted interleavings";
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments.split(' ')).env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", folder);
    let output = cargo.env("PLANT", bug.name()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = said.lines().find_map(|line| line.strip_prefix("---- ")?.strip_suffix(" stdout ----"))?;
    Some(Catch { by: failed.to_owned(), how: "loom finds the interleaving".to_owned() })
}
