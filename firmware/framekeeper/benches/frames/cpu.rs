//! Which core a thread plays. Per-core caches ask for it in every call, so it costs what a per-core variable costs in a
//! kernel: one load relative to a segment register.

use std::cell::Cell;

/// How many cores there are to play.
pub(crate) const CORES: usize = 2;

thread_local! {
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// The core that the calling thread plays; the first, if it never said.
#[inline]
pub(crate) fn current() -> usize {
    CURRENT.get()
}

/// From now on the calling thread plays `core`, on a processor of its own if there are enough.
pub(crate) fn enter(core: usize) {
    assert!(core < CORES, "core {core} of {CORES}");
    CURRENT.set(core);
    pin(core);
}

/// Left to itself, a scheduler may keep two threads on one processor for as long as they take. Where it cannot be told,
/// the stacks' scaling shows what came of it.
#[cfg(target_os = "linux")]
fn pin(core: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let Some(own) = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).nth(core) else { return };
    let mut only = CpuSet::new();
    only.set(own);
    let _ = sched_setaffinity(None, &only);
}

#[cfg(not(target_os = "linux"))]
fn pin(_core: usize) {}
