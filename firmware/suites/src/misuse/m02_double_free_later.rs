//! M2: given back twice, with other operations between, while nobody else has it.

use framekeeper::{
    FreeError,
    slabs::{Hardening, Misuse, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    promises::Event,
    scene::{Piece, Scene},
};
use crate::Machine;

struct DoubleFree;

/// Given back twice, with other operations between, while nobody else has it.
pub fn m02_double_free_later<M: Machine>(machine: &M) {
    measure::<M, DoubleFree>(machine);
}

impl Trial for DoubleFree {
    const ID: &'static str = "M2";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = scene.take_any();
        scene.give(piece);
        let operations = others(scene);
        scene.stir(operations);
        give_again_what_others_were_given(scene, &piece);
        scene.settle();
        match scene.misuse(piece.start, piece.layout) {
            None => scene.at_the_flush(0),
            // Where its slab went back, that memory is something else now.
            Some(
                Misuse::DoubleFree { address, .. }
                | Misuse::Foreign { address, .. }
                | Misuse::WrongPool { address, .. }
                | Misuse::NotStart { address, .. },
            ) if address == piece.address() => Outcome::at(Event::Call),
            Some(other) => scene.broken(format_args!("{other}")),
        }
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let address = scene.take_block();
        scene.give_block(address);
        let operations = others(scene);
        scene.stir_blocks(operations);
        if let Some(number) = scene.blocks.iter().position(|&block| block == address) {
            let block = scene.blocks.swap_remove(number);
            scene.give_block(block);
        }
        scene.settle();
        let error = scene.misuse_block(address);
        let is_right = match error {
            Some(FreeError::NotAllocated { address: at, found }) => {
                at == address && found == scene.arena.frames.state(address)
            }
            // It may lie inside of a larger block now.
            Some(FreeError::NotHead { address: at, .. }) => at == address,
            Some(FreeError::Misaligned { .. }) | None => false,
        };
        scene.same((error, is_right), (error, true));
        Outcome::at(Event::Call)
    }
}

fn others<H: Hardening>(scene: &mut Scene<'_, '_, H>) -> u64 {
    match scene.dice.below(3) {
        0 => 1,
        1 => 8,
        _ => 1000,
    }
}

fn give_again_what_others_were_given<H: Hardening>(scene: &mut Scene<'_, '_, H>, piece: &Piece) {
    let is_it = |other: &Piece| other.start == piece.start;
    if let Some(number) = scene.held.iter().position(is_it) {
        let other = scene.held.swap_remove(number);
        scene.give(other);
    }
}
