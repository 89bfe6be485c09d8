//! M22: objects that hold what free ones do are used as they should be. Nothing is reported.

use framekeeper::slabs::Hardening;

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
};
use crate::{Machine, arena::SECRET};

/// What sizes are multiplied with in what lies behind objects.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

struct FalseReport;

/// Objects that hold what free ones do are used as they should be. Nothing is reported.
pub fn m22_false_report<M: Machine>(machine: &M) {
    measure::<M, FalseReport>(machine);
}

impl Trial for FalseReport {
    const ID: &'static str = "M22";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = scene.take_any();
        let word = a_word(scene, &piece);
        memory::fill(piece.start, piece.layout.size(), word);
        scene.held.push(piece);
        let others = scene.dice.below(4);
        scene.stir(others);
        if let Some(number) = scene.held.iter().position(|other| *other == piece) {
            scene.held.swap_remove(number);
            scene.cpu.go_to(scene.dice.below(2) as u8);
            scene.give(piece);
        }
        let reports = scene.slabs().reports();
        scene.same((scene.told_once(reports), reports), (None, 0));
        Outcome::at(Event::Held)
    }
}

/// A mark, or what lies behind objects; of this one, or of another that is free or not.
fn a_word<H: Hardening>(scene: &mut Scene<'_, '_, H>, piece: &Piece) -> u64 {
    let slots = scene.dice.below(4) as usize * usize::from(scene.dice.one_in(4));
    let mark = (piece.address().0 + slots * scene.slot(piece.layout)) as u64 ^ SECRET;
    match scene.dice.below(4) {
        0 => mark.rotate_left(23),
        1 => mark.rotate_left(23) ^ (piece.layout.size() as u64).wrapping_mul(SPREAD),
        _ => mark,
    }
}
