//! Exceptions: the vectors, what they save, and what is done about each.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | [`Frame`] is laid out as `vectors.s` stores it | both files | the size, at compile time; every test that runs |
//! | a handler runs with interrupts masked | the hardware, until it returns | – |

#![expect(unsafe_code, reason = "installs vectors written in assembly")]

mod backtrace;

use crate::{
    cores::{self, CoreId},
    crash, interrupts,
    layout::{self, Stacks},
    semihosting,
};
use wire::{Cause, CoreReport, syndrome::Syndrome};

pub(crate) use backtrace::backtrace_from_here;

core::arch::global_asm!(
    include_str!("vectors.s"),
    handle = sym handle,
    frame_size = const size_of::<Frame>(),
    stack_slot = const layout::STACK_SLOT,
    emergency_end = const Stacks::of(CoreId::BOOT).emergency().end,
);

/// What an exception interrupted.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Frame {
    pub(crate) x: [u64; 31],
    pub(crate) elr: u64,
    spsr: u64,
    sp_el0: u64,
    esr: u64,
    far: u64,
    fpsr: u64,
    fpcr: u64,
    q: [u128; 32],
}

const _: () = assert!(size_of::<Frame>() == 816 && core::mem::offset_of!(Frame, q) == 304);

/// The vectors' numbers: 4 groups of 4 (Arm ARM D1.4.1), and one of our own.
const SYNCHRONOUS: u64 = 0;
const INTERRUPT: u64 = 1;
const EXCEPTION_STACK_USED_UP: u64 = 16;

impl Frame {
    /// Whether it interrupted code rather than another handler: SPSR_EL1.M[0] is the stack pointer's choice.
    const fn is_from_code(&self) -> bool {
        self.spsr & 1 == 0
    }

    fn sp(&self) -> u64 {
        if self.is_from_code() {
            self.sp_el0
        } else {
            core::ptr::from_ref(self).addr() as u64 + size_of::<Self>() as u64
        }
    }

    /// What this core was doing.
    pub(crate) fn report(&self, cause: Cause) -> CoreReport {
        let core = CoreId::current();
        CoreReport {
            core: core.index() as u32,
            affinity: cores::current_affinity(),
            cause,
            esr: self.esr,
            far: self.far,
            elr: self.elr,
            spsr: self.spsr,
            sp: self.sp(),
            x: self.x,
            backtrace: backtrace::from(self.elr, self.x[29], self.x[30]),
        }
    }

    /// Why an exception that nothing handles was taken.
    fn cause(&self, kind: u64) -> Cause {
        if kind == EXCEPTION_STACK_USED_UP || !self.is_from_code() {
            return Cause::Nested;
        }
        let hit_guard = Syndrome(self.esr).has_address() && Stacks::of(CoreId::current()).is_guard(self.far);
        if hit_guard { Cause::StackOverflow } else { Cause::Exception }
    }
}

/// Makes this core take its exceptions here.
pub(crate) fn install() {
    unsafe extern "C" {
        static exception_vectors: u8;
    }
    let vectors = (&raw const exception_vectors).addr();
    // SAFETY: the vectors are complete and aligned to 2 KiB.
    unsafe { core::arch::asm!("msr vbar_el1, {}", "isb", in(reg) vectors, options(nostack)) };
}

extern "C" fn handle(frame: &mut Frame, kind: u64) {
    match kind {
        INTERRUPT => interrupts::handle(frame),
        SYNCHRONOUS if semihosting::is_call(frame.esr, frame.elr) => semihosting::answer(frame),
        _ => crash::stop(&frame.report(frame.cause(kind))),
    }
}
