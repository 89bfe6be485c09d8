//! M6: an address inside of what was handed out is given back.

use framekeeper::{
    FRAME_SIZE, Frame, FreeError, PhysAddr, State,
    slabs::{Hardening, Misuse, ObjectAddr, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
};
use crate::Machine;

struct Inside;

/// An address inside of what was handed out is given back.
pub fn m06_inside<M: Machine>(machine: &M) {
    measure::<M, Inside>(machine);
}

impl Trial for Inside {
    const ID: &'static str = "M6";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = scene.take_any();
        let (start, object) = an_address(scene, &piece);
        let outcome = match scene.misuse(start, piece.layout) {
            Some(misuse) => {
                let address = ObjectAddr(start.as_ptr().addr());
                scene.same(misuse, Misuse::NotStart { address, object });
                Outcome::at(Event::Call)
            }
            None => scene.at_the_flush(1),
        };
        scene.give(piece);
        outcome
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let block = scene.take_block();
        let State::Allocated { frames, .. } = scene.arena.frames.state(block) else {
            scene.broken(format_args!("{block} was just handed out"))
        };
        let inside = PhysAddr(block.0 + scene.dice.below(frames) * FRAME_SIZE);
        if inside == block || scene.dice.one_in(3) {
            let address = PhysAddr(inside.0 + 1 + scene.dice.below(FRAME_SIZE - 1));
            scene.refused_block(address, FreeError::Misaligned { address });
        } else {
            let head = Frame::containing(block);
            scene.refused_block(inside, FreeError::NotHead { address: inside, head });
        }
        scene.give_block(block);
        Outcome::at(Event::Call)
    }
}

/// An address inside of an object, and the object's; or, in a while, one behind the last object of its slab.
fn an_address<H: Hardening>(
    scene: &mut Scene<'_, '_, H>,
    piece: &Piece,
) -> (core::ptr::NonNull<u8>, Option<ObjectAddr>) {
    let usage = scene.slabs().report().of(scene.class(piece.layout));
    let used = usage.per_slab * usage.object_size as u64;
    if used < usage.slab_size && scene.dice.one_in(8) {
        let behind = used + scene.dice.below(usage.slab_size - used);
        return (memory::away(scene.slab_of(piece), behind as isize), None);
    }
    let inside = 1 + scene.dice.place(usage.object_size - 1);
    (memory::away(piece.start, inside as isize), Some(piece.address()))
}
