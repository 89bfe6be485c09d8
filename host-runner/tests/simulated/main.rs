//! Thousands of sessions with a simulated board over a line that damages what goes over it: no verdict may be
//! wrong, no test may be without an end, and what can be recovered must be.
//!
//! `cargo test -p host-runner --test simulated -- --nocapture` prints a line of figures for each kind of fault. Every
//! failure names the seed of its session. `SIMULATED_TIMES=50` runs so many times the sessions, `SIMULATED_TESTS=200` sessions
//! of so many tests.

mod board;
mod campaign;
mod dice;
mod line;
mod reports;
mod truth;
mod world;

use board::Habits;
use campaign::Campaign;
use line::Faults;
use std::time::Duration;
use world::{Conditions, Stale};

/// Faults on both directions.
fn on_the_line(faults: Faults) -> Conditions {
    Conditions { to_host: faults, to_board: faults, ..calm() }
}

/// Nothing goes wrong but the tests.
fn calm() -> Conditions {
    Conditions { habits: Habits { chatter: 6, ..Habits::default() }, ..Conditions::default() }
}

#[test]
fn a_good_line() {
    Campaign::new("no faults", 500, calm()).run();
}

#[test]
fn bits_are_flipped() {
    for (name, flips) in [("bit flips 1e-5", 1e-5), ("bit flips 1e-4", 1e-4), ("bit flips 1e-3", 1e-3)] {
        Campaign::new(name, 400, on_the_line(Faults { flips, ..Faults::default() })).run();
    }
}

#[test]
fn bytes_are_lost() {
    for (name, lost) in [("bytes lost 1e-4", 1e-4), ("bytes lost 1e-3", 1e-3)] {
        Campaign::new(name, 500, on_the_line(Faults { lost, ..Faults::default() })).run();
    }
}

#[test]
fn bursts_are_lost() {
    let faults = Faults { bursts: 5e-4, burst: (16, 512), ..Faults::default() };
    Campaign::new("bursts lost 16..512", 800, on_the_line(faults)).run();
    let faults = Faults { bursts: 5e-5, burst: (4096, 4096), ..Faults::default() };
    Campaign::new("bursts lost 4096", 400, on_the_line(faults)).run();
}

#[test]
fn the_line_is_dead_for_seconds() {
    Campaign::new("outages of 0..3 s, 1 %", 600, on_the_line(Faults { outages: 0.01, ..Faults::default() }))
        .run();
}

#[test]
fn bytes_are_doubled() {
    Campaign::new("bytes doubled 1e-3", 800, on_the_line(Faults { doubled: 1e-3, ..Faults::default() }))
        .run();
}

#[test]
fn blocks_are_repeated() {
    Campaign::new("blocks repeated 20 %", 1000, on_the_line(Faults { repeated: 0.2, ..Faults::default() }))
        .run();
}

#[test]
fn blocks_are_swapped_and_delayed() {
    Campaign::new("blocks delayed 10 %", 1000, on_the_line(Faults { delayed: 0.1, ..Faults::default() }))
        .run();
}

#[test]
fn garbage_is_inserted() {
    Campaign::new("garbage 10 %", 600, on_the_line(Faults { garbage: 0.1, ..Faults::default() })).run();
}

#[test]
fn zeros_and_ones_flood_the_line() {
    Campaign::new("NUL and 0xff floods 5 %", 600, on_the_line(Faults { floods: 0.05, ..Faults::default() }))
        .run();
}

#[test]
fn foreign_text_cuts_frames() {
    Campaign::new("foreign text 10 %", 600, on_the_line(Faults { foreign: 0.1, ..Faults::default() })).run();
}

#[test]
fn an_earlier_session_is_heard_first() {
    Campaign::new("stale session first", 700, Conditions { stale: Stale::First, ..calm() }).run();
}

#[test]
fn two_sessions_are_mixed() {
    Campaign::new("two sessions mixed", 700, Conditions { stale: Stale::Mixed, ..calm() }).run();
}

#[test]
fn the_board_resets_between_tests() {
    let habits = Habits { resets: 0.02, ..calm().habits };
    Campaign::new("resets between tests", 700, Conditions { habits, ..calm() }).run();
}

#[test]
fn the_board_resets_in_the_middle_of_a_frame() {
    let habits = Habits { resets: 0.02, brown_outs: true, ..calm().habits };
    Campaign::new("brown-outs", 500, Conditions { habits, ..calm() }).run();
}

#[test]
fn the_board_never_gets_further_than_its_greeting() {
    let habits = Habits { loops: true, ..calm().habits };
    Campaign::new("boot loop", 200, Conditions { habits, ..calm() }).never_begins().run();
}

#[test]
fn the_board_runs_another_image() {
    let habits = Habits { other_image: true, ..calm().habits };
    Campaign::new("another image", 200, Conditions { habits, ..calm() }).never_begins().run();
}

#[test]
fn the_board_logs_ten_times_as_much() {
    let habits = Habits { chatter: 60, ..Habits::default() };
    let faults = Faults { flips: 1e-5, ..Faults::default() };
    Campaign::new("a flood of log", 200, Conditions { habits, ..on_the_line(faults) }).run();
}

#[test]
fn the_line_is_read_at_another_speed() {
    Campaign::new("misread for 1 s, 1 %", 300, on_the_line(Faults { misread: 0.01, ..Faults::default() }))
        .run();
}

#[test]
fn bytes_come_one_each_second() {
    Campaign::new("a trickle", 200, on_the_line(Faults { trickles: 0.002, ..Faults::default() }))
        .may_fall_silent()
        .run();
}

#[test]
fn the_line_is_dead_for_longer_than_a_board_may_be_silent() {
    let faults = Faults { outages: 0.002, outage: Duration::from_secs(30), ..Faults::default() };
    Campaign::new("outages of 0..30 s", 200, on_the_line(faults)).may_fall_silent().run();
    let faults = Faults { outage: Duration::from_secs(1_000_000), ..faults };
    Campaign::new("dead for ever", 200, on_the_line(faults)).may_fall_silent().run();
}

#[test]
fn the_host_sleeps_for_a_minute() {
    Campaign::new("naps of 60 s", 200, Conditions { naps: 2e-4, ..calm() }).may_sleep().run();
}

#[test]
fn everything_at_once() {
    let faults = Faults {
        flips: 1e-4,
        lost: 1e-4,
        doubled: 1e-4,
        bursts: 1e-4,
        burst: (16, 512),
        outages: 0.002,
        repeated: 0.05,
        delayed: 0.05,
        garbage: 0.02,
        floods: 0.01,
        foreign: 0.02,
        ..Faults::default()
    };
    let conditions = Conditions { stale: Stale::Mixed, ..on_the_line(faults) };
    Campaign::new("all of these, mildly", 1000, conditions).run();
}

#[test]
fn frames_are_lost_for_good() {
    let faults = Faults { bursts: 1e-4, burst: (500, 5000), outages: 0.003, ..Faults::default() };
    let habits = Habits { chatter: 60, ..Habits::default() };
    let conditions = Conditions { forgets: true, habits, ..on_the_line(faults) };
    Campaign::new("frames lost for good", 300, conditions).may_lose_frames().run();
}

#[test]
fn the_line_is_closed_now_and_then() {
    let conditions = Conditions { closings: 0.03, ..calm() };
    Campaign::new("line closed", 700, conditions).may_be_infra().run();
}

#[test]
fn the_whole_run_is_short_of_time() {
    let conditions = Conditions { total: Some(Duration::from_secs(15)), ..calm() };
    Campaign::new("short of time", 400, conditions).may_run_out().run();
}
