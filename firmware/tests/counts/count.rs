//! How many instructions a piece of work takes.

use crate::monitor;

/// Counts instructions from now on.
///
/// # Panics
///
/// This machine does not count them.
pub(crate) fn start() {
    assert!(
        monitor::can_count(monitor::RETIRED),
        "this machine does not count instructions: a board that does is qemu-virt-icount"
    );
    monitor::start();
}

/// How many instructions `work` executes. It must be a call, for what is inlined into this loses its borders.
#[inline(always)]
pub(crate) fn count<R>(work: impl FnOnce() -> R) -> (u64, R) {
    let nothing = monitor::read();
    let before = monitor::read();
    let result = work();
    let after = monitor::read();
    // What reading itself costs is between the first two.
    (after - before - (before - nothing), result)
}
