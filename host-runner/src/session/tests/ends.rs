//! How tests end by their own word.

use super::bench::{BUDGETS, Bench, core, ms, panic_on, test, verdict};
use crate::plan::{Selected, Test};
use crate::session::{Action, Crash, CutShort, Event, Failure, Notice, Status, Timeout};
use wire::{Cause, Doing, Outcome, RunId};

/// How a test with this outcome ends.
fn judged(should_panic: bool, outcome: Outcome) -> Status {
    let mut bench = Bench::of(vec![Test { should_panic, ..test("it") }]);
    bench.ready();
    bench.start(1);
    bench.end(1, outcome);
    bench.only_end()
}

#[test]
fn an_ordinary_test_passes_by_returning() {
    assert_eq!(judged(false, Outcome::Passed), Status::Pass);
    assert_eq!(judged(false, Outcome::Failed), Status::Fail(Failure::Returned));
    assert_eq!(judged(false, Outcome::Panicked), Status::Fail(Failure::Panicked));
}

#[test]
fn a_test_that_should_panic_passes_by_panicking() {
    assert_eq!(judged(true, Outcome::Panicked), Status::Pass);
    assert_eq!(judged(true, Outcome::Passed), Status::Fail(Failure::DidNotPanic));
    assert_eq!(judged(true, Outcome::Failed), Status::Fail(Failure::Returned));
}

#[test]
fn a_test_that_should_panic_does_not_pass_by_crashing() {
    let mut bench = Bench::of(vec![Test { should_panic: true, ..test("it") }]);
    bench.ready();
    bench.start(1);
    bench.say(&core(0, Cause::Exception));
    bench.beacon(Doing::Crashed { run: RunId(1) });
    assert_eq!(bench.only_end(), Status::Crash(Crash::Exception(0)));
}

#[test]
fn a_panic_of_core_0_is_told_and_its_verdict_decides() {
    let mut bench = Bench::running(1);
    bench.say(&panic_on(0));
    assert_eq!(bench.ends(), []);
    bench.end(1, Outcome::Panicked);
    assert_eq!(bench.only_end(), Status::Fail(Failure::Panicked));
    let is_panic = |notice: &Notice| matches!(notice, Notice::Panic(panic) if panic.message == "it broke");
    assert!(bench.notices.iter().any(is_panic));
}

#[test]
fn a_panic_of_another_core_is_a_crash() {
    let mut bench = Bench::running(2);
    bench.say(&panic_on(3));
    bench.actions.clear();
    bench.beacon(Doing::Crashed { run: RunId(1) });
    assert_eq!(bench.only_end(), Status::Crash(Crash::PanicOn(3)));
    assert!(bench.has_booted());
}

#[test]
fn lost_cores_outweigh_a_pass() {
    let mut bench = Bench::running(2);
    bench.actions.clear();
    bench.say(&verdict(1, Outcome::Passed, 0b1001_0000));
    assert_eq!(bench.only_end(), Status::Crash(Crash::LostCores(vec![4, 7])));
    assert!(bench.has_booted());
}

#[test]
fn the_first_cause_of_a_crash_decides_and_the_other_cores_are_still_heard() {
    let mut bench = Bench::running(2);
    bench.say(&core(2, Cause::StackOverflow));
    bench.say(&core(1, Cause::Exception));
    bench.say(&core(0, Cause::Asked));
    bench.pass(ms(500));
    assert_eq!(bench.only_end(), Status::Crash(Crash::StackOverflow(2)));
    let told = bench.notices.iter().filter(|notice| matches!(notice, Notice::Core(_))).count();
    assert_eq!(told, 3);
}

#[test]
fn a_verdict_after_a_crash_changes_nothing() {
    let mut bench = Bench::running(1);
    bench.say(&core(1, Cause::Nested));
    bench.end(1, Outcome::Passed);
    bench.pass(ms(500));
    assert_eq!(bench.only_end(), Status::Crash(Crash::Exception(1)));
}

#[test]
fn a_core_that_was_asked_has_not_crashed() {
    let mut bench = Bench::running(1);
    bench.say(&core(1, Cause::Asked));
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
}

#[test]
fn ignored_tests_are_told_and_filtered_ones_are_not() {
    let of = |selected| Test { selected, ..test("it") };
    let mut bench = Bench::of(vec![of(Selected::Ignored), of(Selected::Filtered), of(Selected::Yes)]);
    bench.ready();
    bench.start(1);
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.summary().ends, [(0, Status::Ignored), (2, Status::Pass)]);
    assert_eq!((bench.ends().len(), bench.summary().exit_code()), (2, 0));
}

#[test]
fn a_plan_without_a_selected_test_is_no_success() {
    let bench = Bench::of(vec![Test { selected: Selected::Filtered, ..test("it") }]);
    assert_eq!(bench.summary().cut_short, Some(CutShort::Infra("no test matches".into())));
    assert_eq!((bench.summary().exit_code(), bench.summary().boots), (2, 0));
}

#[test]
fn the_worst_end_decides_the_exit_code() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Failed);
    bench.wait_after(1);
    bench.start(2);
    bench.end(2, Outcome::Passed);
    assert_eq!(bench.summary().exit_code(), 1);
    let mut summary = bench.summary().clone();
    summary.ends.push((2, Status::Infra("lost".into())));
    assert_eq!(summary.exit_code(), 2);
    summary.cut_short = Some(CutShort::Interrupted);
    assert_eq!(summary.exit_code(), 130);
}

#[test]
fn a_verdict_of_another_run_means_nothing() {
    let mut bench = Bench::running(1);
    bench.end(7, Outcome::Failed);
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
}

#[test]
fn a_crash_waits_for_the_memory_that_is_to_be_kept() {
    let mut bench = Bench::keeping_memory();
    bench.say(&panic_on(3));
    bench.beacon(Doing::Crashed { run: RunId(1) });
    assert_eq!(bench.actions.iter().filter(|action| **action == Action::Dump).count(), 1);
    assert_eq!(bench.ends(), []);
    bench.happens(Event::Kept("memory".into()));
    assert_eq!(bench.only_end(), Status::Crash(Crash::PanicOn(3)));
    let place = |wanted: fn(&Notice) -> bool| bench.notices.iter().position(wanted);
    let (kept, ended) =
        (place(|it| matches!(it, Notice::Kept(_))), place(|it| matches!(it, Notice::Ended { .. })));
    assert!(kept.is_some() && kept < ended, "{:?}", bench.notices);
}

#[test]
fn what_a_look_at_memory_has_held_up_is_still_waited_for() {
    let mut bench = Bench::keeping_memory();
    bench.pass_running(1, BUDGETS.test);
    assert!(bench.actions.contains(&Action::Dump));
    bench.now += ms(60_000);
    bench.happens(Event::Kept("memory".into()));
    bench.say(&core(1, Cause::Asked));
    assert_eq!(bench.ends(), []);
    bench.pass(ms(500));
    assert_eq!(bench.only_end(), Status::Timeout(Timeout::Test));
}
