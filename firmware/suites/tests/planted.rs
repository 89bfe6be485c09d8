//! Every bug that can be planted, against every scenario: each bug must be caught.
//!
//! `cargo test -p suites --features planted --test planted` prints what caught which. Scenarios are tried with a small
//! budget first, and with the default one only where that catches nothing. One bug is a barrier that is missing, which no
//! x86 processor shows: a model finds it.
//!
//! With `-- --scenarios` the other way around: each scenario against the bugs, until one makes an assertion of its own fail. Those
//! that only fail by what every scenario must leave behind are counted apart. A scenario that no bug fails has not been seen
//! to be able to fail.
//!
//! Names behind that choose: of bugs, and of scenarios as `suite::scenario` or `suite::`.

#[path = "shared/process.rs"]
mod process;

use framekeeper::Bug;
use std::{
    process::{Command, ExitCode},
    sync::Mutex,
    thread,
};
use suites::host::SCENARIOS;
use wire::DEFAULT_BUDGET_MS;

/// Budgets in which a bug must show.
const BUDGETS_MS: [u64; 2] = [6_000, DEFAULT_BUDGET_MS];
/// What only a model shows.
const FOR_MODELS: [Bug; 1] = [Bug::PendingRelaxed];

/// Where the suites are.
const SUITES: &str = "firmware/suites/src/";
/// What looks there at what every scenario must leave behind.
const SHARED: [&str; 2] = ["arena.rs", "ground.rs"];
/// The machine.
const HOST: &str = "host/";

/// How a bug failed a scenario.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// By an assertion of its own.
    Itself,
    /// By what everything must leave behind.
    Behind,
}

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
    let (scenarios, bugs): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|name| name.contains("::"));
    let is_chosen = |bug: &&Bug| bugs.is_empty() || bugs.iter().any(|name| name == bug.name());
    let bugs: Vec<_> = Bug::ALL.iter().filter(is_chosen).collect();
    let is_chosen = |name: &&str| scenarios.is_empty() || scenarios.iter().any(|part| name.starts_with(part));
    let scenarios: Vec<_> = SCENARIOS.iter().map(|(name, _)| *name).filter(is_chosen).collect();
    if let Some(name) = fails_unplanted(&scenarios) {
        println!("{name} fails without any bug, and would catch all of them");
        return ExitCode::FAILURE;
    }
    let is_right = if std::env::args().any(|argument| argument == "--scenarios") {
        try_scenarios(&scenarios, &bugs)
    } else {
        try_bugs(&bugs, &scenarios)
    };
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether each bug is caught by a scenario.
fn try_bugs(bugs: &[&Bug], scenarios: &[&str]) -> bool {
    let caught = on_all_processors(bugs, |bug| {
        let catch = catch(**bug, scenarios);
        match &catch {
            Some(Catch { by, how }) => println!("{:<28} {by}: {how}", bug.name()),
            None => println!("{:<28} NOT CAUGHT", bug.name()),
        }
        catch.is_some()
    });
    println!("\n{caught} of {} planted bugs caught", bugs.len());
    caught == bugs.len() && caught > 0
}

/// Whether each scenario is failed by a bug.
fn try_scenarios(names: &[&str], bugs: &[&Bug]) -> bool {
    let behind = Mutex::new(0);
    let failed = on_all_processors(names, |name| {
        let failed = fails_by_any(name, bugs);
        let text = match &failed {
            Some((Failed::Itself, how)) => how.clone(),
            Some((Failed::Behind, how)) => format!("by what everything must leave behind: {how}"),
            None => "NOT FAILED BY ANY BUG".to_owned(),
        };
        println!("{name:<28} {text}");
        *behind.lock().unwrap() += usize::from(matches!(failed, Some((Failed::Behind, _))));
        failed.is_some()
    });
    println!("\n{failed} of {} scenarios are failed by a bug", names.len());
    println!("{} of them only by what everything must leave behind", behind.into_inner().unwrap());
    failed == names.len() && failed > 0
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

/// How one of the bugs makes a scenario fail with the small budget, by an assertion of its own if any bug does that.
fn fails_by_any(name: &str, bugs: &[&Bug]) -> Option<(Failed, String)> {
    let budget = BUDGETS_MS[0].to_string();
    let mut behind = None;
    for bug in bugs {
        let variables = [("PLANT", bug.name()), ("FRAMEKEEPER_BUDGET_MS", &budget)];
        let Err(said) = process::run(name, &variables) else { continue };
        let Some(failed) = failed(&said) else { continue };
        let how = (failed, format!("{}: {}", bug.name(), reason(&said)));
        if failed == Failed::Itself {
            return Some(how);
        }
        behind.get_or_insert(how);
    }
    behind
}

/// What a scenario failed by, as its process said. Some bugs leave no machine to try it on, no memory for an arena, or break
/// what any scenario does: that says nothing about it.
fn failed(said: &str) -> Option<Failed> {
    let place = said.lines().find_map(|line| line.split_once("panicked at "))?.1;
    let file = place.strip_prefix(SUITES).filter(|_| said.contains(process::STARTED))?;
    if !SHARED.iter().any(|shared| file.starts_with(shared)) {
        return (!file.starts_with(HOST)).then_some(Failed::Itself);
    }
    // What is no assertion there is about an arena that cannot be made.
    reason(said).starts_with("assertion").then_some(Failed::Behind)
}

/// A scenario that fails as it is, in one of the budgets.
fn fails_unplanted<'n>(scenarios: &[&'n str]) -> Option<&'n str> {
    let fails = |budget_ms: u64| {
        let budget = budget_ms.to_string();
        let fails = |name: &&str| process::run(name, &[("FRAMEKEEPER_BUDGET_MS", &budget)]).is_err();
        scenarios.iter().copied().find(fails)
    };
    BUDGETS_MS.into_iter().find_map(fails)
}

fn catch(bug: Bug, scenarios: &[&str]) -> Option<Catch> {
    if FOR_MODELS.contains(&bug) {
        return catch_by_model(bug);
    }
    BUDGETS_MS.iter().find_map(|&budget_ms| scenarios.iter().find_map(|name| catch_by(bug, name, budget_ms)))
}

fn catch_by(bug: Bug, name: &str, budget_ms: u64) -> Option<Catch> {
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
