//! M3: given back by somebody who gave it back before, when others have asked for as much since then.

use alloc::vec::Vec;

use framekeeper::{
    CpuLocal, Order, Owner,
    heap::Heap,
    slabs::{DirectMap, Hardening, Level, Misuse, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
    texts,
};
use crate::Machine;

/// Somebody else's.
const ANOTHER: Owner = Owner::new(11);

/// Of how many objects of a size one is expected back: more than are kept of any.
const MANY: usize = 100;

struct Stale;

struct HandedOutAgain;

/// Given back twice, after others have asked for as much once or twice; a block, while another owner has it.
pub fn m03_stale_free<M: Machine>(machine: &M) {
    measure::<M, Stale>(machine);
}

/// Given back twice, after it was handed out again to somebody of whom nothing else is known.
pub fn m03b_stale_free_of_what_was_handed_out_again<M: Machine>(machine: &M) {
    measure::<M, HandedOutAgain>(machine);
}

impl Trial for Stale {
    const ID: &'static str = "M3";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let piece = scene.take_any();
        scene.give(piece);
        let asked = 1 + scene.dice.below(2);
        let others = (0..asked).map(|_| scene.take(piece.layout)).collect();
        stale(scene, piece, others)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let size = 8193 + scene.dice.place(100_000);
        let Some(piece) = take_from_heap(scene.arena.heap, size) else {
            scene.broken(format_args!("no memory for {size} bytes"))
        };
        scene.same(memory::free_to_heap(scene.arena.heap, piece.start, piece.layout), Ok(()));
        let start = scene.physical(piece.start);
        scene.arena.frames.drain_all();
        let taken = scene.arena.frames.alloc_at(start, Order::FRAME, ANOTHER);
        scene.same(taken, Ok(start));
        let found = scene.arena.frames.state(start);
        let expected = Misuse::Foreign { address: piece.address(), found };
        let error = memory::free_to_heap(scene.arena.heap, piece.start, piece.layout);
        scene.same(error, Err(expected));
        scene.says(&expected, &texts::of_misuse(&expected));
        scene.give_block(start);
        Outcome::at(Event::Call)
    }
}

impl Trial for HandedOutAgain {
    const ID: &'static str = "M3b";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let layout = scene.usual();
        let Ok(ticket) = scene.slabs().alloc_ticket(layout) else { scene.broken(format_args!("no object")) };
        let piece = Piece { start: ticket.object(), layout };
        scene.same(memory::free_ticket(scene.slabs(), ticket), Ok(()));
        let mut others = Vec::new();
        while others.last().is_none_or(|other: &Piece| other.start != piece.start) {
            others.push(scene.take(piece.layout));
            if others.len() == MANY {
                scene.broken(format_args!("{:?} is not handed out again", piece.address()));
            }
        }
        if H::LEVEL == Level::Debug {
            let refused = scene.stale_ticket(ticket);
            others.into_iter().for_each(|other| scene.give(other));
            return if refused { Outcome::at(Event::Call) } else { Outcome::NOTHING.ending() };
        }
        stale(scene, piece, others)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let Some(address) = scene.arena.frames.alloc_frame() else { scene.broken(format_args!("no frame")) };
        scene.give_block(address);
        scene.arena.frames.drain_all();
        let again = scene.arena.frames.alloc_at(address, Order::FRAME, ANOTHER);
        scene.same(again, Ok(address));
        if scene.misuse_block(address).is_some() {
            scene.give_block(address);
            return Outcome::at(Event::Call);
        }
        // Who has it is the one who is told.
        let owner = scene.misuse_block(address);
        if owner.is_some() { Outcome::at(Event::Return) } else { Outcome::NOTHING.ending() }
    }
}

fn take_from_heap<C: CpuLocal, D: DirectMap>(heap: &Heap<'_, C, D, Standard>, size: usize) -> Option<Piece> {
    let layout = core::alloc::Layout::from_size_align(size, 8).ok()?;
    Some(Piece { start: heap.alloc(layout).ok()?, layout })
}

/// The piece is given back again, while these others were taken since.
fn stale<H: Hardening>(scene: &mut Scene<'_, '_, H>, piece: Piece, others: Vec<Piece>) -> Outcome {
    let refused = scene.misuse(piece.start, piece.layout);
    let is_double = matches!(refused, Some(Misuse::DoubleFree { address, .. }) if address == piece.address());
    scene.same(is_double, refused.is_some());
    let (owners, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|other| refused.is_none() && other.start == piece.start);
    // Who has it is the one who is told, if anybody is.
    let is_told = owners.into_iter().any(|owner| scene.misuse(owner.start, owner.layout).is_some());
    let outcome = match (refused, is_told) {
        (Some(_), _) => Outcome::at(Event::Call),
        (None, true) => Outcome::at(Event::Return),
        (None, false) => scene.at_the_flush(others.len() as u64),
    };
    others.into_iter().for_each(|other| scene.give(other));
    outcome
}
