//! What a witness of the machine's accesses has seen.

use super::bench::{Bench, ms};
use crate::session::{Closed, Crash, EXIT_FAILED, EXIT_PASSED, Event, Notice, Status};
use crate::twin::{Account, Stray};
use wire::Outcome;

fn stray(address: u64) -> Stray {
    Stray { core: 3, pc: 0xc000_1000, address, what: "a load of 8 bytes".to_owned() }
}

fn account(strays: u64, addresses: &[u64]) -> Event {
    Event::Account(Account { strays, first: addresses.iter().copied().map(stray).collect() })
}

/// How many each notice tells of, and the addresses that it describes.
fn told(bench: &Bench) -> Vec<(u64, Vec<u64>)> {
    let told = bench.notices.iter().filter_map(|notice| match notice {
        Notice::Strayed { count, described } => {
            Some((*count, described.iter().map(|stray| stray.address).collect()))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn a_run_without_a_witness_says_nothing_of_it() {
    let mut bench = Bench::running(1);
    bench.end(1, Outcome::Passed);
    assert_eq!((bench.summary().strays, bench.summary().exit_code()), (None, EXIT_PASSED));
}

#[test]
fn a_witness_that_saw_nothing_is_said_to_have_seen_nothing() {
    let mut bench = Bench::running(1);
    bench.happens(account(0, &[]));
    bench.end(1, Outcome::Passed);
    assert_eq!((bench.summary().strays, bench.summary().exit_code()), (Some(0), EXIT_PASSED));
    assert_eq!(told(&bench), []);
}

#[test]
fn a_stray_access_fails_a_run_in_which_every_test_passes() {
    let mut bench = Bench::running(1);
    bench.happens(account(0, &[]));
    bench.happens(account(1, &[0x1_0000_0000]));
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
    assert_eq!((bench.summary().strays, bench.summary().exit_code()), (Some(1), EXIT_FAILED));
    assert_eq!(told(&bench), [(1, vec![0x1_0000_0000])]);
}

#[test]
fn each_is_told_once_and_what_is_not_described_is_counted() {
    let mut bench = Bench::running(1);
    bench.happens(account(1, &[16]));
    bench.happens(account(1, &[16]));
    bench.happens(account(5, &[16, 32]));
    assert_eq!(told(&bench), [(1, vec![16]), (4, vec![32])]);
}

#[test]
fn another_boot_counts_from_zero_and_adds_to_the_run() {
    let mut bench = Bench::running(2);
    bench.happens(account(2, &[16, 32]));
    bench.happens(Event::Closed(Closed::PoweredOff));
    assert_eq!(bench.only_end(), Status::Crash(Crash::PoweredOff));
    assert!(bench.has_booted());
    bench.happens(account(1, &[48]));
    bench.pass(ms(1));
    assert_eq!(told(&bench), [(2, vec![16, 32]), (1, vec![48])]);
}

#[test]
fn an_end_before_the_test_was_seen_to_begin_is_no_crash_of_it() {
    let mut bench = Bench::new(1);
    bench.ready();
    bench.happens(Event::Closed(Closed::PoweredOff));
    assert_eq!((bench.ends(), bench.retries().len()), (Vec::new(), 1));
}
