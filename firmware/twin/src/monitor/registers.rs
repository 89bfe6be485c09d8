//! System registers.

/// Reads a system register.
macro_rules! read_register {
    ($name:literal) => {{
        let value: u64;
        // SAFETY: reading a register of the monitor's own level or of the image's has no effect.
        unsafe { core::arch::asm!(concat!("mrs {}, ", $name), out(reg) value, options(nostack)) };
        value
    }};
}

/// Writes a system register, and waits until that holds.
macro_rules! write_register {
    ($name:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: the monitor's memory is mapped to itself before and after; what the image finds changed is meant.
        unsafe { core::arch::asm!(concat!("msr ", $name, ", {}"), "isb", in(reg) value, options(nostack)) };
    }};
}

pub(crate) use {read_register, write_register};

/// The time, in ticks of the timer.
pub(crate) fn now() -> u64 {
    read_register!("cntpct_el0")
}

/// The core this runs on: QEMU's have their numbers in the first byte of the affinity.
pub(crate) fn core() -> usize {
    (read_register!("mpidr_el1") & 0xff) as usize
}
