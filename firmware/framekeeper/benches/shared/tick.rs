//! A clock for single calls: the processor's counter where there is one, since asking the system costs as much as an
//! allocation.

use std::{collections::BTreeMap, time::Instant};

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "the counter is read by an intrinsic")]
pub(crate) fn now() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // Fences on both sides, as the counter is read whenever the processor likes (Intel SDM vol. 2, RDTSC).
    // SAFETY: SSE2 is part of x86-64.
    unsafe { _mm_lfence() };
    // SAFETY: every x86-64 has the counter.
    let now = unsafe { _rdtsc() };
    // SAFETY: as above.
    unsafe { _mm_lfence() };
    now
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn now() -> u64 {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

/// Nanoseconds in a tick, measured over 50 ms.
pub(crate) fn nanoseconds() -> f64 {
    let (clock, first) = (Instant::now(), now());
    while clock.elapsed().as_millis() < 50 {
        std::hint::spin_loop();
    }
    let ticks = now() - first;
    clock.elapsed().as_nanos() as f64 / ticks as f64
}

/// By how many ticks the clock advances at a time: some advance by one, others every 10 ns by as many as that takes.
///
/// Readings one after the other differ by few values; the smallest gap between two of those is a step. Neighbouring
/// values are the same one, rounded.
pub(crate) fn step() -> u64 {
    const READINGS: usize = 10_000;
    let mut count = BTreeMap::new();
    for _ in 0..READINGS {
        let first = now();
        *count.entry(now() - first).or_insert(0) += 1;
    }
    let usual: Vec<u64> =
        count.into_iter().filter(|&(_, times)| times > READINGS / 100).map(|(d, _)| d).collect();
    usual.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap| gap > 1).min().unwrap_or(1)
}
