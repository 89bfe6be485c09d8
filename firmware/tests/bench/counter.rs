//! What is counted while a call runs: the best that this machine has.
//!
//! | machine | counted | why |
//! |---|---|---|
//! | a board | cycles | they are what a call takes |
//! | an emulator that counts instructions | instructions | its cycles are the same, in another unit |
//! | an emulator that does not | nanoseconds of the generic timer | its cycles are the host's time, and its instructions are none |

#![expect(unsafe_code, reason = "reads and writes the performance monitor's registers")]

use core::arch::asm;
use firmware::clock;
use suites::{Unit, bench};

use crate::monitor;

/// BR_MIS_PRED: branches that were predicted wrong. Every processor that predicts any has to count them (Arm ARM
/// D13.11.2); an emulator predicts none.
const MISPREDICTED: u64 = 0x10;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    Cycles,
    Instructions,
    Nanoseconds,
}

impl Counter {
    /// The best that this machine has, by the core this runs on.
    pub(crate) fn best() -> Self {
        if monitor::can_count(MISPREDICTED) {
            Self::Cycles
        } else if monitor::can_count(monitor::RETIRED) {
            Self::Instructions
        } else {
            Self::Nanoseconds
        }
    }
}

impl bench::Counter for Counter {
    fn unit(self) -> Unit {
        match self {
            Self::Cycles => Unit::Cycles,
            Self::Instructions => Unit::Instructions,
            Self::Nanoseconds => Unit::Nanoseconds,
        }
    }

    fn start(self) {
        match self {
            Self::Cycles => start_cycles(),
            Self::Instructions => monitor::start(),
            Self::Nanoseconds => {}
        }
    }

    #[inline(always)]
    fn read(self) -> u64 {
        match self {
            Self::Cycles => cycles(),
            Self::Instructions => monitor::read(),
            Self::Nanoseconds => clock::now(),
        }
    }

    #[inline(always)]
    fn between(self, before: u64, after: u64) -> u64 {
        match self {
            // Wrapping: the distance is right also when the counter went over its end.
            Self::Cycles => after.wrapping_sub(before),
            // It has 32 bits on cores before Armv8.5, and a call takes far less.
            Self::Instructions => u64::from((after as u32).wrapping_sub(before as u32)),
            Self::Nanoseconds => nanoseconds(after.wrapping_sub(before)),
        }
    }
}

fn nanoseconds(ticks: u64) -> u64 {
    // Saturating: a call that takes minutes takes for ever.
    ticks.saturating_mul(1_000_000_000) / clock::frequency().max(1)
}

/// Counts cycles on this core from now on.
fn start_cycles() {
    // PMCR_EL0: on, and the cycle counter has 64 bits; PMCNTENSET_EL0: the cycle counter.
    let (control, enable) = (1_u64 | 1 << 6, 1_u64 << 31);
    // SAFETY: the cycle counter counts, in every exception level, and nothing interrupts when it overflows.
    unsafe {
        asm!(
            "msr pmccfiltr_el0, xzr",
            "msr pmcntenset_el0, {enable}",
            "msr pmcr_el0, {control}",
            "isb",
            enable = in(reg) enable,
            control = in(reg) control,
            options(nomem, nostack),
        );
    }
}

#[inline(always)]
fn cycles() -> u64 {
    let count: u64;
    // SAFETY: reads the cycle counter.
    unsafe { asm!("isb", "mrs {}, pmccntr_el0", "isb", out(reg) count, options(nostack)) };
    count
}
