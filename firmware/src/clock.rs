//! The generic timer's counter, and its interrupt as a regular tick on every core.

use aarch64_cpu::registers::{CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_TVAL_EL0, CNTVCT_EL0, Readable, Writeable};

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::boot;

/// Ticks of the interrupt per second, unless a test asks for more.
pub const TICK_HZ: u64 = 50;

static RATE: AtomicU64 = AtomicU64::new(TICK_HZ);

defmt::timestamp!("{=u64:us}", microseconds());

/// Counts per second.
#[must_use]
pub fn frequency() -> u64 {
    match CNTFRQ_EL0.get() {
        // Firmware that never set it; some trees make up for that.
        0 => boot::try_machine().and_then(|machine| machine.timer.frequency).unwrap_or_default(),
        frequency => frequency,
    }
}

/// The counter.
#[must_use]
pub fn now() -> u64 {
    aarch64_cpu::asm::barrier::isb(aarch64_cpu::asm::barrier::SY);
    CNTVCT_EL0.get()
}

/// The counter in microseconds.
#[must_use]
pub fn microseconds() -> u64 {
    // 128 bits: the product passes 64 after a day at 200 MHz.
    (u128::from(now()) * 1_000_000 / u128::from(frequency().max(1))) as u64
}

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(u64);

impl Deadline {
    /// So many milliseconds from now.
    #[must_use]
    pub fn in_ms(ms: u64) -> Self {
        Self(now().wrapping_add(frequency() * ms / 1000))
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_passed(self) -> bool {
        now().wrapping_sub(self.0).cast_signed() >= 0
    }
}

/// Has the timers of all cores interrupt them so many times a second, from their next tick on.
pub fn set_tick_rate(hz: u64) {
    RATE.store(hz, Relaxed);
}

/// Has the timer of this core interrupt it in one tick from now.
pub(crate) fn arm_tick() {
    CNTV_TVAL_EL0.set(frequency() / RATE.load(Relaxed).max(1));
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET + CNTV_CTL_EL0::IMASK::CLEAR);
}

/// Runs `work` while no tick of this core comes due, not even one that would end a `wfi` with interrupts masked. One
/// whose time passes meanwhile is due at once after it.
pub(crate) fn without_ticks<R>(work: impl FnOnce() -> R) -> R {
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET + CNTV_CTL_EL0::IMASK::SET);
    let result = work();
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET + CNTV_CTL_EL0::IMASK::CLEAR);
    aarch64_cpu::asm::barrier::isb(aarch64_cpu::asm::barrier::SY);
    result
}
