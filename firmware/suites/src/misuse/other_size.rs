//! Given back with another size than it was asked for.

use core::alloc::Layout;

use framekeeper::slabs::{Hardening, Level, Misuse, Standard};

use super::{
    cell::Outcome,
    memory,
    promises::Event,
    scene::{Piece, Scene},
    texts,
};

/// An object is given back with the size that `draw` draws.
pub(super) fn other_size<H: Hardening>(
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

/// A block is given back with the size that `draw` draws.
pub(super) fn other_frames(
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
