//! The performance monitor, counting instructions (Arm ARM D13).

#![expect(unsafe_code, reason = "reads and writes the performance monitor's registers")]

use core::arch::asm;

/// INST_RETIRED: instructions that were executed to their end.
pub(crate) const RETIRED: u64 = 0x08;

/// Whether this core can count a common event, by its number below 32.
pub(crate) fn can_count(event: u64) -> bool {
    let events: u64;
    // SAFETY: tells which events can be counted.
    unsafe { asm!("mrs {}, pmceid0_el0", out(reg) events, options(nomem, nostack)) };
    events >> event & 1 == 1
}

/// Counts instructions on this core from now on.
pub(crate) fn start() {
    // SAFETY: counter 0 counts that event, in every exception level, and nothing interrupts when it overflows.
    unsafe {
        asm!(
            "msr pmselr_el0, xzr",
            "isb",
            "msr pmxevtyper_el0, {event}",
            "msr pmcntenset_el0, {one}",
            "msr pmcr_el0, {one}",
            "isb",
            event = in(reg) RETIRED,
            one = in(reg) 1_u64,
            options(nomem, nostack),
        );
    }
}

/// How many were executed, modulo 2^32 on cores before Armv8.5.
#[inline(always)]
pub(crate) fn read() -> u64 {
    let count: u64;
    // SAFETY: reads counter 0.
    unsafe { asm!("isb", "mrs {}, pmevcntr0_el0", "isb", out(reg) count, options(nostack)) };
    count
}
