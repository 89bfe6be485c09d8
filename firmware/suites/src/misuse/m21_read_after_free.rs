//! M21: read after it was given back.

use core::alloc::Layout;

use framekeeper::slabs::Hardening;

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::Scene,
};
use crate::Machine;

struct ReadAfterFree;

/// Read after it was given back.
pub fn m21_read_after_free<M: Machine>(machine: &M) {
    measure::<M, ReadAfterFree>(machine);
}

impl Trial for ReadAfterFree {
    const ID: &'static str = "M21";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        // More than the two words that `Standard` marks, and whole words.
        let size = scene.layout().size().max(24) / 8 * 8;
        let Ok(layout) = Layout::from_size_align(size, 1) else { scene.broken(format_args!("{size}")) };
        let (piece, secret) = (scene.take(layout), scene.dice.next());
        memory::fill(piece.start, size, secret);
        scene.give(piece);
        let left = memory::words(piece.start, size).iter().filter(|&&word| word == secret).count();
        if left == 0 { Outcome::at(Event::Gone) } else { Outcome::NOTHING }
    }
}
