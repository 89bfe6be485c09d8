//! Ends of tests in words.

use super::paint;
use crate::session::{Crash, Failure, Notice, Status, Timeout};
use crate::units::counted;

/// One word as wide as any, in its colour.
pub(super) fn painted(status: &Status) -> String {
    in_colour(status, &format!("{:>7}", word(status)))
}

/// A text in the colour of an end.
pub(super) fn in_colour(status: &Status, text: &str) -> String {
    match status {
        Status::Pass => paint::good(text),
        Status::Flaky { passes: true, .. }
        | Status::Quarantined { .. }
        | Status::Ignored
        | Status::NotRun(_)
        | Status::Infra(_) => paint::doubtful(text),
        Status::Fail(_) | Status::Crash(_) | Status::Timeout(_) | Status::Flaky { passes: false, .. } => {
            paint::bad(text)
        }
    }
}

/// One word.
pub(super) fn word(status: &Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail(_) => "FAIL",
        Status::Crash(_) => "CRASH",
        Status::Timeout(_) => "TIMEOUT",
        Status::Flaky { .. } => "flaky",
        Status::Quarantined { .. } => "known",
        Status::Ignored => "ignored",
        Status::NotRun(_) => "not run",
        Status::Infra(_) => "INFRA",
    }
}

/// Why, where there is anything to say.
pub(super) fn reason(status: &Status) -> Option<String> {
    match status {
        Status::Pass | Status::Ignored => None,
        Status::Flaky { before, .. } => Some(flaked(before)),
        Status::Quarantined { was, words } => Some(format!("{}; {words}", reason(was).unwrap_or_default())),
        Status::Fail(failure) => Some(failed(failure)),
        Status::Crash(crash) => Some(crashed(crash)),
        Status::Timeout(timeout) => Some(ran_out(*timeout).to_owned()),
        Status::NotRun(reason) | Status::Infra(reason) => Some(reason.clone()),
    }
}

fn flaked(before: &[Status]) -> String {
    let each: Vec<_> = before.iter().filter_map(reason).collect();
    format!("it passed at attempt {}; before: {}", before.len() + 1, each.join("; "))
}

fn failed(failure: &Failure) -> String {
    match failure {
        Failure::Panicked => "it panicked".to_owned(),
        Failure::Returned => "it returned an error".to_owned(),
        Failure::DidNotPanic => "it was expected to panic and did not".to_owned(),
        Failure::OtherDigest { scenario, board, host } => {
            format!("after {scenario} the board's digest is {board:#018x}, the host's {host:#018x}")
        }
        Failure::OnHost { scenario, why } => format!("on the host {scenario} fails: {why}"),
    }
}

fn crashed(crash: &Crash) -> String {
    match crash {
        Crash::Exception(core) => format!("core {core} took an exception that nothing handles"),
        Crash::StackOverflow(core) => format!("core {core} ran out of stack"),
        Crash::PanicOn(core) => format!("core {core}, which is not the test's own, panicked"),
        Crash::Reset => "the board booted again by itself".to_owned(),
        Crash::PoweredOff => "the board switched itself off".to_owned(),
        Crash::LostCores(cores) => format!("afterwards these cores could not be parked: {}", listed(cores)),
    }
}

fn listed(cores: &[u32]) -> String {
    cores.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn ran_out(timeout: Timeout) -> &'static str {
    match timeout {
        Timeout::Boot => "the board did not get ready in time",
        Timeout::Test => "it took longer than its limit",
        Timeout::Silence => "the board gave no sign of life",
        Timeout::Total => "the whole run took longer than its limit",
    }
}

/// What a notice says is missing of what the board had to say, if it says that.
pub(super) fn missing(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Lost(frames) => Some(format!("{frames} frames were lost on the line")),
        Notice::LogDropped { core, records } => {
            Some(format!("core {core} could not keep {records} log records"))
        }
        Notice::NumbersDropped { core, numbers } => {
            Some(format!("core {core} could not send {}", counted(*numbers as usize, "number")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_digest_is_told_with_both_values() {
        let failure = Failure::OtherDigest { scenario: "frames::random".into(), board: 1, host: 0xfe << 56 };
        assert_eq!(
            reason(&Status::Fail(failure)).unwrap(),
            "after frames::random the board's digest is 0x0000000000000001, the host's 0xfe00000000000000"
        );
    }

    #[test]
    fn a_failure_on_the_host_is_told_as_that() {
        let failure = Failure::OnHost { scenario: "frames::random".into(), why: "a block is lost".into() };
        let told = reason(&Status::Fail(failure)).unwrap();
        assert_eq!(told, "on the host frames::random fails: a block is lost");
    }

    #[test]
    fn every_end_that_is_no_pass_says_why() {
        assert_eq!(reason(&Status::Pass), None);
        let lost = Status::Crash(Crash::LostCores(vec![1, 3]));
        assert_eq!(reason(&lost).unwrap(), "afterwards these cores could not be parked: 1, 3");
        assert_eq!(reason(&Status::Infra("the line is dead".into())).unwrap(), "the line is dead");
    }
}
