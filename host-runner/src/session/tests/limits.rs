//! Time that runs out, and users who do not wait for it.

use super::bench::{BUDGETS, Bench, core, ms, test, verdict};
use crate::plan::Test;
use crate::session::{Action, CutShort, Event, Notice, Status, Timeout};
use std::time::Duration;
use wire::{Cause, Doing, FromBoard, Outcome, RunId, ToBoard};

#[test]
fn a_test_that_takes_too_long_is_asked_what_it_does_before_it_ends() {
    let mut bench = Bench::running(2);
    bench.actions.clear();
    bench.pass_running(1, BUDGETS.test);
    assert!(bench.actions.contains(&Action::Inspect));
    assert!(bench.orders().contains(&ToBoard::Report));
    bench.say(&core(1, Cause::Asked));
    bench.happens(Event::Inspected("core 0 spins in lock".into()));
    assert_eq!(bench.ends(), []);
    bench.pass(ms(500));
    assert_eq!(bench.only_end(), Status::Timeout(Timeout::Test));
    assert!(bench.has_booted());
    assert!(bench.notices.iter().any(|notice| matches!(notice, Notice::Core(_))));
    assert!(bench.notices.iter().any(|notice| matches!(notice, Notice::Inspected(_))));
}

/// Whoever has it now may have switched it off.
#[test]
fn the_silence_of_a_board_that_was_taken_away_is_no_failure() {
    let mut bench = Bench::running(2);
    bench.pass(BUDGETS.silence);
    assert!(bench.actions.contains(&Action::Inspect));
    bench.happens(Event::Lost("taken away".into()));
    assert_eq!(bench.summary().cut_short, Some(CutShort::Infra("taken away".into())));
    let not_run = |index: usize| (index, Status::NotRun("taken away".into()));
    assert_eq!(bench.ends(), [not_run(0), not_run(1)]);
}

#[test]
fn a_test_may_have_a_limit_of_its_own() {
    let mut bench = Bench::of(vec![Test { timeout: Some(Duration::from_secs(1)), ..test("it") }]);
    bench.ready();
    bench.start(1);
    bench.pass_running(1, ms(1600));
    assert_eq!(bench.only_end(), Status::Timeout(Timeout::Test));
}

#[test]
fn a_verdict_after_the_time_was_up_is_too_late() {
    let mut bench = Bench::running(1);
    bench.pass_running(1, BUDGETS.test);
    bench.end(1, Outcome::Passed);
    bench.pass(ms(500));
    assert_eq!(bench.only_end(), Status::Timeout(Timeout::Test));
}

#[test]
fn a_verdict_that_was_on_its_way_when_the_time_was_up_counts() {
    let mut bench = Bench::running(1);
    bench.pass_running(1, BUDGETS.test - ms(100));
    let lost = bench.say_unheard(&verdict(1, Outcome::Passed, 0));
    bench.wait_after(1);
    bench.pass(ms(1500));
    assert_eq!(bench.ends(), []);
    bench.hear(&lost);
    assert_eq!(bench.only_end(), Status::Pass);
}

#[test]
fn frames_that_stay_missing_when_the_time_is_up_spoil_the_attempt() {
    let mut bench = Bench::running(1);
    bench.say_unheard(&FromBoard::LogDropped { core: 0, records: 1 });
    bench.pass_running(1, BUDGETS.test + BUDGETS.silence);
    assert_eq!(bench.retries(), ["the time was up while frames were missing"]);
}

#[test]
fn a_board_without_a_sign_of_life_is_silent() {
    let mut bench = Bench::running(2);
    bench.actions.clear();
    bench.pass(BUDGETS.silence + ms(500));
    assert_eq!(bench.only_end(), Status::Timeout(Timeout::Silence));
    assert!(bench.has_booted());
}

#[test]
fn text_is_no_sign_of_life() {
    let mut bench = Bench::running(1);
    for _ in 0..8 {
        bench.hear(b"\0still here\0");
        bench.pass(ms(500));
    }
    assert_eq!(bench.only_end(), Status::Timeout(Timeout::Silence));
}

#[test]
fn silence_before_the_test_was_seen_to_begin_is_believed_the_third_time() {
    let mut bench = Bench::new(1);
    for _ in 0..3 {
        assert_eq!(bench.ends(), []);
        bench.ready();
        bench.pass(BUDGETS.silence);
    }
    assert_eq!((bench.only_end(), bench.retries().len()), (Status::Timeout(Timeout::Silence), 2));
}

#[test]
fn an_order_that_the_board_does_not_take_spoils_the_attempt() {
    let mut bench = Bench::new(1);
    bench.ready();
    for _ in 0..20 {
        bench.wait_after(0);
        bench.pass(ms(500));
    }
    assert_eq!(bench.retries(), ["the board does not begin the test"]);
}

#[test]
fn a_reset_during_the_last_questions_leaves_the_timeout() {
    let mut bench = Bench::running(1);
    bench.pass_running(1, BUDGETS.test);
    bench.take_nonce();
    bench.greet();
    assert_eq!(bench.only_end(), Status::Timeout(Timeout::Test));
}

#[test]
fn the_whole_run_has_a_limit() {
    let mut bench = Bench::of((0..3).map(|_| Test { timeout: Some(BUDGETS.total), ..test("it") }).collect());
    bench.ready();
    bench.start(1);
    bench.pass_running(1, BUDGETS.total);
    assert_eq!(bench.ends()[0], (0, Status::Timeout(Timeout::Total)));
    assert!(bench.ends()[1..].iter().all(|(_, status)| matches!(status, Status::NotRun(_))));
    let summary = bench.summary();
    assert_eq!((summary.ends.len(), &summary.cut_short, summary.exit_code()), (3, &None, 2));
    assert_eq!(summary.took, BUDGETS.total);
}

#[test]
fn an_interrupted_run_gives_a_partial_report() {
    let mut bench = Bench::running(3);
    bench.end(1, Outcome::Passed);
    bench.wait_after(1);
    bench.start(2);
    bench.happens(Event::Interrupted);
    let not_run = || Status::NotRun("interrupted".into());
    assert_eq!(bench.summary().ends, [(0, Status::Pass), (1, not_run()), (2, not_run())]);
    assert_eq!(bench.summary().cut_short, Some(CutShort::Interrupted));
    assert_eq!(bench.summary().exit_code(), 130);
    assert_eq!(bench.actions.last(), Some(&Action::Finish));
}

#[test]
fn a_run_may_be_interrupted_while_the_board_boots() {
    let mut bench = Bench::new(1);
    bench.happens(Event::Interrupted);
    assert_eq!((bench.ends().len(), bench.summary().exit_code()), (1, 130));
}

#[test]
fn what_is_told_adds_up_to_the_plan() {
    let mut bench = Bench::running(2);
    bench.beacon(Doing::Running { run: RunId(1) });
    bench.pass(BUDGETS.total);
    assert_eq!((bench.ends().len(), bench.summary().ends.len()), (2, 2));
}

#[test]
fn a_wake_is_never_in_the_past_and_a_tick_at_it_is_never_too_early() {
    let mut bench = Bench::running(1);
    for _ in 0..50 {
        let Some(wake) = bench.session.next_wake() else { break };
        bench.now = bench.now.max(wake);
        bench.happens(Event::Tick);
        assert!(bench.session.next_wake().is_none_or(|next| next > bench.now));
    }
}
