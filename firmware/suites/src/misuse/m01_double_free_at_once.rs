//! M1: given back twice, with nothing between.

use framekeeper::{
    FreeError,
    slabs::{FreeIn, Hardening, Level, Misuse, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    promises::Event,
    scene::{Piece, Scene},
};
use crate::Machine;

struct DoubleFree;

/// Given back twice, with nothing between.
pub fn m01_double_free_at_once<M: Machine>(machine: &M) {
    measure::<M, DoubleFree>(machine);
}

impl Trial for DoubleFree {
    const ID: &'static str = "M1";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = scene.take_any();
        scene.give(piece);
        let found = FreeIn::Magazine(scene.cpu.core());
        if scene.dice.one_in(4) {
            scene.cpu.go_to(1 - scene.cpu.core().number());
        }
        let Some(misuse) = scene.misuse(piece.start, piece.layout) else { return scene.at_the_flush(0) };
        scene.same(misuse, Misuse::DoubleFree { address: piece.address(), found });
        both_sites(scene, &piece);
        Outcome::at(Event::Call)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let address = scene.take_block();
        scene.give_block(address);
        let found = scene.arena.frames.state(address);
        scene.refused_block(address, FreeError::NotAllocated { address, found });
        Outcome::at(Event::Call)
    }
}

/// At `Debug` it is known who asked for it, and who gave it back first.
fn both_sites<H: Hardening>(scene: &Scene<'_, '_, H>, piece: &Piece) {
    let sites = scene.slabs().sites(piece.address());
    let files = [sites.allocated, sites.freed].map(|site| site.map(core::panic::Location::file));
    if H::LEVEL < Level::Debug {
        scene.same(files, [None, None]);
        return;
    }
    let [Some(allocated), Some(freed)] = files else { scene.broken(format_args!("no sites: {sites:?}")) };
    scene.same((allocated, freed.ends_with("scene.rs")), (file!(), true));
}
