//! What the host computes for the scenarios that boards run.
//!
//! A board's digest of a scenario must be the host's; this is the only place that says what the host's is.

use std::any::Any;
use std::thread;
use wire::Parameters;

/// The state of the allocator on the host at the end of `scenario`, run with `parameters`; none if the host does not know
/// the scenario, whose digest is then shown as not compared.
///
/// It depends on nothing but its arguments: a replay asks again. It may take its time, for the board waits meanwhile.
///
/// # Errors
///
/// What the scenario says that panics here, and what repeats it.
pub fn expected(scenario: &str, parameters: &Parameters) -> Result<Option<u64>, String> {
    caught(|| suites::host::digest(scenario, *parameters)).map_err(|why| {
        let Parameters { seed, budget_ms, .. } = parameters;
        let variables = format!("FRAMEKEEPER_SEED={seed} FRAMEKEEPER_BUDGET_MS={budget_ms}");
        format!("{why}; to repeat it: {variables} cargo test -p suites --test host {scenario}")
    })
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
}
