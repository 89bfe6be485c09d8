//! Tests where nobody orders any, because no serial port may be used, or nobody is at its other end: those that the kernel
//! command line names, one after the other. What becomes of them is noted, and shown where there is a screen.
//!
//! A board with a port waits for a host first. Between two tests it listens for a while: one that comes late is served.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use spin::Once;

use crate::{
    boot,
    clock::Deadline,
    cores, crash, notes,
    persist::{self, set_alone},
};

/// More do not fit into the command line of a boot image.
const MAX_TESTS: usize = 192;
/// How long a host is waited for, if the command line says nothing else.
const PATIENCE_MS: u64 = 30_000;
/// How long a board that has given up listens between two tests: for several signs of life, which hosts answer.
const LISTEN_MS: u64 = 300;

/// What the command line says.
struct Words {
    tests: [Option<u64>; MAX_TESTS],
    patience_ms: u64,
}

/// Filled by every start, before anything asks.
static WORDS: Once<Words> = Once::new();

/// Whether a test that nobody ordered is under way. A restart forgets it.
static IS_TESTING: AtomicBool = AtomicBool::new(false);

/// Takes the words of the command line.
pub(crate) fn read<'a>(words: impl Iterator<Item = &'a str> + Clone) {
    WORDS.call_once(|| {
        let mut tests = [None; MAX_TESTS];
        for (slot, entry) in tests.iter_mut().zip(wire::tests(words.clone())) {
            *slot = Some(entry);
        }
        Words { tests, patience_ms: wire::alone_after(words).unwrap_or(PATIENCE_MS) }
    });
}

/// The entry address of the test that is next, if one is left.
fn upcoming() -> Option<u64> {
    WORDS.get()?.tests.get(persist::tests() as usize).copied().flatten()
}

/// Until when a host is waited for; none for one who has nothing else to do.
pub(crate) fn patience() -> Option<Deadline> {
    upcoming()?;
    let patience_ms = WORDS.get().map_or(PATIENCE_MS, |words| words.patience_ms);
    Some(Deadline::in_ms(if persist::is_alone() { LISTEN_MS } else { patience_ms }))
}

/// The entry address of the next test. Does not return where there is none: what was noted is all there is to come.
pub(crate) fn next_test() -> u64 {
    let Some(entry) = upcoming() else { cores::halt() };
    let number = persist::count_test() + 1;
    notes::note(format_args!("test {number} at {entry:#x} begins"));
    IS_TESTING.store(true, Relaxed);
    entry
}

/// Whether such a test is under way.
pub(crate) fn is_testing() -> bool {
    IS_TESTING.load(Relaxed)
}

/// A test that nobody ordered has ended.
pub(crate) fn end_test(outcome: core::fmt::Arguments<'_>) {
    IS_TESTING.store(false, Relaxed);
    let number = persist::tests();
    notes::note(format_args!("test {number}: {outcome}"));
    if number > 0 && upcoming().is_none() {
        notes::note(format_args!("all {number} tests have ended"));
    }
}

/// Gives up waiting for a host: starts anew, with a screen if there is one.
pub(crate) fn begin() -> ! {
    set_alone(true);
    notes::note(format_args!("no host; the tests begin by themselves"));
    match cores::park_others() {
        0 => boot::restart(),
        _ => crash::stop_all(),
    }
}
