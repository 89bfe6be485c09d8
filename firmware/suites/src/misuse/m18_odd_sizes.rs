//! M18: sizes of zero and beyond all bounds, and alignments beyond the size: an error, or memory as it was asked for.
//!
//! That an alignment is a power of two, and a size below `isize::MAX`, `Layout` sees to.

use core::alloc::Layout;

use framekeeper::{
    AllocError, FRAME_SIZE, Order, PhysAddr, Request,
    heap::HeapError,
    slabs::{Hardening, ObjectError, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    memory,
    promises::Event,
    scene::{Piece, Scene},
};
use crate::{Machine, arena::BLOCKS};

struct OddSizes;

/// Sizes of zero and beyond all bounds, and alignments beyond the size: an error, or memory as it was asked for.
pub fn m18_odd_sizes<M: Machine>(machine: &M) {
    measure::<M, OddSizes>(machine);
}

impl Trial for OddSizes {
    const ID: &'static str = "M18";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let align = 1_usize << scene.dice.below(13);
        match scene.dice.below(3) {
            0 => as_asked(scene, 0, align),
            1 => {
                let size = scene.dice.place(align);
                as_asked(scene, size, align);
            }
            _ => too_large(scene),
        }
        Outcome::at(Event::Call)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        let (before, largest) = (scene.arena.frames.free(), Order::MAX.frames());
        let beyond = (scene.dice.next() >> scene.dice.below(44)).max(largest + 1);
        for frames in [0, largest + 1, beyond, u64::MAX] {
            let refused = scene.arena.frames.alloc(Request::frames(frames));
            scene.same(refused, Err(AllocError::BadSize { frames }));
        }
        let order = Order::new(1 + scene.dice.below(9) as u8).unwrap_or(Order::MAX);
        let address = PhysAddr(scene.free_frame().0 & !(order.bytes() - 1) | FRAME_SIZE);
        let refused = scene.arena.frames.alloc_at(address, order, BLOCKS);
        scene.same(refused, Err(AllocError::Misaligned { address }));
        let whole = scene.arena.frames.alloc(Request::order(Order::MAX));
        scene.same(matches!(whole, Err(AllocError::OutOfMemory(_))), true);
        scene.arena.frames.drain_all();
        scene.same(scene.arena.frames.free().total(), before.total());
        Outcome::at(Event::Call)
    }
}

/// It is had, aligned, and given back once.
fn as_asked<H: Hardening>(scene: &mut Scene<'_, '_, H>, size: usize, align: usize) {
    let Ok(layout) = Layout::from_size_align(size, align) else { scene.broken(format_args!("{align}")) };
    match scene.arena.heap.alloc(layout) {
        Ok(start) => {
            let piece = Piece { start, layout };
            memory::fill(start, size, 7);
            scene.same(start.as_ptr().addr() % align, 0);
            scene.same(memory::free_to_heap(scene.arena.heap, piece.start, layout), Ok(()));
        }
        Err(error) => scene.broken(format_args!("{layout:?}: {error}")),
    }
}

fn too_large<H: Hardening>(scene: &mut Scene<'_, '_, H>) {
    let (size, align) = if scene.dice.one_in(2) {
        (isize::MAX as usize - scene.dice.place(1 << 20), 1)
    } else {
        (scene.dice.place(100), 1_usize << (31 + scene.dice.below(32)))
    };
    let Ok(layout) = Layout::from_size_align(size, align) else { return };
    scene.same(scene.slabs().alloc(layout), Err(ObjectError::TooLarge { layout }));
    let refused = scene.arena.heap.alloc(layout);
    scene.same(refused, Err(HeapError::TooLarge { size, align }));
}
