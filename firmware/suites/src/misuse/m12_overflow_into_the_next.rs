//! M12: all is written from an object's end on into the next one.

use framekeeper::slabs::Hardening;

use super::{
    cell::{Outcome, Trial, measure},
    overflow::{overflow, take_with_room},
    scene::Scene,
};
use crate::Machine;

struct IntoTheNext;

/// All is written from an object's end on, 8 or 64 bytes into the next one.
pub fn m12_overflow_into_the_next<M: Machine>(machine: &M) {
    measure::<M, IntoTheNext>(machine);
}

impl Trial for IntoTheNext {
    const ID: &'static str = "M12";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let far = if scene.dice.one_in(2) { 8 } else { 64 };
        let piece = take_with_room(scene, far);
        let end = scene.slot(piece.layout) + far;
        overflow(scene, piece, end)
    }
}
