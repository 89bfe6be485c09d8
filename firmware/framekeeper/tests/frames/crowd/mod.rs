//! Many cores that use one allocator at once, by random operations.
//!
//! Who has which frame the test itself keeps, in [`Owned`]: a frame that is handed out while somebody has it is found at
//! that moment, whatever the allocator believes.
//!
//! This is compiled for the machine's threads (`tests/frames/threads.rs`) and for shuttle's (`src/models/schedules.rs`):
//! the parent module says which `Mutex` and `thread_local` are meant.

pub(crate) mod cores;
mod owned;

pub(crate) use cores::{Cores, in_handler, on_core};
pub(crate) use owned::Owned;

use framekeeper::{
    AllocError, CpuLocal, FrameAllocator, Order, Owner, PhysAddr, PhysRange, RegionSet, Request,
};
use std::vec::Vec;

/// The border between the zones, in the middle of the memory that a crowd shares.
const BORDER: u64 = 4 << 30;

/// Memory of so many bytes on each side of the border, in one piece.
pub(crate) fn ram_around_the_border(each_side: u64) -> RegionSet<32> {
    let mut ram = RegionSet::new();
    ram.add(PhysRange::new(PhysAddr(BORDER - each_side), PhysAddr(BORDER + each_side))).unwrap();
    ram
}

/// A block, and for whom it was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    start: PhysAddr,
    frames: u64,
    taker: u8,
}

/// What happened, counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) taken: u64,
    pub(crate) given: u64,
    pub(crate) short: u64,
    pub(crate) busy: u64,
}

impl Tally {
    pub(crate) const NONE: Self = Self { taken: 0, given: 0, short: 0, busy: 0 };
}

impl core::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.taken += other.taken;
        self.given += other.given;
        self.short += other.short;
        self.busy += other.busy;
    }
}

/// What a crowd has in common.
pub(crate) struct Ground<'g, 'a, C> {
    pub(crate) frames: &'g FrameAllocator<'a, C>,
    pub(crate) owned: &'g Owned,
    /// Blocks that wait for anybody to give them back: most frames are freed by another core than took them.
    pub(crate) shelf: &'g std::sync::Mutex<Vec<Block>>,
}

impl<C: CpuLocal> Ground<'_, '_, C> {
    /// Does so many operations as core `me`, then gives back what it still has. `dice` throws a number below the one it
    /// is given.
    pub(crate) fn work(&self, me: u8, operations: u32, dice: impl FnMut(u64) -> u64) -> Tally {
        on_core(me);
        let mut worker = Worker { ground: self, me, held: Vec::new(), tally: Tally::NONE, dice };
        for _ in 0..operations {
            worker.step();
        }
        let held = core::mem::take(&mut worker.held);
        held.into_iter().for_each(|block| worker.give(block));
        worker.tally
    }

    /// Once all are done: everything comes back, and nothing is damaged.
    pub(crate) fn finish(&self, before: &framekeeper::Free) {
        on_core(0);
        for block in core::mem::take(&mut *self.shelf.lock().unwrap()) {
            self.owned.give(block.start, block.frames, block.taker);
            assert_eq!(self.frames.free_frame(block.start), Ok(block.frames));
        }
        assert!(self.frames.drain_all());
        assert_eq!(self.frames.verify(), Ok(()));
        assert_eq!(self.frames.free(), *before);
        self.owned.assert_all_free();
    }
}

struct Worker<'w, 'g, 'a, C, D> {
    ground: &'w Ground<'g, 'a, C>,
    me: u8,
    held: Vec<Block>,
    tally: Tally,
    dice: D,
}

impl<C: CpuLocal, D: FnMut(u64) -> u64> Worker<'_, '_, '_, C, D> {
    fn step(&mut self) {
        let handler = (self.dice)(8) == 0;
        if handler {
            in_handler();
        }
        match (self.dice)(16) {
            0..=4 => self.take(Request::order(Order::FRAME)),
            5 => {
                let order = self.order(10);
                self.take(Request::order(order));
            }
            6 => {
                let frames = 1 + (self.dice)(600);
                self.take(Request::frames(frames));
            }
            7 => {
                let order = self.order(4);
                self.take(Request::order(order).dma32());
            }
            8 => self.take_bulk(),
            9 => self.take_at(),
            10..=13 => self.give_any(),
            14 => self.pass_on(),
            _ => self.drain(),
        }
        if handler {
            on_core(self.me);
        }
    }

    fn order(&mut self, below: u64) -> Order {
        Order::all().nth((self.dice)(below) as usize).unwrap()
    }

    fn take(&mut self, request: Request) {
        let request = request.owned_by(Owner::new(self.me));
        match self.ground.frames.alloc(request) {
            Ok(start) => {
                let frames = self.size(start);
                self.took(start, frames);
            }
            Err(AllocError::OutOfMemory(_)) => self.tally.short += 1,
            Err(AllocError::Busy) => self.tally.busy += 1,
            Err(error) => panic!("{error}"),
        }
    }

    /// What the map says of a block that this core has.
    fn size(&self, start: PhysAddr) -> u64 {
        match self.ground.frames.state(start) {
            framekeeper::State::Allocated { head, frames, owner } => {
                assert_eq!((head.start(), owner), (start, Owner::new(self.me)));
                frames
            }
            state => panic!("{start} was just handed out and is {state}"),
        }
    }

    fn take_bulk(&mut self) {
        let order = self.order(2);
        let mut places = [PhysAddr(0); 12];
        let filled = self.ground.frames.alloc_bulk(order, Owner::new(self.me), &mut places);
        places[..filled].iter().for_each(|&start| self.took(start, order.frames()));
    }

    fn take_at(&mut self) {
        let order = self.order(4);
        let start = self.ground.owned.any_block(order, &mut self.dice);
        match self.ground.frames.alloc_at(start, order, Owner::new(self.me)) {
            Ok(taken) => {
                assert_eq!(taken, start);
                self.took(start, order.frames());
            }
            Err(AllocError::NotFree { .. } | AllocError::Busy) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn took(&mut self, start: PhysAddr, frames: u64) {
        self.ground.owned.take(start, frames, self.me);
        self.held.push(Block { start, frames, taker: self.me });
        self.tally.taken += 1;
    }

    fn give_any(&mut self) {
        if let Some(block) = self.any_held() {
            self.give(block);
        }
    }

    fn any_held(&mut self) -> Option<Block> {
        let count = self.held.len() as u64;
        (count > 0).then(|| self.held.swap_remove((self.dice)(count) as usize))
    }

    fn give(&mut self, block: Block) {
        self.ground.owned.give(block.start, block.frames, block.taker);
        assert_eq!(self.ground.frames.free_frame(block.start), Ok(block.frames), "{block:?}");
        self.tally.given += 1;
    }

    /// Lays a block on the shelf and gives back one that another core may have laid there.
    fn pass_on(&mut self) {
        let laid = self.any_held();
        let mut shelf = self.ground.shelf.lock().unwrap();
        shelf.extend(laid);
        let count = shelf.len() as u64;
        let block = (count > 0).then(|| shelf.swap_remove((self.dice)(count) as usize));
        drop(shelf);
        block.into_iter().for_each(|block| self.give(block));
    }

    fn drain(&mut self) {
        if (self.dice)(4) == 0 {
            self.ground.frames.drain_all();
        } else {
            self.ground.frames.drain();
        }
    }
}
