//! What tests measure: it belongs to one attempt, and a digest is compared with the host's.

use super::bench::{Bench, PARAMETERS, core, test};
use crate::session::{Crash, Failure, Measured, Oracle, Status};
use wire::{Cause, FromBoard, Number, Outcome, RunId, Unit};

const RIGHT: u64 = 0xfeed;

/// Knows one scenario, and that only as it was ordered, and fails in another.
const ORACLE: Oracle = Oracle::Host(|scenario, parameters| match scenario {
    "known" => Ok((*parameters == PARAMETERS).then_some(RIGHT)),
    "broken" => Err("a block is lost".to_owned()),
    _ => Ok(None),
});

const fn digest(scenario: &str, value: u64) -> Number<'_> {
    Number::Digest { scenario, value }
}

const fn point(at: u64) -> Number<'static> {
    Number::Point { series: "free", at, value: 5 }
}

/// One test, running as run 1.
fn running() -> Bench {
    believing(ORACLE)
}

fn believing(oracle: Oracle) -> Bench {
    let mut bench = Bench::asking(vec![test("it")], oracle);
    bench.ready();
    bench.start(1);
    bench
}

fn compared(scenario: &str, value: u64, expected: Option<u64>) -> Measured {
    Measured::Digest { scenario: scenario.into(), value, expected }
}

fn told_point(at: u64) -> Measured {
    Measured::Point { series: "free".into(), at, value: 5 }
}

fn other_digest() -> Status {
    Status::Fail(Failure::OtherDigest { scenario: "known".into(), board: 1, host: RIGHT })
}

#[test]
fn a_test_with_the_hosts_digest_passes() {
    let mut bench = running();
    bench.measure(&digest("known", RIGHT));
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
    assert_eq!(bench.measured(), [compared("known", RIGHT, Some(RIGHT))]);
}

#[test]
fn a_test_with_another_digest_than_the_hosts_fails_whatever_the_board_said() {
    for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Panicked] {
        let mut bench = running();
        bench.measure(&digest("unknown", 3));
        bench.measure(&digest("known", 1));
        bench.end(1, outcome);
        assert_eq!(bench.only_end(), other_digest());
        assert_eq!(bench.summary().exit_code(), 1);
        assert_eq!(bench.measured()[1], compared("known", 1, Some(RIGHT)));
    }
}

/// Each is kept, and decides a second time whatever the host would say by then.
#[test]
fn what_the_host_answered_is_what_the_test_is_judged_by_again() {
    let measured = [("unknown", 3), ("broken", 1), ("known", RIGHT)];
    let mut first = running();
    measured.iter().for_each(|(scenario, value)| first.measure(&digest(scenario, *value)));
    first.end(1, Outcome::Passed);
    let answers: Vec<_> = first.kept();
    let told: Vec<_> = answers.iter().map(|answer| answer.scenario.as_str()).collect();
    assert_eq!(told, ["unknown", "broken", "known"]);
    for (recorded, end) in [
        (answers, first.only_end()),
        // Of a runner that was killed while it asked.
        (vec![], Status::NotRun("the run ended before the host's answer".into())),
    ] {
        let mut again = believing(Oracle::Recorded(recorded.into()));
        measured.iter().for_each(|(scenario, value)| again.measure(&digest(scenario, *value)));
        again.end(1, Outcome::Passed);
        assert_eq!(again.only_end(), end);
    }
}

#[test]
fn a_test_whose_scenario_fails_on_the_host_fails_with_its_words() {
    for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Panicked] {
        let mut bench = running();
        bench.measure(&digest("broken", 1));
        bench.measure(&digest("known", RIGHT));
        bench.end(1, outcome);
        let (scenario, why) = ("broken".into(), "a block is lost".into());
        assert_eq!(bench.only_end(), Status::Fail(Failure::OnHost { scenario, why }));
        assert_eq!(bench.summary().exit_code(), 1);
        assert_eq!(bench.measured(), [compared("broken", 1, None), compared("known", RIGHT, Some(RIGHT))]);
    }
}

#[test]
fn a_scenario_that_the_host_does_not_know_decides_nothing() {
    let mut bench = running();
    bench.measure(&digest("unknown", 1));
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
    assert_eq!(bench.measured(), [compared("unknown", 1, None)]);
}

#[test]
fn a_digest_of_a_void_attempt_decides_nothing() {
    let mut bench = running();
    bench.measure(&digest("known", 1));
    bench.lose_line();
    assert_eq!((bench.ends(), bench.retries().len()), (vec![], 1));
    bench.ready();
    bench.start(2);
    bench.measure(&digest("known", RIGHT));
    bench.end(2, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
    assert_eq!(bench.measured(), [compared("known", RIGHT, Some(RIGHT))]);
}

#[test]
fn nothing_is_told_of_the_last_void_attempt_either() {
    let mut bench = Bench::asking(vec![test("it")], ORACLE);
    for run in 1..=3 {
        bench.ready();
        bench.start(run);
        bench.measure(&digest("known", 1));
        bench.lose_line();
    }
    assert!(matches!(bench.only_end(), Status::Infra(_)));
    assert_eq!(bench.measured(), []);
}

#[test]
fn a_crash_remains_one_and_its_numbers_are_told() {
    let mut bench = running();
    bench.measure(&digest("known", 1));
    bench.say(&core(2, Cause::Exception));
    bench.lose_line();
    assert_eq!(bench.only_end(), Status::Crash(Crash::Exception(2)));
    assert_eq!(bench.measured(), [compared("known", 1, Some(RIGHT))]);
}

#[test]
fn every_kind_is_told_in_the_order_in_which_it_came() {
    let (name, peer, unit) = ("allocate", "framekeeper", Unit::Cycles);
    let (cores, samples, p50, p99, p999, max) = (8, 1000, 1, 2, 3, u64::MAX);
    let mut bench = running();
    bench.measure(&Number::Value { name, unit, value: 9 });
    bench.measure(&Number::Spread { name, peer, unit, cores, samples, p50, p99, p999, max });
    bench.measure(&point(7));
    bench.end(1, Outcome::Passed);
    let (name, peer) = (name.to_owned(), peer.to_owned());
    let spread =
        crate::session::Spread { name: name.clone(), peer, unit, cores, samples, p50, p99, p999, max };
    let expected = [Measured::Value { name, unit, value: 9 }, Measured::Spread(spread), told_point(7)];
    assert_eq!(bench.measured(), expected);
}

#[test]
fn numbers_stay_with_their_test() {
    let mut bench = Bench::running(2);
    bench.measure(&point(1));
    bench.end(1, Outcome::Passed);
    bench.measure(&point(2));
    bench.wait_after(1);
    bench.measure(&point(3));
    bench.start(2);
    bench.measure(&point(4));
    bench.end(2, Outcome::Passed);
    assert_eq!(
        bench.measured(),
        [told_point(1), told_point(4)],
        "between tests there is nobody who measures"
    );
}

#[test]
fn a_number_that_cannot_be_read_spoils_the_attempt_and_is_counted() {
    let mut bench = running();
    bench.say_number(&[0xff; 9]);
    assert_eq!(bench.retries(), ["a number of the board cannot be read"]);
    bench.ready();
    bench.start(2);
    bench.end(2, Outcome::Passed);
    assert_eq!((bench.only_end(), bench.summary().unreadable_numbers), (Status::Pass, 1));
}

#[test]
fn numbers_that_the_board_could_not_send_are_told() {
    let mut bench = running();
    bench.say(&FromBoard::NumbersDropped { core: 3, numbers: 2 });
    assert!(bench.notices.contains(&crate::session::Notice::NumbersDropped { core: 3, numbers: 2 }));
}

#[test]
fn a_digest_that_is_lost_for_good_lets_nothing_pass() {
    let mut bench = running();
    bench.say_unheard(&FromBoard::Started { run: RunId(1) });
    bench.end(1, Outcome::Passed);
    let next = bench.next;
    bench.say_gone(next - 1);
    assert_eq!((bench.ends(), bench.retries().len()), (vec![], 1));
}
