//! M7, M8: given back with another size than it was asked for.

use core::alloc::Layout;

use framekeeper::slabs::{Hardening, Level, Misuse, Standard};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
    texts,
};
use crate::Machine;

struct Smaller;

struct Larger;

/// Given back as smaller than it is.
pub fn m07_smaller<M: Machine>(machine: &M) {
    measure::<M, Smaller>(machine);
}

/// Given back as larger than it is.
pub fn m08_larger<M: Machine>(machine: &M) {
    measure::<M, Larger>(machine);
}

impl Trial for Smaller {
    const ID: &'static str = "M7";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        other_size(scene, |scene, size| scene.dice.place(size))
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        other_frames(scene, |scene, frames| scene.dice.place(frames * 4096 - 4095))
    }
}

impl Trial for Larger {
    const ID: &'static str = "M8";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        // Also such as no slab has.
        other_size(scene, |scene, size| size + 1 + scene.dice.place(2 * size + 20))
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        other_frames(scene, |scene, frames| frames * 4096 + 1 + scene.dice.place(1 << 20))
    }
}

fn other_size<H: Hardening>(
    scene: &mut Scene<'_, '_, H>,
    draw: impl Fn(&mut Scene<'_, '_, H>, usize) -> usize,
) -> Outcome {
    let (piece, wrong) = loop {
        let layout = scene.layout();
        let size = draw(scene, layout.size());
        let Ok(wrong) = Layout::from_size_align(size, layout.align()) else { continue };
        if H::LEVEL >= Level::Paranoid || is_of_other_class(scene, layout, wrong) {
            break (scene.take(layout), wrong);
        }
    };
    let refused = scene.misuse(piece.start, wrong);
    let (at, size) = (piece.address(), wrong.size());
    let is_right = match refused {
        Some(Misuse::WrongPool { address, expected, found }) => {
            address == at && expected != found && is_of_other_class(scene, piece.layout, wrong)
        }
        Some(Misuse::Foreign { address, .. }) => address == at && size > 8184,
        Some(misuse) => misuse == Misuse::WrongSize { address: at, size },
        None => false,
    };
    scene.same((refused, is_right), (refused, true));
    scene.give(piece);
    Outcome::at(Event::Call)
}

fn is_of_other_class<H: Hardening>(scene: &Scene<'_, '_, H>, right: Layout, wrong: Layout) -> bool {
    wrong.size() > 8184 || scene.class(wrong) != scene.class(right)
}

fn other_frames(
    scene: &mut Scene<'_, '_, Standard>,
    draw: impl Fn(&mut Scene<'_, '_, Standard>, usize) -> usize,
) -> Outcome {
    let frames = 3 + scene.dice.place(60);
    let wrong = draw(scene, frames);
    let layouts =
        [frames * 4096, wrong].map(|size| Layout::from_size_align(size, 8).unwrap_or(Layout::new::<u8>()));
    let [layout, wrong] = layouts;
    let Ok(start) = scene.arena.heap.alloc(layout) else {
        scene.broken(format_args!("no memory for {layout:?}"))
    };
    let piece = Piece { start, layout };
    let before = scene.arena.heap.usage();
    let expected = if wrong.size() <= 8192 {
        Misuse::Foreign { address: piece.address(), found: scene.arena.frames.state(scene.physical(start)) }
    } else {
        Misuse::WrongSize { address: piece.address(), size: wrong.size() }
    };
    scene.same(memory::free_to_heap(scene.arena.heap, start, wrong), Err(expected));
    scene.says(&expected, &texts::of_misuse(&expected));
    scene.same(scene.arena.heap.usage(), before);
    scene.same(memory::free_to_heap(scene.arena.heap, start, layout), Ok(()));
    Outcome::at(Event::Call)
}
