//! What the host computes for the scenarios that boards run.
//!
//! A board's digest of a scenario must be the host's; this is the only place that says what the host's is. Each is computed
//! by a process of its own: a scenario that fails on the host, or brings its process down, leaves nothing behind for the
//! next, and the runner goes on.

use crate::environment;
use crate::processes::{Outcome, run_within};
use std::any::Any;
use std::io;
use std::process::Command;
use std::thread;
use std::time::Duration;
use suites::host::SCENARIOS;
use wire::{Arguments, Parameters};

/// What a process begins the line with that is its answer.
const ANSWER: &str = "digest: ";
/// How much longer than its budget a scenario may take on the host.
const PATIENCE: Duration = Duration::from_secs(60);
/// This program, by a name that still means it when its file was built anew while it runs.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// The digest that `scenario` ends with on the host, run with `parameters`; none if the host does not know the scenario, or
/// finds no digest, which is then shown as not compared.
///
/// It depends on nothing but its arguments. It may take its time, for the board waits meanwhile.
///
/// # Errors
///
/// How the scenario fails here, and what repeats it.
pub fn expected(scenario: &str, parameters: &Parameters) -> Result<Option<u64>, String> {
    expected_by(THIS_PROGRAM, scenario, parameters)
}

/// The same where this program is not the runner: `runner` is.
///
/// # Errors
///
/// As above.
pub fn expected_by(runner: &str, scenario: &str, parameters: &Parameters) -> Result<Option<u64>, String> {
    if !SCENARIOS.iter().any(|(known, _)| *known == scenario) {
        return Ok(None);
    }
    let answer = ask(runner, scenario, parameters).map_err(|error| error.to_string());
    answer.and_then(|outcome| understood(&outcome)).map_err(|why| {
        let Parameters { seed, budget_ms, until, .. } = parameters;
        let until = until.map(|until| format!(" FRAMEKEEPER_UNTIL={until}")).unwrap_or_default();
        let variables = format!("FRAMEKEEPER_SEED={seed} FRAMEKEEPER_BUDGET_MS={budget_ms}{until}");
        format!("{why}; to repeat it: {variables} cargo test -p suites --test host {scenario}")
    })
}

/// Has a process compute it.
fn ask(runner: &str, scenario: &str, parameters: &Parameters) -> io::Result<Outcome> {
    let mut program = Command::new(runner);
    environment::remove_twins(&mut program);
    program.args(["digest", scenario]).args(Arguments(*parameters).to_string().split_whitespace());
    run_within(&mut program, PATIENCE + Duration::from_millis(parameters.budget_ms), |_| false)
}

fn understood(outcome: &Outcome) -> Result<Option<u64>, String> {
    let answer = outcome.said.lines().find_map(|line| line.strip_prefix(ANSWER));
    match (answer, outcome.status) {
        (Some("none"), _) => Ok(None),
        (Some(answer), _) => u64::from_str_radix(answer, 16).map(Some).map_err(|_| answer.to_owned()),
        (None, None) => Err("it does not end".to_owned()),
        (None, Some(status)) => Err(format!("its process ends with {status}: {}", in_a_line(&outcome.said))),
    }
}

/// What a process that was [asked](expected) does: it runs the scenario, and says what came of it.
#[must_use]
pub fn answer(scenario: &str, parameters: Parameters) -> String {
    let answer = match caught(|| suites::host::digest(scenario, parameters)) {
        Ok(Some(digest)) => format!("{digest:x}"),
        Ok(None) => "none".to_owned(),
        Err(why) => why,
    };
    format!("{ANSWER}{answer}")
}

/// Does `work` on a thread of its own, which a panic ends in place of the program: what it says.
fn caught<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| scope.spawn(work).join()).map_err(|panic| in_a_line(said(&*panic)))
}

/// What is not equal is said in three lines.
fn in_a_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let formatted = panic.downcast_ref::<String>().map(String::as_str);
    formatted.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Option<u64>, String> {
        let within = Duration::from_secs(if script.starts_with("sleep") { 0 } else { 60 });
        understood(&run_within(Command::new("sh").args(["-c", script]), within, |_| false).unwrap())
    }

    #[test]
    fn a_panic_is_told_and_goes_no_further() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught::<()>(|| panic!("{} of 2 blocks", 1)), Err("1 of 2 blocks".to_owned()));
        assert_eq!(caught::<()>(|| panic!("a block is lost")), Err("a block is lost".to_owned()));
        assert_eq!(caught::<()>(|| panic!("lost\n  left: 1")), Err("lost left: 1".to_owned()));
        assert_eq!(caught::<()>(|| std::panic::panic_any(7)), Err("a panic without words".to_owned()));
    }

    #[test]
    fn a_scenario_that_is_not_known_is_no_failure() {
        assert_eq!(expected("frames::unknown", &Parameters::default()), Ok(None));
    }

    #[test]
    fn an_answer_is_a_digest_or_none_or_what_went_wrong() {
        assert_eq!(
            shell("echo thread panicked >&2; echo digest: fe00000000000001"),
            Ok(Some(0xfe00_0000_0000_0001))
        );
        assert_eq!(shell("echo digest: none"), Ok(None));
        assert_eq!(shell("echo digest: a block is lost"), Err("a block is lost".to_owned()));
    }

    #[test]
    fn a_process_that_crashes_or_hangs_is_told() {
        let said = "its process ends with signal: 6 (SIGABRT) (core dumped): memory allocation failed";
        let found = shell("echo memory allocation failed; ulimit -c 0; kill -ABRT $$").unwrap_err();
        assert_eq!(found.replace(" (core dumped)", ""), said.replace(" (core dumped)", ""));
        assert_eq!(shell("sleep 60"), Err("it does not end".to_owned()));
    }

    #[test]
    fn the_same_parameters_have_the_same_answer() {
        let short = Parameters { budget_ms: 1_000, ..Parameters::default() };
        let name = "frames::a_storm_of_splits_and_joins_leaves_no_trace";
        let first = answer(name, short);
        assert!(
            first.strip_prefix(ANSWER).is_some_and(|hex| u64::from_str_radix(hex, 16).is_ok()),
            "{first}"
        );
        assert_eq!(answer(name, short), first);
        assert_ne!(answer(name, Parameters { seed: 2, ..short }), first);
    }
}
