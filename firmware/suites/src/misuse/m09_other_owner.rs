//! M9: given back to a cache or an allocator that it is not from.

use alloc::vec::Vec;
use core::alloc::Layout;

use framekeeper::{
    FreeError, State,
    slabs::{Hardening, Level, Misuse, Slab, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    cpu::OneThread,
    memory,
    promises::Event,
    scene::{Piece, Scene},
    texts,
};
use crate::{Machine, arena::Window};

struct OtherOwner;

/// Given back to a cache or an allocator that it is not from.
pub fn m09_other_owner<M: Machine>(machine: &M) {
    measure::<M, OtherOwner>(machine);
}

impl Trial for OtherOwner {
    const ID: &'static str = "M9";

    fn object<M: Machine, H: Hardening>(machine: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        match scene.dice.below(4) {
            0 => from_the_machine(machine, scene),
            1 => to_the_machine(machine, scene),
            _ => between_caches(scene),
        }
        Outcome::at(Event::Call)
    }

    /// Both have their own idea of the same addresses, so only what the other has not handed out is tried.
    fn block<M: Machine>(machine: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let is_out = |state| matches!(state, State::Allocated { .. } | State::Slab { .. });
        let ours = scene.take_block();
        let found = machine.frames().state(ours);
        if !is_out(found) {
            let expected = FreeError::NotAllocated { address: ours, found };
            scene.same(machine.frames().free_frame(ours), Err(expected));
            scene.says(&expected, &texts::of_free_error(&expected));
            scene.give_block(ours);
            return Outcome::at(Event::Call);
        }
        scene.give_block(ours);
        // The machine may have nothing but such frames at hand: those are kept until there is another one.
        let mut theirs = Vec::new();
        loop {
            let Some(frame) = machine.frames().alloc_frame() else { scene.broken(format_args!("no frame")) };
            theirs.push(frame);
            let found = scene.arena.frames.state(frame);
            if !is_out(found) {
                scene.refused_block(frame, FreeError::NotAllocated { address: frame, found });
                break;
            }
        }
        for frame in theirs {
            scene.same(machine.frames().free_frame(frame), Ok(1));
        }
        Outcome::at(Event::Call)
    }
}

/// An object of the machine's heap is given to the arena's.
fn from_the_machine<M: Machine, H: Hardening>(machine: &M, scene: &mut Scene<'_, '_, H>) {
    let layout = scene.layout();
    let Ok(start) = machine.heap().alloc(layout) else {
        scene.broken(format_args!("the machine has no memory"))
    };
    let piece = Piece { start, layout };
    scene.refused(start, layout, Misuse::Foreign { address: piece.address(), found: State::Hole });
    scene.same(memory::free_to_heap(machine.heap(), start, layout), Ok(()));
}

/// An object of the arena's is given to the machine's heap.
fn to_the_machine<M: Machine, H: Hardening>(machine: &M, scene: &mut Scene<'_, '_, H>) {
    let piece = scene.take_any();
    let found = machine.frames().state(framekeeper::slabs::DirectMap::address(&machine.map(), piece.start));
    let expected = Misuse::Foreign { address: piece.address(), found };
    scene.same(memory::free_to_heap(machine.heap(), piece.start, piece.layout), Err(expected));
    scene.says(&expected, &texts::of_misuse(&expected));
    scene.give(piece);
}

type Cache<'a, H> = Slab<'a, OneThread, Window, H>;

fn between_caches<H: Hardening>(scene: &mut Scene<'_, '_, H>) {
    let sizes = [scene.layout().size(), scene.layout().size()];
    let sizes = if scene.dice.one_in(2) { [sizes[0]; 2] } else { sizes };
    let [one, other] = [0, 1].map(|number| {
        let size = if number == 0 { sizes[0] } else { sizes[1] };
        match Cache::new(scene.slabs(), scene.arena.seats(number), size) {
            Ok(cache) => cache,
            Err(error) => scene.broken(format_args!("{error}")),
        }
    });
    let start = match one.alloc() {
        Ok(start) => start,
        Err(error) => scene.broken(format_args!("{error}")),
    };
    let largest = if H::LEVEL >= Level::Paranoid { 8184 } else { 8192 };
    let layout = Layout::from_size_align(sizes[0].min(largest), 1).unwrap_or(Layout::new::<u8>());
    let piece = Piece { start, layout };
    let before = (one.usage(), other.usage(), scene.slabs().reports());
    of_other_pool(scene, &piece, memory::free_to_cache(&other, start).err());
    let refused = scene.misuse(start, layout);
    of_other_pool(scene, &piece, refused);
    let of_class = scene.take(layout);
    of_other_pool(scene, &of_class, memory::free_to_cache(&one, of_class.start).err());
    scene.give(of_class);
    scene.same((one.usage(), other.usage()), (before.0, before.1));
    scene.same(memory::free_to_cache(&one, start), Ok(()));
    scene.same((one.verify(), other.verify()), (Ok(()), Ok(())));
}

fn of_other_pool<H: Hardening>(scene: &Scene<'_, '_, H>, piece: &Piece, refused: Option<Misuse>) {
    let is_right = matches!(refused, Some(Misuse::WrongPool { address, expected, found })
        if address == piece.address() && expected != found);
    scene.same((refused, is_right), (refused, true));
    refused.iter().for_each(|misuse| scene.says(misuse, &texts::of_misuse(misuse)));
}
