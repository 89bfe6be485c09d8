//! A zone: the free blocks of one stretch of physical memory, by the buddy method.
//!
//! A free block of order n starts at a multiple of 2^n frames. Taking a smaller one splits it in halves; giving back
//! joins a block with its buddy, the other half, whenever that is free as a whole. Which is free are bits, in two
//! [levels](crate::level): frames in areas of 2 MiB, and areas in groups of 1 GiB. An area that is free as a whole, or
//! handed out as a whole, is a matter of the upper level alone, so the work for a block does not grow with its size.
//!
//! A zone is one writer: it sits behind a lock.

use crate::{
    addr::PhysAddr,
    frame::{Frame, Order},
    level::{Taken, UNITS, WHOLE},
    map::{FrameMap, ZoneIndex, ZoneKind},
};

/// The free blocks of a stretch of memory.
#[derive(Debug)]
pub(crate) struct Zone<'a> {
    kind: ZoneKind,
    map: FrameMap<'a>,
    index: ZoneIndex<'a>,
    blocks: [u64; Order::COUNT],
    effort: Effort,
}

/// Work that was done, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Blocks taken out of a zone, or put back.
    pub moves: u64,
    /// Blocks split in halves.
    pub splits: u64,
    /// Blocks joined with their buddies.
    pub joins: u64,
}

impl<'a> Zone<'a> {
    /// A zone of which nothing is free.
    pub(crate) const fn new(kind: ZoneKind, map: FrameMap<'a>, index: ZoneIndex<'a>) -> Self {
        let effort = Effort { moves: 0, splits: 0, joins: 0 };
        Self { kind, map, index, blocks: [0; Order::COUNT], effort }
    }

    /// Takes a block of `order` out; or a larger one up to `most`, if there is one that need not be split for that.
    pub(crate) fn take(&mut self, order: Order, most: Order) -> Option<(Frame, Order)> {
        if order.number() < WHOLE_AREA {
            let most = u32::from(most.number()).min(WHOLE - 1);
            let (small, wanted) =
                (self.index.frames.take(order.number().into(), most), order.number().into());
            if let Some(taken) = small {
                return self.took_frames(taken);
            }
            let taken = self.index.areas.take(0, 0)?;
            let (area, _) = self.took_areas(taken)?;
            let node = self.open(area)?;
            let taken = self.index.frames.take_in(node, wanted, most)?;
            return self.took_frames(taken);
        }
        let order = u32::from(order.number()) - WHOLE;
        let taken = self.index.areas.take(order, order)?;
        self.took_areas(taken)
    }

    /// Takes the lowest block of `order` out, if it ends at or below `end`.
    pub(crate) fn take_below(&mut self, order: Order, end: PhysAddr) -> Option<Frame> {
        if order.number() < WHOLE_AREA {
            let (map, first_slot) = (self.map, self.index.first_slot);
            let fits = |unit: usize| ends_below(map.frame_at(first_slot + unit as u64), order, end);
            if let Some(taken) = self.index.frames.take_lowest(order.number().into(), fits) {
                return Some(self.took_frames(taken)?.0);
            }
            let area = self.take_areas_below(0, order, end)?;
            let node = self.open(area)?;
            let taken = self.index.frames.take_in(node, order.number().into(), order.number().into())?;
            return Some(self.took_frames(taken)?.0);
        }
        self.take_areas_below(u32::from(order.number()) - WHOLE, order, end)
    }

    /// Takes the block of `order` that starts at `head` out, if all of it is free.
    pub(crate) fn take_at(&mut self, head: Frame, order: Order) -> Option<()> {
        if order.number() < WHOLE_AREA {
            let area = head.align_down(Order::MIB_2);
            if let Some(taken) = self.area_unit(area).and_then(|unit| self.index.areas.take_at(unit, 0)) {
                self.took_areas(taken)?;
                self.open(area)?;
            }
            let unit = self.frame_unit(head)?;
            let taken = self.index.frames.take_at(unit, order.number().into())?;
            self.took_frames(taken).map(drop)
        } else {
            let unit = self.area_unit(head)?;
            let taken = self.index.areas.take_at(unit, u32::from(order.number()) - WHOLE)?;
            self.took_areas(taken).map(drop)
        }
    }

    /// Takes `frames` frames back, from `first` on. None of them is a head, and all are of this zone.
    pub(crate) fn give(&mut self, mut first: Frame, mut frames: u64) {
        if frames == 1 {
            return self.give_block(first, Order::FRAME);
        }
        while let Some(order) = first.largest_block(frames) {
            self.give_block(first, order);
            first = first.plus(order.frames());
            frames -= order.frames();
        }
    }

    /// How many blocks of `order` are free.
    pub(crate) fn free_blocks(&self, order: Order) -> u64 {
        self.blocks.get(order.index()).copied().unwrap_or(0)
    }

    /// How many frames are free.
    pub(crate) fn free_frames(&self) -> u64 {
        Order::all().map(|order| self.free_blocks(order) * order.frames()).sum()
    }

    /// The order of the largest free block.
    pub(crate) fn largest(&self) -> Option<Order> {
        let number = match self.index.areas.largest() {
            Some(order) => Some(order + WHOLE),
            None => self.index.frames.largest(),
        };
        number.and_then(order_of)
    }

    /// The work done so far.
    pub(crate) const fn effort(&self) -> Effort {
        self.effort
    }

    pub(crate) const fn kind(&self) -> ZoneKind {
        self.kind
    }

    pub(crate) const fn map(&self) -> FrameMap<'a> {
        self.map
    }

    pub(crate) const fn index(&self) -> &ZoneIndex<'a> {
        &self.index
    }

    #[cfg(test)]
    pub(crate) fn blocks_mut(&mut self) -> &mut [u64; Order::COUNT] {
        &mut self.blocks
    }

    #[cfg(test)]
    pub(crate) fn index_mut(&mut self) -> [&mut crate::level::Level<'a>; 2] {
        [&mut self.index.frames, &mut self.index.areas]
    }

    /// Makes an area that was taken a matter of the lower level: its node there, all of which is free now.
    fn open(&mut self, area: Frame) -> Option<usize> {
        let node = self.frame_unit(area)? / UNITS;
        self.index.frames.fill(node);
        self.change(Order::MIB_2, |count| count.wrapping_add(1));
        Some(node)
    }

    fn take_areas_below(&mut self, in_areas: u32, order: Order, end: PhysAddr) -> Option<Frame> {
        let (map, first_area) = (self.map, self.index.first_area);
        let fits = |unit: usize| ends_below(map.frame_of_area(first_area + unit as u64), order, end);
        let taken = self.index.areas.take_lowest(in_areas, fits)?;
        Some(self.took_areas(taken)?.0)
    }

    fn give_block(&mut self, head: Frame, order: Order) {
        let mut given = order;
        if order.number() < WHOLE_AREA {
            let Some(unit) = self.frame_unit(head) else { return };
            let joined = self.index.frames.give(unit, order.number().into());
            given = order_of(joined).unwrap_or(order);
            if joined == WHOLE {
                self.index.frames.clear(unit / UNITS);
            }
        }
        if given >= Order::MIB_2 {
            let Some(unit) = self.area_unit(head) else { return };
            let joined = self.index.areas.give(unit, u32::from(given.number()) - WHOLE);
            given = order_of(joined + WHOLE).unwrap_or(given);
        }
        self.count_joined(order, given);
    }

    fn took_frames(&mut self, taken: Taken) -> Option<(Frame, Order)> {
        self.count_cut(order_of(taken.from)?, order_of(taken.order)?);
        Some((self.map.frame_at(self.index.first_slot + taken.unit as u64)?, order_of(taken.order)?))
    }

    fn took_areas(&mut self, taken: Taken) -> Option<(Frame, Order)> {
        self.count_cut(order_of(taken.from + WHOLE)?, order_of(taken.order + WHOLE)?);
        Some((
            self.map.frame_of_area(self.index.first_area + taken.unit as u64)?,
            order_of(taken.order + WHOLE)?,
        ))
    }

    /// Where a frame is on the lower level.
    fn frame_unit(&self, frame: Frame) -> Option<usize> {
        usize::try_from(u64::from(self.map.slot(frame)?.number()).checked_sub(self.index.first_slot)?).ok()
    }

    /// Where an area is on the upper level.
    fn area_unit(&self, frame: Frame) -> Option<usize> {
        usize::try_from(self.map.area(frame)?.checked_sub(self.index.first_area)?).ok()
    }

    /// Of a block of order `from` one of `order` is cut out.
    fn count_cut(&mut self, from: Order, order: Order) {
        self.change(from, |count| count.wrapping_sub(1));
        let halves = self.blocks.get_mut(order.index()..from.index()).unwrap_or_default();
        halves.iter_mut().for_each(|count| *count = count.wrapping_add(1));
        self.effort.moves += 1;
        self.effort.splits += u64::from(from.number() - order.number());
    }

    /// A block of `order` came and is now part of one of order `to`.
    fn count_joined(&mut self, order: Order, to: Order) {
        let halves = self.blocks.get_mut(order.index()..to.index()).unwrap_or_default();
        halves.iter_mut().for_each(|count| *count = count.wrapping_sub(1));
        self.change(to, |count| count.wrapping_add(1));
        self.effort.moves += 1;
        self.effort.joins += u64::from(to.number() - order.number());
    }

    fn change(&mut self, order: Order, change: impl FnOnce(u64) -> u64) {
        if let Some(count) = self.blocks.get_mut(order.index()) {
            *count = change(*count);
        }
    }
}

/// The order of an area.
const WHOLE_AREA: u8 = Order::MIB_2.number();

fn order_of(number: u32) -> Option<Order> {
    u8::try_from(number).ok().and_then(Order::new)
}

fn ends_below(head: Option<Frame>, order: Order, end: PhysAddr) -> bool {
    head.is_some_and(|head| head.plus(order.frames()).start() <= end)
}
