//! M8: given back as larger than it is.

use framekeeper::slabs::{Hardening, Standard};

use super::{
    cell::{Outcome, Trial, measure},
    other_size::{other_frames, other_size},
    scene::Scene,
};
use crate::Machine;

struct Larger;

/// Given back as larger than it is.
pub fn m08_larger<M: Machine>(machine: &M) {
    measure::<M, Larger>(machine);
}

impl Trial for Larger {
    const ID: &'static str = "M8";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        // Also such as no slab has.
        other_size(scene, |scene, size| size + 1 + scene.dice.place(2 * size + 20))
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        other_frames(scene, |scene, frames| frames * 4096 + 1 + scene.dice.place(1 << 20))
    }
}
