//! M10: a byte is written after it was given back.

use framekeeper::slabs::{DirectMap, Hardening, Level, Misuse, SlabFault, Standard};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
};
use crate::Machine;

/// Bytes of an object that are watched at `Standard`.
const WATCHED: usize = 16;

struct Written;

/// A byte is written after it was given back.
pub fn m10_write_after_free<M: Machine>(machine: &M) {
    measure::<M, Written>(machine);
}

impl Trial for Written {
    const ID: &'static str = "M10";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = scene.take_any();
        scene.give(piece);
        // Somebody keeps its slab from going back.
        let beside = scene.take(piece.layout);
        if beside.start == piece.start {
            scene.give(beside);
        } else {
            scene.held.push(beside);
        }
        if scene.dice.one_in(16)
            && scene.held.iter().any(|other| scene.slab_of(other) == scene.slab_of(&piece))
        {
            scene.slabs().shrink();
        }
        let slot = scene.slot(piece.layout);
        let bytes = if H::LEVEL == Level::Standard { slot.min(WATCHED) } else { slot };
        let (offset, bits) = (scene.dice.place(bytes) as isize, 1 + scene.dice.below(255) as u8);
        memory::turn(piece.start, offset, bits);
        if scene.dice.one_in(3) {
            let outcome = by_verify(scene, &piece);
            memory::turn(piece.start, offset, bits);
            return outcome;
        }
        at_reuse(scene, piece)
    }

    /// The allocator sees no bytes of frames.
    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let block = scene.take_block();
        scene.give_block(block);
        let offset = scene.dice.below(4096) as isize;
        memory::turn(scene.arena.window.pointer(block), offset, 1);
        scene.same(scene.arena.frames.verify(), Ok(()));
        Outcome::NOTHING
    }
}

fn by_verify<H: Hardening>(scene: &Scene<'_, '_, H>, piece: &Piece) -> Outcome {
    match scene.slabs().verify() {
        Ok(()) => Outcome::NOTHING,
        Err(SlabFault::Written { object, .. }) if object == piece.address() => Outcome::at(Event::Reuse),
        Err(fault) => scene.broken(format_args!("{fault}")),
    }
}

/// Others ask for as much until they get it, or the hook is told.
fn at_reuse<H: Hardening>(scene: &mut Scene<'_, '_, H>, piece: Piece) -> Outcome {
    let (before, mut taken) = (scene.slabs().reports(), alloc::vec::Vec::new());
    let is_told = loop {
        let other = scene.take(piece.layout);
        taken.push(other);
        if other.start == piece.start {
            break false;
        }
        if scene.slabs().reports() > before {
            break true;
        }
    };
    let told = scene.told_once(before);
    scene.same(told, is_told.then_some(Misuse::WrittenAfterFree { address: piece.address() }));
    taken.into_iter().for_each(|other| scene.give(other));
    if !is_told {
        return Outcome::NOTHING;
    }
    if H::LEVEL == Level::Debug {
        let sites = scene.slabs().sites(piece.address());
        scene.same((sites.allocated.is_some(), sites.freed.is_some()), (true, true));
    }
    // It is not handed out any more.
    scene.lose();
    Outcome::at(Event::Reuse)
}
