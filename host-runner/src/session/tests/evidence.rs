//! What decides nothing: text, noise, frames without a nonce or under another one.

use super::bench::{Bench, body, core, frame, ms, panic_on, verdict};
use crate::session::{Notice, Status};
use wire::{Beacon, Cause, Channel, Doing, Nonce, Outcome, RunId};

#[test]
fn a_verdict_under_another_nonce_or_none_means_nothing() {
    let mut bench = Bench::running(1);
    let forged = body(&verdict(1, Outcome::Passed, 0));
    let (nonce, next) = (Nonce(bench.nonce.0 ^ 1), bench.next);
    bench.hear(&frame(Channel::Control, Nonce::UNBOUND, next, &forged));
    bench.hear(&frame(Channel::Control, nonce, next, &forged));
    assert_eq!(bench.ends(), []);
    bench.end(1, Outcome::Failed);
    assert_eq!(bench.summary().stale_frames, 1);
    assert_ne!(bench.only_end(), Status::Pass);
}

#[test]
fn a_crash_without_a_nonce_means_nothing_and_is_shown_as_unverified() {
    let mut bench = Bench::running(1);
    for message in [core(0, Cause::Exception), panic_on(2)] {
        bench.hear(&frame(Channel::Control, Nonce::UNBOUND, 0, &body(&message)));
    }
    bench.pass(ms(1000));
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
    let unverified = bench.notices.iter().filter(|notice| matches!(notice, Notice::Unverified(_))).count();
    assert_eq!(unverified, 2);
}

#[test]
fn log_says_whether_it_is_verified() {
    let mut bench = Bench::new(1);
    bench.hear(&frame(Channel::Log, Nonce::UNBOUND, 0, &[2, 0xaa]));
    bench.ready();
    let (nonce, next) = (bench.nonce, bench.next);
    bench.hear(&frame(Channel::Log, nonce, next, &[3, 0xbb]));
    let log = |core, byte, verified| Notice::Log { core, bytes: vec![byte], verified };
    assert!(bench.notices.contains(&log(2, 0xaa, false)));
    assert!(bench.notices.contains(&log(3, 0xbb, true)));
}

#[test]
fn text_is_told_as_it_came() {
    let mut bench = Bench::running(1);
    bench.hear(b"\0test_0 ... ok\r\n\0");
    assert!(bench.notices.contains(&Notice::Text(b"test_0 ... ok\r\n".to_vec())));
    assert_eq!(bench.ends(), []);
}

#[test]
fn a_prompt_is_told_when_nothing_follows() {
    let mut bench = Bench::new(1);
    bench.hear(b"=> ");
    bench.pass(ms(400));
    assert!(bench.notices.contains(&Notice::Text(b"=> ".to_vec())));
}

#[test]
fn a_frame_that_comes_slowly_is_not_taken_for_text() {
    let mut bench = Bench::running(1);
    let bytes = frame(Channel::Control, bench.nonce, bench.next, &body(&verdict(1, Outcome::Passed, 0)));
    for part in bytes.chunks(6) {
        bench.pass(ms(400));
        bench.hear(part);
    }
    assert_eq!(bench.only_end(), Status::Pass);
}

#[test]
fn an_unfinished_text_is_told_when_the_line_ends() {
    let mut bench = Bench::new(1);
    bench.hear(b"Starting kernel\x07");
    bench.lose_line();
    assert!(bench.notices.contains(&Notice::Text(b"Starting kernel\x07".to_vec())));
}

#[test]
fn an_old_beacon_does_not_hide_a_newer_one() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Passed);
    let newest = bench.next;
    let old = Beacon { boot: bench.boot, doing: Doing::Running { run: RunId(1) }, next_sequence: newest - 1 };
    let new = Beacon { doing: Doing::Waiting { last: RunId(1) }, next_sequence: newest, ..old };
    let both = [new, old].map(|beacon| frame(Channel::Beacon, bench.nonce, 0, &body(&beacon)));
    bench.orders();
    bench.hear(&both.concat());
    assert_eq!(bench.orders().len(), 1, "the next test is ordered");
}
