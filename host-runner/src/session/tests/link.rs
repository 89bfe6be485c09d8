//! Missing frames, lost frames, and lines that end.

use super::bench::{Bench, core, ms, test, verdict};
use crate::session::{Closed, Crash, Event, Notice, Status};
use wire::{Cause, Doing, FromBoard, Outcome, RunId, ToBoard};

const DROPPED: FromBoard<'_> = FromBoard::LogDropped { core: 0, records: 1 };

#[test]
fn missing_frames_are_asked_for_at_once_and_again() {
    let mut bench = Bench::running(1);
    bench.say_unheard(&DROPPED);
    bench.orders();
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.orders(), [ToBoard::Again { from: 2, until: 3 }]);
    bench.pass(ms(200));
    assert_eq!(bench.orders(), [ToBoard::Again { from: 2, until: 3 }]);
}

#[test]
fn a_verdict_counts_when_what_came_before_it_has_arrived() {
    let mut bench = Bench::running(1);
    let lost = bench.say_unheard(&core(1, Cause::Exception));
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.ends(), []);
    bench.hear(&lost);
    bench.pass(ms(500));
    assert_eq!(bench.only_end(), Status::Crash(Crash::Exception(1)), "the crash came first");
}

#[test]
fn a_last_frame_that_was_lost_is_noticed_by_the_beacon() {
    let mut bench = Bench::running(1);
    let lost = bench.say_unheard(&verdict(1, Outcome::Passed, 0));
    bench.orders();
    bench.wait_after(1);
    assert_eq!(bench.orders(), [ToBoard::Again { from: 2, until: 3 }]);
    bench.hear(&lost);
    assert_eq!(bench.only_end(), Status::Pass);
    assert_eq!(bench.summary().repeated_frames, 1);
}

#[test]
fn a_long_gap_is_asked_for_in_parts() {
    let mut bench = Bench::running(1);
    for _ in 0..200 {
        bench.say_unheard(&DROPPED);
    }
    bench.orders();
    bench.beacon(Doing::Running { run: RunId(1) });
    assert_eq!(bench.orders(), [ToBoard::Again { from: 2, until: 66 }]);
}

#[test]
fn an_answer_under_way_is_not_asked_for_again() {
    let mut bench = Bench::running(1);
    let lost: Vec<_> = (0..20).map(|_| bench.say_unheard(&DROPPED)).collect();
    bench.beacon(Doing::Running { run: RunId(1) });
    bench.orders();
    for frame in lost {
        bench.pass(ms(100));
        bench.hear(&frame);
    }
    assert_eq!(bench.orders(), []);
}

#[test]
fn frames_lost_for_good_during_a_test_spoil_the_attempt() {
    let mut bench = Bench::running(1);
    bench.say_unheard(&DROPPED);
    bench.end(1, Outcome::Passed);
    bench.actions.clear();
    bench.say_gone(3);
    assert_eq!((bench.ends(), bench.retries().len()), (vec![], 1));
    assert!(bench.notices.contains(&Notice::Lost(1)));
    assert!(bench.has_booted());
    bench.ready();
    bench.start(2);
    bench.end(2, Outcome::Passed);
    assert_eq!((bench.only_end(), bench.summary().lost_frames), (Status::Pass, 1));
    assert_eq!(bench.summary().void_attempts, 1);
}

#[test]
fn three_spoiled_attempts_are_infra() {
    let mut bench = Bench::new(1);
    for run in 1..=3 {
        bench.ready();
        bench.start(run);
        bench.say_unheard(&DROPPED);
        bench.end(run, Outcome::Passed);
        let next = bench.next;
        bench.say_gone(next);
    }
    assert!(matches!(bench.only_end(), Status::Infra(_)));
    let attempts = bench.notices.iter().filter(|notice| matches!(notice, Notice::Began { .. })).count();
    assert_eq!((attempts, bench.summary().exit_code()), (3, 2));
}

#[test]
fn frames_lost_between_tests_spoil_nothing() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Passed);
    bench.say_unheard(&DROPPED);
    bench.wait_after(1);
    bench.start(2);
    let next = bench.next;
    bench.say_gone(next - 1);
    bench.end(2, Outcome::Passed);
    assert_eq!((bench.ends().len(), bench.retries()), (2, vec![]));
    assert_eq!(bench.summary().lost_frames, 1);
}

#[test]
fn a_verdict_whose_beginning_was_lost_is_not_believed() {
    let mut bench = Bench::new(1);
    bench.ready();
    bench.say_unheard(&FromBoard::Started { run: RunId(1) });
    bench.end(1, Outcome::Passed);
    let next = bench.next;
    bench.say_gone(next - 1);
    assert_eq!((bench.ends(), bench.retries().len()), (vec![], 1));
}

#[test]
fn a_test_that_ends_without_a_verdict_is_tried_again_without_a_boot() {
    let mut bench = Bench::running(1);
    bench.actions.clear();
    bench.wait_after(1);
    bench.wait_after(1);
    assert_eq!(bench.retries(), ["the test ended without a verdict"]);
    assert!(matches!(bench.orders()[..], [ToBoard::Run { run: RunId(2), .. }]));
}

#[test]
fn a_crash_without_a_cause_is_tried_again() {
    let mut bench = Bench::running(1);
    bench.beacon(Doing::Crashed { run: RunId(1) });
    bench.actions.clear();
    bench.pass(ms(500));
    assert_eq!(bench.retries(), ["the board says that it crashed, and not how"]);
    assert!(bench.has_booted());
}

#[test]
fn a_panic_of_core_0_without_a_verdict_explains_a_crash() {
    let mut bench = Bench::running(1);
    bench.say(&super::bench::panic_on(0));
    bench.beacon(Doing::Crashed { run: RunId(1) });
    bench.pass(ms(500));
    assert_eq!(bench.only_end(), Status::Crash(Crash::PanicOn(0)));
}

#[test]
fn a_board_that_switches_itself_off_in_a_test_has_not_passed_it() {
    let mut bench = Bench::running(2);
    bench.actions.clear();
    bench.happens(Event::Closed(Closed::PoweredOff));
    assert_eq!(bench.only_end(), Status::Crash(Crash::PoweredOff));
    assert!(bench.has_booted());
}

#[test]
fn a_board_that_switches_itself_off_between_tests_is_started_again() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Passed);
    bench.actions.clear();
    bench.happens(Event::Closed(Closed::PoweredOff));
    assert!(bench.has_booted());
    assert_eq!(bench.only_end(), Status::Pass);
}

#[test]
fn a_power_off_before_the_test_was_seen_to_begin_is_believed_the_third_time() {
    let mut bench = Bench::new(1);
    for _ in 0..3 {
        assert_eq!(bench.ends(), []);
        bench.ready();
        bench.happens(Event::Closed(Closed::PoweredOff));
    }
    assert_eq!(bench.only_end(), Status::Crash(Crash::PoweredOff));
}

#[test]
fn attempts_that_seem_to_end_differently_are_infra() {
    let mut bench = Bench::new(1);
    for closed in [Closed::PoweredOff, Closed::Lost("unplugged".into()), Closed::PoweredOff] {
        bench.ready();
        bench.happens(Event::Closed(closed));
    }
    assert!(matches!(bench.only_end(), Status::Infra(_)));
}

#[test]
fn a_line_lost_during_a_test_spoils_the_attempt() {
    let mut bench = Bench::new(2);
    for run in 1..=3 {
        bench.ready();
        bench.start(run);
        bench.lose_line();
    }
    assert!(matches!(bench.only_end(), Status::Infra(_)));
    bench.ready();
    bench.start(4);
    bench.end(4, Outcome::Passed);
    assert_eq!(bench.ends()[1], (1, Status::Pass));
    assert_eq!(bench.summary().exit_code(), 2);
}

#[test]
fn a_line_lost_after_a_crash_leaves_the_crash() {
    let mut bench = Bench::running(1);
    bench.say(&core(0, Cause::Exception));
    bench.lose_line();
    assert_eq!(bench.only_end(), Status::Crash(Crash::Exception(0)));
}

#[test]
fn a_message_that_cannot_be_read_spoils_the_attempt() {
    let mut bench = Bench::running(1);
    let (nonce, next) = (bench.nonce, bench.next);
    bench.hear(&super::bench::frame(wire::Channel::Control, nonce, next, &[0xff; 9]));
    assert_eq!(bench.retries(), ["a message of the board cannot be read"]);
}

#[test]
fn nothing_is_said_after_the_end() {
    let mut bench = Bench::of(vec![test("it")]);
    bench.ready();
    bench.start(1);
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.session.next_wake(), None);
    assert_eq!(bench.session.on(Event::Interrupted, bench.now), []);
}
