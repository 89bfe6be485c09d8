//! Asking the MMU what it would do, without doing it.

#![expect(unsafe_code, reason = "address translation instructions")]

use core::arch::asm;

/// Where a read of `va` would go.
pub(crate) fn of_read(va: u64) -> Option<u64> {
    let result: u64;
    // SAFETY: a translation changes PAR_EL1 and nothing else.
    unsafe { asm!("at s1e1r, {}", "isb", "mrs {}, par_el1", in(reg) va, out(reg) result, options(nostack)) };
    address(va, result)
}

/// Where a write to `va` would go.
pub(crate) fn of_write(va: u64) -> Option<u64> {
    let result: u64;
    // SAFETY: a translation changes PAR_EL1 and nothing else.
    unsafe { asm!("at s1e1w, {}", "isb", "mrs {}, par_el1", in(reg) va, out(reg) result, options(nostack)) };
    address(va, result)
}

/// PAR_EL1 (Arm ARM D24.2.151): bit 0 says that the translation failed.
fn address(va: u64, result: u64) -> Option<u64> {
    (result & 1 == 0).then_some((result & 0x000f_ffff_ffff_f000) | (va & 0xfff))
}
