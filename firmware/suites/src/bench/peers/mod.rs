//! Who is measured, in the order of their turns.
//!
//! Each has the same block of memory, fresh: nothing of the peer before can be taken for something of its own. Whoever
//! keeps its metadata in there has so much less to hand out.

mod buddy_slab;
mod framekeeper;
mod frames;
mod heaps;
mod memory;
mod nothing;

use ::framekeeper::slabs::{Off, Standard};

use super::{Stand, Turn, Workload};

/// Everybody's turn who has objects of any size.
pub(super) fn of_objects<'t, S: Stand + 't, W: Workload>(
    turn: impl Fn(&'static str) -> Turn<'t, S>,
    workload: &W,
) {
    framekeeper::objects::<Standard, _, _>(&turn("framekeeper"), workload);
    framekeeper::objects::<Off, _, _>(&turn("framekeeper, checks off"), workload);
    buddy_slab::objects(&turn("buddy-slab"), workload);
    heaps::talc(&turn("talc"), workload);
    heaps::rlsf(&turn("rlsf"), workload);
    heaps::linked_list(&turn("linked_list"), workload);
    heaps::buddy_system(&turn("buddy_system"), workload);
    nothing::nothing(&turn("harness"), workload);
}

/// Everybody's turn who has frames.
pub(super) fn of_frames<'t, S: Stand + 't, W: Workload>(
    turn: impl Fn(&'static str) -> Turn<'t, S>,
    workload: &W,
) {
    framekeeper::frames(&turn("framekeeper"), workload);
    buddy_slab::frames(&turn("buddy-slab"), workload);
    frames::buddy_system(&turn("buddy_system"), workload);
    nothing::nothing(&turn("harness"), workload);
}
