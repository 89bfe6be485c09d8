//! The frames: what they promise, case by case, and under storms.

mod conformance;
mod exhaustion;
mod storms;
mod zeroed;

pub use storms::*;
pub use zeroed::zeroed_frames_are_zero;

use framekeeper::Owner;

use crate::ground::on_both;

/// Whose the frames of this suite are.
const ME: Owner = Owner::new(22);

on_both! {
    conformance::r004_1_a_block_is_given_back_by_its_address_alone,
    conformance::r004_3_blocks_of_2_mib_are_aligned_in_every_bank,
    conformance::r004_4_every_order_is_aligned_and_leaves_no_trace,
    conformance::r004_5_in_whatever_order_frames_come_back_all_is_joined,
    conformance::r004_14_frees_of_what_nobody_has_are_refused_and_change_nothing,
    conformance::r004_20_exact_numbers_of_frames_are_had,
    conformance::r004_20_memory_below_4_gib_is_had_on_request,
    conformance::r004_20_a_block_at_an_address_is_had_if_it_is_free,
    conformance::requests_for_nothing_and_for_too_much_are_refused,
    conformance::a_shortage_explains_itself,
    exhaustion::memory_runs_out_at_every_order_and_comes_back,
}
