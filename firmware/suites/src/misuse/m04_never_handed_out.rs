//! M4: memory that was never handed out is given back.

use core::{alloc::Layout, ptr::NonNull};

use framekeeper::{
    FRAME_SIZE, FreeError, PhysAddr,
    slabs::{DirectMap, FreeIn, Hardening, Level, Misuse, ObjectAddr, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::Scene,
};
use crate::Machine;

struct NeverHandedOut;

/// Memory that was never handed out is given back.
pub fn m04_never_handed_out<M: Machine>(machine: &M) {
    measure::<M, NeverHandedOut>(machine);
}

impl Trial for NeverHandedOut {
    const ID: &'static str = "M4";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let kinds = if H::LEVEL == Level::Off { 7 } else { 9 };
        match scene.dice.below(kinds) {
            0..3 => {
                let frame = scene.free_frame();
                foreign(scene, frame);
            }
            3..5 => {
                let block = scene.take_block();
                foreign(scene, block);
                scene.give_block(block);
            }
            5 if scene.dice.one_in(8) && !scene.descriptors().is_empty() => of_descriptors(scene),
            5 | 6 => of_another_class(scene),
            _ => of_a_free_slot(scene),
        }
        Outcome::at(Event::Call)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let address = scene.free_frame();
        let found = scene.arena.frames.state(address);
        scene.refused_block(address, FreeError::NotAllocated { address, found });
        Outcome::at(Event::Call)
    }
}

/// An address of a frame that is no slab's.
fn foreign<H: Hardening>(scene: &mut Scene<'_, '_, H>, frame: PhysAddr) {
    let start = scene.arena.window.pointer(frame);
    let start = memory::away(start, scene.dice.below(FRAME_SIZE) as isize);
    let found = scene.arena.frames.state(frame);
    let (layout, address) = (scene.layout(), ObjectAddr(start.as_ptr().addr()));
    scene.refused(start, layout, Misuse::Foreign { address, found });
}

fn of_descriptors<H: Hardening>(scene: &mut Scene<'_, '_, H>) {
    let frames = scene.descriptors();
    let number = scene.dice.place(frames.len().max(1));
    if let Some(&frame) = frames.get(number) {
        foreign(scene, frame);
    }
}

fn of_another_class<H: Hardening>(scene: &mut Scene<'_, '_, H>) {
    let piece = scene.take_any();
    let mut layout = scene.layout();
    while scene.class(layout) == scene.class(piece.layout) {
        layout = scene.layout();
    }
    let slot = a_slot(scene, piece.start, piece.layout);
    let refused = scene.misuse(slot, layout);
    let is_right = matches!(refused, Some(Misuse::WrongPool { address, expected, found })
        if address.0 == slot.as_ptr().addr() && expected != found);
    scene.same((refused, is_right), (refused, true));
    scene.give(piece);
}

/// A slot that nobody has, in a slab of just that class.
fn of_a_free_slot<H: Hardening>(scene: &mut Scene<'_, '_, H>) {
    let piece = scene.take_any();
    scene.held.push(piece);
    let slot = a_slot(scene, piece.start, piece.layout);
    if scene.has(slot, 1) {
        // Somebody has it: of what it lies in, nothing is free for sure.
        let frame = scene.free_frame();
        foreign(scene, frame);
    } else {
        let refused = scene.misuse(slot, piece.layout);
        let is_right = matches!(refused, Some(Misuse::DoubleFree { address, found })
            if address.0 == slot.as_ptr().addr() && !matches!(found, FreeIn::Frames(_)));
        scene.same((refused, is_right), (refused, true));
    }
    scene.held.pop();
    scene.give(piece);
}

/// Some slot of the slab that an object lies in.
fn a_slot<H: Hardening>(scene: &mut Scene<'_, '_, H>, start: NonNull<u8>, layout: Layout) -> NonNull<u8> {
    let slab = scene.slab_of(&super::scene::Piece { start, layout });
    let slots = scene.slabs().report().of(scene.class(layout)).per_slab;
    let slot = scene.dice.below(slots) as usize * scene.slot(layout);
    memory::away(slab, slot as isize)
}
