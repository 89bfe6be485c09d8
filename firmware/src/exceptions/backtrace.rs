//! Backtraces by frame pointers (AAPCS64 §6.4.6): x29 points to the caller's x29 and the return address.
//!
//! A chain is followed only inside this core's stacks, so a wild pointer ends it and touches nothing else.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only mapped stack memory is read | every frame record is checked against the stacks | the crash tests |

#![expect(unsafe_code, reason = "reads frame records on the stack")]

use crate::{
    cores::CoreId,
    layout::{self, Stacks},
};
use wire::Backtrace;

/// From code interrupted at `pc`. The first address is `pc` itself; the others are those of the calls.
pub(super) fn from(pc: u64, mut frame_pointer: u64, link: u64) -> Backtrace {
    let mut backtrace = Backtrace::default();
    let mut slots = backtrace.0.iter_mut();
    if let Some(slot) = slots.next() {
        // A call through a wild pointer: where it came from says more than where it went.
        *slot = if is_code(pc) { pc } else { call_before(link) };
    }
    for slot in slots {
        let Some([next, link]) = record(frame_pointer) else { break };
        if !is_code(link) {
            break;
        }
        *slot = call_before(link);
        frame_pointer = next;
    }
    backtrace
}

/// From the caller of the caller of this function.
#[inline(never)]
pub(crate) fn backtrace_from_here() -> Backtrace {
    let frame_pointer: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, x29", out(reg) frame_pointer, options(nomem, nostack)) };
    match record(frame_pointer) {
        Some([next, link]) => from(call_before(link), next, 0),
        None => Backtrace::default(),
    }
}

fn call_before(link: u64) -> u64 {
    link.saturating_sub(4)
}

fn is_code(address: u64) -> bool {
    (layout::image_start()..layout::text_end()).contains(&address) && address.is_multiple_of(4)
}

/// The two words of a frame record, if it lies on one of this core's stacks.
fn record(frame_pointer: u64) -> Option<[u64; 2]> {
    let stacks = Stacks::of(CoreId::current());
    let boot = layout::early_tables()..layout::image_end();
    let on_stack = [stacks.main(), stacks.exception(), stacks.emergency(), boot]
        .iter()
        .any(|stack| stack.contains(&frame_pointer) && stack.end - frame_pointer >= 16);
    if !on_stack || !frame_pointer.is_multiple_of(16) {
        return None;
    }
    let record = core::ptr::with_exposed_provenance::<[u64; 2]>(frame_pointer as usize);
    // SAFETY: aligned, and all 16 bytes lie on a stack of this core, which is mapped.
    Some(unsafe { record.read() })
}
