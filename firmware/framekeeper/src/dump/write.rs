//! Writing a dump: without memory, without a lock, and without waiting.

use super::{Block, FRAMES, MAGIC, VERSION, control, kind};
use crate::{
    allocator::FrameAllocator,
    cpu::CpuLocal,
    frame::{Frame, Order},
};

/// Bytes that are gathered before they are handed out.
const GATHERED: usize = 128;

impl<C> FrameAllocator<'_, C>
where
    C: CpuLocal,
{
    /// Writes the whole map, piece by piece; [`Dump`](super::Dump) reads it. Wait-free, also for a panic handler. Where
    /// other cores go on meanwhile, the dump is of no one moment.
    pub fn dump(&self, out: impl FnMut(&[u8])) {
        let map = self.map();
        let mut writer = Writer::new(out);
        for (first, end) in map.sections() {
            let mut next = writer.next.max(first);
            while next < end {
                let block = Block::starting_at(next, map.state(next.start()), map.pending_frames(next));
                writer.block(next, block);
                next = writer.next;
            }
        }
        writer.end();
    }
}

/// Blocks to bytes.
pub(super) struct Writer<F> {
    out: F,
    gathered: [u8; GATHERED],
    filled: usize,
    /// The last block, and how often it came.
    last: Option<(Block, u64)>,
    /// The frame behind it.
    next: Frame,
    /// The owner or core that a reader believes the next block to be of.
    who: u8,
}

impl<F: FnMut(&[u8])> Writer<F> {
    pub(super) fn new(out: F) -> Self {
        let mut writer =
            Self { out, gathered: [0; GATHERED], filled: 0, last: None, next: Frame::new(0), who: 0 };
        MAGIC.iter().for_each(|&byte| writer.byte(byte));
        writer.byte(VERSION);
        writer
    }

    /// Adds the block at `first`, which is not below what came before.
    pub(super) fn block(&mut self, first: Frame, block: Block) {
        let gap = first.number().wrapping_sub(self.next.number());
        self.next = first.plus(block.frames());
        match &mut self.last {
            Some((last, count)) if *last == block && gap == 0 => *count += 1,
            _ => {
                self.finish_last();
                if gap > 0 {
                    self.control(control::GAP);
                    self.number(gap);
                }
                self.last = Some((block, 1));
            }
        }
    }

    pub(super) fn end(mut self) {
        self.finish_last();
        self.control(control::END);
        self.hand_out();
    }

    fn finish_last(&mut self) {
        let Some((block, count)) = self.last.take() else { return };
        self.one(block);
        let Some(more) = count.checked_sub(2) else { return };
        match u8::try_from(more) {
            Ok(more) if more < control::MOST_AGAIN => self.control(more),
            _ => {
                self.control(control::AGAIN);
                self.number(count - 1);
            }
        }
    }

    fn one(&mut self, block: Block) {
        match block {
            Block::Hole => self.tag(kind::HOLE, 0),
            Block::Reserved => self.tag(kind::RESERVED, 0),
            Block::Free { order } => self.tag(kind::FREE, order.number()),
            Block::Cached { order, core } => {
                self.of(core.number());
                self.tag(kind::CACHED, order.number());
            }
            Block::Allocated { frames, owner } => {
                self.of(owner.number());
                self.sized(kind::ALLOCATED, frames);
            }
            Block::Pending { frames } => self.sized(kind::PENDING, frames),
            Block::Changing { frames } => {
                self.tag(kind::ODD, 0);
                self.number(frames);
            }
            Block::Slab { pool } => {
                self.tag(kind::ODD, 2);
                self.number(pool.number().into());
            }
            Block::Damaged { word } => {
                self.tag(kind::ODD, 1);
                self.number(word.into());
            }
        }
    }

    fn of(&mut self, who: u8) {
        if who != self.who {
            self.control(control::WHO);
            self.byte(who);
            self.who = who;
        }
    }

    fn sized(&mut self, kind: u8, frames: u64) {
        match Order::holding(frames).filter(|order| order.frames() == frames) {
            Some(order) => self.tag(kind, order.number()),
            None => {
                self.tag(kind, FRAMES);
                self.number(frames);
            }
        }
    }

    fn control(&mut self, control: u8) {
        self.tag(kind::CONTROL, control);
    }

    fn tag(&mut self, kind: u8, low: u8) {
        self.byte(kind << 5 | low);
    }

    fn number(&mut self, mut number: u64) {
        loop {
            let [low, ..] = number.to_le_bytes();
            number >>= 7;
            if number == 0 {
                return self.byte(low & 0x7f);
            }
            self.byte(low | 0x80);
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.filled == GATHERED {
            self.hand_out();
        }
        if let Some(place) = self.gathered.get_mut(self.filled) {
            *place = byte;
            self.filled += 1;
        }
    }

    fn hand_out(&mut self) {
        if let Some(bytes) = self.gathered.get(..self.filled).filter(|bytes| !bytes.is_empty()) {
            (self.out)(bytes);
        }
        self.filled = 0;
    }
}
