//! The performance monitor, counting instructions (Arm ARM D13).

#![expect(unsafe_code, reason = "reads and writes the performance monitor's registers")]

use core::arch::asm;

/// INST_RETIRED: instructions that were executed to their end.
const RETIRED: u64 = 0x08;

/// Counts instructions from now on.
///
/// # Panics
///
/// This machine does not count them.
pub(crate) fn start() {
    let events: u64;
    // SAFETY: tells which events can be counted.
    unsafe { asm!("mrs {}, pmceid0_el0", out(reg) events, options(nomem, nostack)) };
    assert!(
        events >> RETIRED & 1 == 1,
        "this machine does not count instructions: a board that does is qemu-virt-icount"
    );
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

#[inline(always)]
fn read() -> u64 {
    let count: u64;
    // SAFETY: reads counter 0.
    unsafe { asm!("isb", "mrs {}, pmevcntr0_el0", "isb", out(reg) count, options(nostack)) };
    count
}

/// How many instructions `work` executes. It must be a call, for what is inlined into this loses its borders.
#[inline(always)]
pub(crate) fn count<R>(work: impl FnOnce() -> R) -> (u64, R) {
    let nothing = read();
    let before = read();
    let result = work();
    let after = read();
    // What reading itself costs is between the first two.
    (after - before - (before - nothing), result)
}
