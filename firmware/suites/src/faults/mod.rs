//! Faults: memory that is refused at every point, and machines that do not do what they should. Errors come back, what the
//! allocators believe is right, nothing is lost, and the same call is met when it is repeated.
//!
//! | id | fault | tested |
//! |---|---|---|
//! | A1 | the nth request for memory is refused | here: `nth`, for each call that asks for memory |
//! | A2 | requests are refused at random | here: `random`, on one core and on all |
//! | A3 | only large requests are refused | here: `chosen` |
//! | A4 | only handlers are refused | here: `chosen` |
//! | A5 | only one core is refused | here: `chosen` |
//! | A6 | a constructor refuses | here: `constructors`; one that panics in framekeeper's `tests/slabs/caches.rs`, on a host: nothing unwinds on a board |
//! | A7 | a core stops inside of a critical section | framekeeper's models, `src/models`, stop every core at every step: `interleavings` exhaustively, `schedules` at random. A board's core cannot be stopped there, where its interrupts are masked: here, in `cores`, one goes off right behind |
//! | A8 | a storm of timer interrupts, whose handlers allocate | [`interrupts`](crate::interrupts), at 10 kHz of all cores together; with refusals A4 here |
//! | A9 | caches are drained while they are refilled | here: `memory` |
//! | A10 | memory is added while others allocate | here: `memory` |
//! | A11 | a frame turns bad, free or not | here: `memory` |
//! | A12 | a bit of what allocators keep flips | framekeeper's `src/verify/damage.rs` and `src/slabs/damage.rs`: `verify` finds it |
//! | A13 | the clock stands still or jumps | nothing to test: framekeeper has no clock; all that it is told of a machine is a [`CpuLocal`](framekeeper::CpuLocal), which has none |
//! | A14 | a core starts late, or not | here: `cores`; `smp::cores_go_off_with_full_caches_and_come_back` for cores that go off with full caches |
//! | A15 | a stack is at its limit | the firmware's image `misbehave`: `overflows_its_stack`, on the first core and on another, is reported as what it is. How much stack the allocators use is not measured |

mod chosen;
mod constructors;
mod cores;
mod memory;
mod nth;
mod random;
mod refusing;
mod worker;

pub use chosen::{
    a3_only_large_requests_are_refused, a4_only_handlers_are_refused, a5_only_one_core_is_refused,
};
pub use constructors::a6_constructors_that_refuse_leave_nothing;
pub use cores::{a7_a_core_goes_off_while_others_work, a14_cores_come_late};
pub use memory::{
    a9_caches_are_emptied_while_they_are_refilled, a10_memory_is_added_while_all_cores_allocate,
    a11_a_frame_that_turns_bad_never_comes_back,
};
pub use nth::*;
pub use random::{a2_a_storm_with_random_refusals_leaves_no_trace, a2_all_cores_bear_random_refusals};
