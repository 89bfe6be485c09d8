//! M5: what is no memory of the allocator is given back.

use core::ptr::{NonNull, without_provenance_mut};

use framekeeper::{
    FRAME_SIZE, FreeError, PhysAddr, State,
    slabs::{DirectMap, Hardening, Misuse, ObjectAddr, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::{Event, ROWS},
    scene::Scene,
};
use crate::Machine;

struct NoMemory;

/// What is no memory of the allocator is given back.
pub fn m05_no_memory<M: Machine>(machine: &M) {
    measure::<M, NoMemory>(machine);
}

impl Trial for NoMemory {
    const ID: &'static str = "M5";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let start = match scene.dice.below(3) {
            0 => {
                let frame = scene.reserved_frame();
                let start = scene.arena.window.pointer(frame);
                memory::away(start, scene.dice.below(FRAME_SIZE) as isize)
            }
            // Of the program itself.
            1 => memory::away(NonNull::from(ROWS).cast(), scene.dice.below(512) as isize),
            _ => anywhere(scene),
        };
        let found = scene.arena.frames.state(scene.physical(start));
        scene.same(matches!(found, State::Hole | State::Reserved), true);
        let (layout, address) = (scene.layout(), ObjectAddr(start.as_ptr().addr()));
        scene.refused(start, layout, Misuse::Foreign { address, found });
        Outcome::at(Event::Call)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let address = if scene.dice.one_in(3) { scene.reserved_frame() } else { a_hole(scene) };
        let found = scene.arena.frames.state(address);
        scene.refused_block(address, FreeError::NotAllocated { address, found });
        Outcome::at(Event::Call)
    }
}

/// An address that is in no bank, of any size.
fn anywhere<H: Hardening>(scene: &mut Scene<'_, '_, H>) -> NonNull<u8> {
    loop {
        let bits = scene.dice.below(u64::from(usize::BITS)) as u32;
        let number = scene.dice.next() as usize >> bits;
        if let Some(start) = NonNull::new(without_provenance_mut(number))
            && scene.arena.frames.state(scene.physical(start)) == State::Hole
        {
            return start;
        }
    }
}

/// The address of a frame that there is not.
fn a_hole<H: Hardening>(scene: &mut Scene<'_, '_, H>) -> PhysAddr {
    loop {
        let bits = scene.dice.below(52);
        let address = PhysAddr(scene.dice.next() >> bits).align_down(FRAME_SIZE);
        if scene.arena.frames.state(address) == State::Hole {
            return address;
        }
    }
}
