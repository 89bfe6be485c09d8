//! PSCI: QEMU's answers to calls of the secure monitor from EL2.

use core::arch::asm;

const AFFINITY_INFO: u64 = 0xc400_0004;
const SYSTEM_OFF: u64 = 0x8400_0008;
const SYSTEM_RESET: u64 = 0x8400_0009;
/// AFFINITY_INFO: the core is off.
const OFF: u64 = 1;

/// Calls QEMU.
pub(crate) fn call([function, first, second, third]: [u64; 4]) -> u64 {
    let result;
    // SAFETY: PSCI changes x0 to x3 and nothing else of this core.
    unsafe {
        asm!(
            "smc #0",
            inlateout("x0") function => result,
            inlateout("x1") first => _,
            inlateout("x2") second => _,
            inlateout("x3") third => _,
            options(nostack),
        );
    }
    result
}

/// Whether a core is off.
pub(crate) fn is_off(core: usize) -> bool {
    call([AFFINITY_INFO, core as u64, 0, 0]) == OFF
}

/// Switches the machine off.
pub(crate) fn off() -> ! {
    call([SYSTEM_OFF, 0, 0, 0]);
    halt()
}

/// Resets the machine.
pub(crate) fn reset() -> ! {
    call([SYSTEM_RESET, 0, 0, 0]);
    halt()
}

fn halt() -> ! {
    loop {
        // SAFETY: nothing is left to be done.
        unsafe { asm!("wfe", options(nomem, nostack)) };
    }
}
