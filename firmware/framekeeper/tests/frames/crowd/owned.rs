//! Who has which frame, as the test knows it. Plain atomics in every build: shuttle has nothing to schedule here.

use framekeeper::{FRAME_SIZE, Frame, Order, PhysAddr, RegionSet};
use std::{
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    vec::Vec,
};

const NOBODY: u8 = u8::MAX;

/// The owner of each frame of memory in one piece.
pub(crate) struct Owned {
    first: u64,
    owners: Vec<AtomicU8>,
}

impl Owned {
    pub(crate) fn new(ram: &RegionSet<32>) -> Self {
        let first = ram.iter().next().unwrap().start().0 / FRAME_SIZE;
        Self { first, owners: (0..ram.size() / FRAME_SIZE).map(|_| AtomicU8::new(NOBODY)).collect() }
    }

    /// Notes that a block was handed out: nobody may have had any of it.
    pub(crate) fn take(&self, start: PhysAddr, frames: u64, taker: u8) {
        self.change(start, frames, NOBODY, taker);
    }

    /// Notes that a block is about to be given back.
    pub(crate) fn give(&self, start: PhysAddr, frames: u64, taker: u8) {
        self.change(start, frames, taker, NOBODY);
    }

    pub(crate) fn assert_all_free(&self) {
        assert!(self.owners.iter().all(|owner| owner.load(Relaxed) == NOBODY));
    }

    /// Where a block of `order` could be, whoever has it.
    pub(crate) fn any_block(&self, order: Order, dice: &mut impl FnMut(u64) -> u64) -> PhysAddr {
        Frame::new(self.first + dice(self.owners.len() as u64)).align_down(order).start()
    }

    fn change(&self, start: PhysAddr, frames: u64, from: u8, to: u8) {
        let first = (start.0 / FRAME_SIZE - self.first) as usize;
        for (owner, number) in self.owners[first..first + frames as usize].iter().zip(0_u64..) {
            let changed = owner.compare_exchange(from, to, Relaxed, Relaxed);
            assert_eq!(changed, Ok(from), "frame {number} of the {frames} at {start}, for {to}");
        }
    }
}
