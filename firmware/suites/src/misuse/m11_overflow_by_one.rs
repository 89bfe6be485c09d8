//! M11: one byte is written behind an object's end.

use framekeeper::slabs::Hardening;

use super::{
    cell::{Outcome, Trial, measure},
    overflow::{overflow, take_with_room},
    scene::Scene,
};
use crate::Machine;

struct ByOne;

/// One byte is written behind an object's end.
pub fn m11_overflow_by_one<M: Machine>(machine: &M) {
    measure::<M, ByOne>(machine);
}

impl Trial for ByOne {
    const ID: &'static str = "M11";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = take_with_room(scene, 1);
        let end = piece.layout.size() + 1;
        overflow(scene, piece, end)
    }
}
