//! Where in an arena something lies, or nothing does.

use alloc::vec::Vec;
use core::ptr::NonNull;

use framekeeper::{
    FRAME_SIZE, PhysAddr, State,
    slabs::{DirectMap, Hardening},
};

use super::{super::memory, Piece, Scene};
use crate::{
    Regions,
    arena::{SLABS, ram},
};

impl<H: Hardening> Scene<'_, '_, H> {
    /// A frame that is free.
    pub(in crate::misuse) fn free_frame(&mut self) -> PhysAddr {
        loop {
            let address = self.frame(&ram().1);
            if matches!(self.arena.frames.state(address), State::Free { .. } | State::Cached { .. }) {
                return address;
            }
        }
    }

    /// A frame that is reserved.
    pub(in crate::misuse) fn reserved_frame(&mut self) -> PhysAddr {
        loop {
            let address = self.frame(&ram().0);
            if self.arena.frames.state(address) == State::Reserved {
                return address;
            }
        }
    }

    fn frame(&mut self, regions: &Regions) -> PhysAddr {
        let mut number = self.dice.below(regions.size() / FRAME_SIZE);
        for range in regions.iter() {
            let frames = range.size() / FRAME_SIZE;
            if number < frames {
                return PhysAddr(range.start().0 + number * FRAME_SIZE);
            }
            number -= frames;
        }
        self.broken(format_args!("RAM has fewer frames than it has"))
    }

    /// The frames that descriptors of slabs lie in.
    pub(in crate::misuse) fn descriptors(&self) -> Vec<PhysAddr> {
        let mut frames = Vec::new();
        for range in ram().1.iter() {
            let mut address = range.start();
            while address < range.end() {
                let block = match self.arena.frames.state(address) {
                    State::Allocated { frames: count, owner, .. } => {
                        let of_slabs = (owner == SLABS).then_some(0..count).into_iter().flatten();
                        frames.extend(of_slabs.map(|number| PhysAddr(address.0 + number * FRAME_SIZE)));
                        count
                    }
                    State::Free { order, .. } => order.frames(),
                    _ => 1,
                };
                address = PhysAddr(address.0 + block * FRAME_SIZE);
            }
        }
        frames
    }

    /// Whether somebody has an object of which one of these bytes is.
    pub(in crate::misuse) fn has(&self, start: NonNull<u8>, bytes: usize) -> bool {
        let start = start.as_ptr().addr();
        self.held.iter().any(|piece| {
            let own = piece.address().0;
            own < start + bytes && start < own + self.slot(piece.layout)
        })
    }

    /// Where the slab of an object begins.
    pub(in crate::misuse) fn slab_of(&self, piece: &Piece) -> NonNull<u8> {
        let bytes = self.slabs().report().of(self.class(piece.layout)).slab_size;
        let behind = piece.address().0 as u64 % bytes;
        memory::away(piece.start, -(behind as isize))
    }

    /// Where in the arena's RAM it is.
    pub(in crate::misuse) fn physical(&self, start: NonNull<u8>) -> PhysAddr {
        self.arena.window.address(start)
    }
}
