//! M10: a byte is written after it was given back.

use alloc::vec::Vec;

use framekeeper::{
    CpuLocal, FRAME_SIZE, FrameAllocator, PhysAddr, Request, WrittenAfterFree,
    slabs::{DirectMap, Hardening, Level, Misuse, SlabFault, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
    texts, told,
    watched::{self, KEEPER},
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

    /// The allocator itself touches no frames: this is one whose free memory is watched.
    fn block<M: Machine>(machine: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        watched::on(machine, |frames| {
            let mut held: Vec<PhysAddr> =
                (0..scene.dice.below(20)).map_while(|_| frames.alloc_frame()).collect();
            let frames_of_it = 1 + scene.dice.below(8);
            let Ok(block) = frames.alloc(Request::frames(frames_of_it)) else {
                scene.broken(format_args!("there is memory enough"))
            };
            for _ in 0..scene.dice.below(20).min(held.len() as u64) {
                let other = held.swap_remove(scene.dice.place(held.len()));
                scene.same(frames.free_frame(other), Ok(1));
            }
            scene.same(frames.free_frame(block), Ok(frames_of_it));
            let (offset, bits) =
                (scene.dice.below(frames_of_it * FRAME_SIZE), 1 + scene.dice.below(255) as u8);
            memory::turn(machine.map().pointer(block), offset as isize, bits);
            let word = PhysAddr((block.0 + offset) & !7);
            let written =
                if scene.dice.one_in(3) { watched::verify::<M>(frames).err() } else { use_up(scene, frames) };
            let Some(written) = written else { return Outcome::NOTHING };
            scene.same(written.address, word);
            scene.same(written.found ^ written.left, u64::from(bits) << (8 * (offset % 8)));
            scene.says(&written, &texts::of_written(&written));
            Outcome::at(Event::Reuse)
        })
    }
}

/// Takes all that can be had; what was told about it.
fn use_up<C: CpuLocal>(
    scene: &Scene<'_, '_, Standard>,
    frames: &FrameAllocator<'_, C>,
) -> Option<WrittenAfterFree> {
    while frames.alloc_frame().is_some() {}
    let (times, written) = told::told_of_frames();
    scene.same(times, u64::from(written.is_some()));
    // All is somebody's now, and what was written to is its keeper's.
    let (free, kept) = (frames.free().total(), frames.owners().frames(KEEPER));
    scene.same((free, kept > 0), (0, written.is_some()));
    written
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
    let (before, mut taken) = (scene.slabs().reports(), Vec::new());
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
