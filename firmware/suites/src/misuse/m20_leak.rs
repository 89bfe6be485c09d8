//! M20: what was never given back is counted.

use alloc::vec::Vec;

use framekeeper::{
    Owner, Request,
    slabs::{Class, Hardening, Level, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    promises::Event,
    scene::Scene,
};
use crate::Machine;

/// Whose the lost blocks are.
const CARELESS: Owner = Owner::new(12);

struct Leak;

/// What was never given back is counted.
pub fn m20_leak<M: Machine>(machine: &M) {
    measure::<M, Leak>(machine);
}

impl Trial for Leak {
    const ID: &'static str = "M20";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let before = scene.slabs().report();
        let count = 1 + scene.dice.place(8);
        let leaked: Vec<_> = (0..count).map(|_| scene.take_any()).collect();
        scene.settle();
        let after = scene.slabs().report();
        for class in Class::all() {
            let of_class = leaked.iter().filter(|piece| scene.class(piece.layout) == class).count() as u64;
            scene.same(after.of(class).allocated(), before.of(class).allocated() + of_class);
        }
        for piece in &leaked {
            let site = scene.slabs().sites(piece.address()).allocated.map(core::panic::Location::file);
            scene.same(site, (H::LEVEL == Level::Debug).then_some(file!()));
        }
        leaked.into_iter().for_each(|piece| scene.give(piece));
        scene.same(scene.slabs().report().allocated(), before.allocated());
        Outcome::at(Event::Counted)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let (count, mut frames, mut leaked) = (1 + scene.dice.below(6), 0, Vec::new());
        for _ in 0..count {
            let wanted = 1 + scene.dice.below(40);
            match scene.arena.frames.alloc(Request::frames(wanted).owned_by(CARELESS)) {
                Ok(block) => leaked.push(block),
                Err(error) => scene.broken(format_args!("{error}")),
            }
            frames += wanted;
        }
        scene.settle();
        scene.same(scene.arena.frames.owners().frames(CARELESS), frames);
        leaked.into_iter().for_each(|block| scene.give_block(block));
        Outcome::at(Event::Counted)
    }
}
