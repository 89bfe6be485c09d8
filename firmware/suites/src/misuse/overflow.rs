//! Written on behind an object's end.

use framekeeper::slabs::{Hardening, Misuse, SlabFault};

use super::{
    cell::Outcome,
    memory,
    promises::Event,
    scene::{Piece, Scene},
};

/// An object behind whose slot there are so many bytes of its slab. The next slot is somebody's, or free.
pub(super) fn take_with_room<H: Hardening>(scene: &mut Scene<'_, '_, H>, bytes: usize) -> Piece {
    let mut taken = alloc::vec::Vec::new();
    loop {
        let piece = scene.take_any();
        let slab = scene.slabs().report().of(scene.class(piece.layout)).slab_size as usize;
        let behind =
            piece.start.as_ptr().addr() - scene.slab_of(&piece).as_ptr().addr() + scene.slot(piece.layout);
        if behind + bytes <= slab {
            taken.into_iter().for_each(|other| scene.give(other));
            return piece;
        }
        // What is given back at once would come next again.
        taken.push(piece);
    }
}

/// What lies between the object's end and this one is overwritten, and the object is given back.
pub(super) fn overflow<H: Hardening>(scene: &mut Scene<'_, '_, H>, piece: Piece, end: usize) -> Outcome {
    let (size, slot) = (piece.layout.size(), scene.slot(piece.layout));
    let bits = 1 + scene.dice.below(255) as u8;
    memory::turn_all(piece.start, size as isize..end as isize, bits);
    if let Some(misuse) = scene.misuse(piece.start, piece.layout) {
        scene.same(misuse, Misuse::WrittenBehind { address: piece.address(), size });
        memory::turn_all(piece.start, size as isize..end as isize, bits);
        scene.give(piece);
        return Outcome::at(Event::Return);
    }
    // It is free now, and what it had is the allocator's. What others have, or had, is still overwritten.
    let found = scene.slabs().verify();
    memory::turn_all(piece.start, slot as isize..end as isize, bits);
    match found {
        Err(SlabFault::Written { object, .. }) if object != piece.address() => Outcome::at(Event::Verify),
        found => {
            scene.same(found, Ok(()));
            Outcome::NOTHING
        }
    }
}
