//! Tests where nobody can order any, because no serial port may be used: those that the kernel command line names, one
//! after the other. What becomes of them is noted.

use spin::Once;

use crate::{cores, notes, persist};

/// More do not fit into the command line of a boot image.
const MAX_TESTS: usize = 192;

/// Filled by every start, before anything asks.
static TESTS: Once<[Option<u64>; MAX_TESTS]> = Once::new();

/// Takes the entry addresses that the command line gives.
pub(crate) fn read(entries: impl Iterator<Item = u64>) {
    TESTS.call_once(|| {
        let mut tests = [None; MAX_TESTS];
        for (slot, entry) in tests.iter_mut().zip(entries) {
            *slot = Some(entry);
        }
        tests
    });
}

/// The entry address of the next test. Does not return after the last one: what was noted is all there is to come.
pub(crate) fn next_test() -> u64 {
    let number = persist::count_test();
    match TESTS.get().and_then(|tests| tests.get(number as usize).copied().flatten()) {
        Some(entry) => {
            notes::note(format_args!("test {} at {entry:#x} begins", number + 1));
            entry
        }
        None => {
            notes::note(format_args!("all {number} tests have ended"));
            cores::halt()
        }
    }
}
