//! Which core a thread plays. Per-core caches ask for it in every call, so it costs what a per-core variable costs in a
//! kernel: one load relative to a segment register.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

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

/// Does the same on so many cores at once, each with what it prepared, and times it: from the first start to the last
/// end.
pub(crate) fn time_on<P>(cores: usize, prepare: impl Fn() -> P + Sync, work: impl Fn(P) + Sync) -> Duration {
    let waiting = AtomicUsize::new(cores);
    let on_core = |core| {
        enter(core);
        let prepared = prepare();
        meet(&waiting);
        let began = Instant::now();
        work(prepared);
        (began, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let on_core = &on_core;
        let threads: Vec<_> = (0..cores).map(|core| scope.spawn(move || on_core(core))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a core's work ends")).collect()
    });
    let first = times.iter().map(|&(began, _)| began).min();
    let last = times.iter().map(|&(_, ended)| ended).max();
    first.zip(last).map_or(Duration::ZERO, |(first, last)| last - first)
}

/// Waits, awake, until everybody is here.
fn meet(waiting: &AtomicUsize) {
    // AcqRel and Acquire: nobody's preparation is left when work begins.
    waiting.fetch_sub(1, Ordering::AcqRel);
    while waiting.load(Ordering::Acquire) > 0 {
        std::hint::spin_loop();
    }
}

/// From now on the calling thread plays `core`, on a processor of its own if there are enough.
fn enter(core: usize) {
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
