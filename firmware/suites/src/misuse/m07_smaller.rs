//! M7: given back as smaller than it is.

use framekeeper::slabs::{Hardening, Standard};

use super::{
    cell::{Outcome, Trial, measure},
    other_size::{other_frames, other_size},
    scene::Scene,
};
use crate::Machine;

struct Smaller;

/// Given back as smaller than it is.
pub fn m07_smaller<M: Machine>(machine: &M) {
    measure::<M, Smaller>(machine);
}

impl Trial for Smaller {
    const ID: &'static str = "M7";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        other_size(scene, |scene, size| scene.dice.place(size))
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        other_frames(scene, |scene, frames| scene.dice.place(frames * 4096 - 4095))
    }
}
