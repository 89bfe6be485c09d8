//! Tests that fail and are run again, or are known to fail.

use super::bench::{Bench, core, ms};
use crate::plan::Again;
use crate::session::{Crash, CutShort, Event, Failure, Notice, Status};
use wire::{Cause, Number, Outcome, Unit};

const TWICE: Again = Again { retries: 2, flaky_passes: false };
const PANICKED: Status = Status::Fail(Failure::Panicked);

/// How attempts have ended after which the test was run again.
fn failures(bench: &Bench) -> Vec<Status> {
    let failed = bench.notices.iter().filter_map(|notice| match notice {
        Notice::Failed { status, .. } => Some(status.clone()),
        _ => None,
    });
    failed.collect()
}

/// A session whose first test has ended so often by its own word, and waits for the next order.
fn ended(bench: &mut Bench, outcomes: &[Outcome]) {
    bench.ready();
    for (run, outcome) in (1..).zip(outcomes) {
        bench.start(run);
        bench.end(run, *outcome);
        bench.wait_after(run);
    }
}

#[test]
fn a_test_that_fails_ends_at_once_where_nothing_else_is_said() {
    let mut bench = Bench::trying_again(1, Again::default());
    ended(&mut bench, &[Outcome::Panicked]);
    assert_eq!((bench.only_end(), failures(&bench)), (PANICKED, vec![]));
}

#[test]
fn a_test_that_passes_at_last_is_flaky() {
    for (flaky_passes, code) in [(false, 1), (true, 0)] {
        let mut bench = Bench::trying_again(1, Again { flaky_passes, ..TWICE });
        ended(&mut bench, &[Outcome::Panicked, Outcome::Failed, Outcome::Passed]);
        let before = vec![PANICKED, Status::Fail(Failure::Returned)];
        assert_eq!(failures(&bench), before);
        assert_eq!(bench.only_end(), Status::Flaky { before, passes: flaky_passes });
        assert_eq!(bench.summary().exit_code(), code);
    }
}

#[test]
fn a_test_that_never_passes_ends_as_its_last_attempt() {
    let mut bench = Bench::trying_again(1, TWICE);
    ended(&mut bench, &[Outcome::Panicked, Outcome::Panicked, Outcome::Failed]);
    assert_eq!(bench.only_end(), Status::Fail(Failure::Returned));
    assert_eq!((failures(&bench).len(), bench.summary().exit_code()), (2, 1));
}

#[test]
fn each_test_has_its_own_attempts() {
    let mut bench = Bench::trying_again(2, TWICE);
    ended(&mut bench, &[Outcome::Panicked, Outcome::Passed, Outcome::Passed]);
    let flaky = Status::Flaky { before: vec![PANICKED], passes: false };
    assert_eq!(bench.ends(), [(0, flaky), (1, Status::Pass)]);
}

#[test]
fn a_crash_is_tried_again_in_another_boot() {
    let mut bench = Bench::trying_again(1, TWICE);
    bench.ready();
    bench.start(1);
    bench.actions.clear();
    bench.say(&core(1, Cause::Exception));
    bench.pass(ms(500));
    assert!(bench.has_booted());
    bench.ready();
    bench.start(2);
    bench.end(2, Outcome::Passed);
    let before = vec![Status::Crash(Crash::Exception(1))];
    assert_eq!(bench.only_end(), Status::Flaky { before, passes: false });
}

#[test]
fn what_an_attempt_measured_that_failed_belongs_to_it() {
    let mut bench = Bench::trying_again(1, TWICE);
    bench.ready();
    for (run, outcome) in [(1, Outcome::Failed), (2, Outcome::Passed)] {
        bench.start(run);
        bench.measure(&Number::Value { name: "run", unit: Unit::Count, value: u64::from(run) });
        bench.end(run, outcome);
        bench.wait_after(run);
    }
    let told = |wanted: fn(&Notice) -> bool| bench.notices.iter().position(wanted).unwrap();
    assert_eq!(bench.measured().len(), 2);
    assert!(
        told(|notice| matches!(notice, Notice::Measured(_)))
            < told(|notice| matches!(notice, Notice::Failed { .. }))
    );
}

#[test]
fn a_failure_is_not_forgotten_where_the_run_ends_before_another_attempt() {
    let mut bench = Bench::trying_again(2, TWICE);
    ended(&mut bench, &[Outcome::Panicked]);
    bench.happens(Event::Interrupted);
    bench.happens(Event::Interrupted);
    let ends = bench.ends();
    assert_eq!(ends[0], (0, PANICKED));
    assert!(matches!(ends[1], (1, Status::NotRun(_))), "{ends:?}");
    assert_eq!(bench.summary().cut_short, Some(CutShort::Interrupted));
}

#[test]
fn a_failure_that_is_known_fails_no_run_and_anything_else_does() {
    let known = |outcome| {
        let mut bench = Bench::quarantined();
        ended(&mut bench, &[outcome]);
        (bench.only_end(), bench.summary().exit_code())
    };
    let words = "in quarantine".to_owned();
    assert_eq!(known(Outcome::Panicked), (Status::Quarantined { was: Box::new(PANICKED), words }, 0));
    assert_eq!(known(Outcome::Passed), (Status::Pass, 0));
    let mut bench = Bench::quarantined();
    bench.lose_line();
    bench.pass(ms(100_000));
    assert_eq!(bench.summary().exit_code(), 2);
}
