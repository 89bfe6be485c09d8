//! A worker that takes and gives blocks of frames.

use alloc::vec::Vec;

use framekeeper::{
    AllocError, CpuLocal, FRAME_SIZE, FrameAllocator, Order, Owner, PhysAddr, Request, ResizeError,
    slabs::DirectMap,
};

use super::{Broken, Place, Refusals};
use crate::{
    Dice,
    tags::{self, Tag},
};

/// The most blocks that a worker has.
const ROOM: usize = 256;
/// The most orders that it asks for.
const ORDERS: u64 = 10;
/// How seldom a block is asked for by its address: all other cores are held for it, since it may lie in their caches.
const RARE: u64 = 16;
/// Where the lower zone ends.
const LOW_END: u64 = 4 << 30;

/// A block, as its owner knows it.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: PhysAddr,
    frames: u64,
    tag: Tag,
}

/// The worker.
#[derive(Debug)]
pub struct Blocks<'f, 'a, C, M> {
    frames: &'f FrameAllocator<'a, C>,
    map: M,
    me: Owner,
    place: Place,
    refusals: Refusals,
    dice: Dice,
    held: Vec<Block>,
    taken: u64,
    steps: u64,
}

impl<'f, 'a, C: CpuLocal, M: DirectMap> Blocks<'f, 'a, C, M> {
    /// One that has nothing yet.
    pub fn new(frames: &'f FrameAllocator<'a, C>, map: M, me: Owner, place: Place, dice: Dice) -> Self {
        let held = Vec::with_capacity(ROOM);
        Self { frames, map, me, place, refusals: Refusals::None, dice, held, taken: 0, steps: 0 }
    }

    /// The same one, which takes these refusals as it takes a shortage.
    #[must_use]
    pub fn refused(self, refusals: Refusals) -> Self {
        Self { refusals, ..self }
    }

    /// One operation.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn step(&mut self) -> Result<(), Broken> {
        self.steps += 1;
        if self.held.len() + 16 > ROOM {
            return self.give_any();
        }
        match self.dice.below(16) {
            0..=4 => self.take(Request::order(Order::FRAME)),
            5 | 6 => {
                let order = self.order(ORDERS);
                self.take(Request::order(order))
            }
            7 => {
                let frames = 1 + self.dice.below(700);
                self.take(Request::frames(frames))
            }
            8 => {
                let order = self.order(5);
                self.take(Request::order(order).dma32())
            }
            9 => self.take_many(),
            10 if self.dice.one_in(RARE) => self.take_at(),
            11 => self.resize_any(),
            _ => self.give_any(),
        }
    }

    /// Gives back all that it has.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn give_all(&mut self) -> Result<(), Broken> {
        while let Some(block) = self.held.pop() {
            self.give(block)?;
        }
        super::something_was_handed_out(self.refusals, self.steps, self.taken)
    }

    fn order(&mut self, below: u64) -> Order {
        Order::new(self.dice.below(below) as u8).unwrap_or_default()
    }

    fn take(&mut self, request: Request) -> Result<(), Broken> {
        match self.frames.alloc(request.owned_by(self.me)) {
            Ok(start) => {
                let frames = self.size(start)?;
                if request == request.dma32() && start.0 + frames * FRAME_SIZE > LOW_END {
                    return Err(Broken::Misplaced { block: start, frames, why: "above the limit" });
                }
                self.took(start, frames)
            }
            Err(AllocError::OutOfMemory(_)) => Ok(()),
            Err(error) => self.unless_expected(error),
        }
    }

    fn unless_expected(&self, error: AllocError) -> Result<(), Broken> {
        match error {
            AllocError::Busy if self.place == Place::Handler => Ok(()),
            AllocError::Refused(asked) if self.refusals.include(&asked) => Ok(()),
            error => Err(Broken::NoBlock(error)),
        }
    }

    /// What the map says of a block that was just handed out.
    fn size(&self, block: PhysAddr) -> Result<u64, Broken> {
        match self.frames.state(block) {
            framekeeper::State::Allocated { head, frames, owner }
                if head.start() == block && owner == self.me =>
            {
                Ok(frames)
            }
            _ => Err(Broken::Misplaced { block, frames: 0, why: "not known to be allocated" }),
        }
    }

    fn take_many(&mut self) -> Result<(), Broken> {
        let order = self.order(2);
        let mut places = [PhysAddr(0); 12];
        let filled = self.frames.alloc_bulk(order, self.me, &mut places);
        places.iter().take(filled).try_for_each(|&start| self.took(start, order.frames()))
    }

    /// Asks for a block beside one that it has.
    fn take_at(&mut self) -> Result<(), Broken> {
        let order = self.order(4);
        let place = self.dice.place(self.held.len().max(1));
        let Some(near) = self.held.get(place) else { return Ok(()) };
        let wanted = PhysAddr(near.start.0.wrapping_add(order.bytes())).align_down(order.bytes());
        match self.frames.alloc_at(wanted, order, self.me) {
            Ok(start) if start == wanted => self.took(start, order.frames()),
            Ok(block) => Err(Broken::Misplaced { block, frames: order.frames(), why: "elsewhere" }),
            Err(AllocError::NotFree { .. }) => Ok(()),
            Err(error) => self.unless_expected(error),
        }
    }

    fn took(&mut self, start: PhysAddr, frames: u64) -> Result<(), Broken> {
        let block = Block { start, frames, tag: Tag::of(self.me.number(), self.taken) };
        tags::tag(self.map.pointer(start), (frames * FRAME_SIZE) as usize, block.tag)?;
        self.held.push(block);
        self.taken += 1;
        Ok(())
    }

    fn resize_any(&mut self) -> Result<(), Broken> {
        let Some(block) = self.any() else { return Ok(()) };
        let wanted = 1 + self.dice.below(2 * block.frames);
        self.untag(block)?;
        let frames = match self.frames.resize(block.start, wanted) {
            Ok(before) if before == block.frames => wanted,
            Ok(given) => return Err(Broken::WrongSize { block: block.start, frames: block.frames, given }),
            Err(ResizeError::NotFree { .. } | ResizeError::Misaligned { .. }) => block.frames,
            Err(ResizeError::Busy) if self.place == Place::Handler => block.frames,
            Err(ResizeError::Refused(asked)) if self.refusals.include(&asked) => block.frames,
            Err(error) => return Err(Broken::NotResized(error)),
        };
        if self.size(block.start)? != frames {
            return Err(Broken::Misplaced { block: block.start, frames, why: "of another size" });
        }
        self.took(block.start, frames)
    }

    fn give_any(&mut self) -> Result<(), Broken> {
        self.any().map_or(Ok(()), |block| self.give(block))
    }

    fn any(&mut self) -> Option<Block> {
        let count = self.held.len();
        (count > 0).then(|| self.held.swap_remove(self.dice.place(count)))
    }

    fn give(&mut self, block: Block) -> Result<(), Broken> {
        self.untag(block)?;
        let given = self.frames.free_frame(block.start).map_err(Broken::NotTaken)?;
        let Block { start, frames, .. } = block;
        if given == frames { Ok(()) } else { Err(Broken::WrongSize { block: start, frames, given }) }
    }

    fn untag(&self, block: Block) -> Result<(), Broken> {
        let bytes = (block.frames * FRAME_SIZE) as usize;
        Ok(tags::untag(self.map.pointer(block.start), bytes, block.tag)?)
    }
}
