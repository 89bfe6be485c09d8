//! M13: written in front of an object, into somebody's.

use framekeeper::slabs::{Hardening, Misuse};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
};
use crate::Machine;

struct Underflow;

/// Eight bytes are written in front of an object, into somebody's.
pub fn m13_underflow<M: Machine>(machine: &M) {
    measure::<M, Underflow>(machine);
}

impl Trial for Underflow {
    const ID: &'static str = "M13";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let (front, piece) = neighbours(scene);
        let bits = 1 + scene.dice.below(255) as u8;
        memory::turn_all(piece.start, -8..0, bits);
        // Nothing is wrong with the object itself.
        scene.give(piece);
        let Some(misuse) = scene.misuse(front.start, front.layout) else { return Outcome::NOTHING };
        let size = front.layout.size();
        scene.same(misuse, Misuse::WrittenBehind { address: front.address(), size });
        memory::turn_all(piece.start, -8..0, bits);
        scene.give(front);
        Outcome::at(Event::Return)
    }
}

/// Two objects that lie side by side. Others keep what was taken to find them.
fn neighbours<H: Hardening>(scene: &mut Scene<'_, '_, H>) -> (Piece, Piece) {
    let layout = scene.usual();
    let (slot, mut taken) = (scene.slot(layout), alloc::vec::Vec::new());
    loop {
        let piece = scene.take(layout);
        taken.push(piece);
        let is_front = |other: &Piece| memory::away(other.start, slot as isize) == piece.start;
        if let Some(number) = taken.iter().position(is_front) {
            let front = taken.swap_remove(number);
            taken.retain(|other| *other != piece);
            taken.into_iter().for_each(|other| scene.give(other));
            return (front, piece);
        }
    }
}
