//! M14: a bit of a slab's descriptor flips.
//!
//! Of all that the allocators keep, this is what lies in memory that can be reached from outside. All else is measured by
//! `framekeeper`'s own tests, `verify::damage` and `slabs::damage`.

use framekeeper::slabs::{DirectMap, Hardening};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Others, Scene},
};
use crate::Machine;

struct Flipped;

/// A bit of a slab's descriptor flips.
pub fn m14_flipped_bit<M: Machine>(machine: &M) {
    measure::<M, Flipped>(machine);
}

impl Trial for Flipped {
    const ID: &'static str = "M14";
    // A descriptor that is out of use holds what nobody looks at.
    const OTHERS: Others = Others::Take;

    fn object<M: Machine, H: Hardening>(machine: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        scene.stir(1);
        let frames = scene.descriptors();
        let number = scene.dice.place(frames.len());
        let Some(&frame) = frames.get(number) else {
            scene.broken(format_args!("slabs without descriptors"))
        };
        let start = scene.arena.window.pointer(frame);
        let words = memory::words(start, 4096);
        let used = (0..).zip(words).filter(|&(_, word)| word != 0);
        let Some((word, _)) = used.clone().nth(scene.dice.place(used.count().max(1))) else {
            return Self::object(machine, scene);
        };
        let (byte, bits) = (word * 8 + scene.dice.below(8) as isize, 1 << scene.dice.below(8));
        memory::turn(start, byte, bits);
        let found = scene.slabs().verify();
        memory::turn(start, byte, bits);
        if scene.dice.one_in(16) {
            scene.same(scene.slabs().verify(), Ok(()));
        }
        if found.is_err() { Outcome::at(Event::Verify) } else { Outcome::NOTHING }
    }
}
