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
    entry::Entry,
    frame::{Frame, Order},
    level::{self, UNITS, WHOLE},
    map::{FrameMap, ZoneIndex, ZoneKind},
};

/// The free blocks of a stretch of memory.
#[derive(Debug)]
pub(crate) struct Zone<'a> {
    kind: ZoneKind,
    map: FrameMap<'a>,
    index: ZoneIndex<'a>,
    taken: Tally,
    given: Tally,
}

/// Blocks that were taken, or given, counted twice: by their own order, and by that of the free block that they were
/// cut from, or became part of. All else that is to be known follows from that, so each costs two additions.
#[derive(Debug)]
struct Tally {
    own: [u64; Order::COUNT],
    around: [u64; Order::COUNT],
}

/// Blocks that were taken: all of one order, in one area.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    first: Entry,
    /// Where blocks start, as bits counted from the first.
    starts: u64,
    order: u32,
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
        Self { kind, map, index, taken: Tally::new(), given: Tally::new() }
    }

    /// Takes a block of `order` out; and while at it more, together up to `wanted` times as much, if none need be split
    /// for that.
    pub(crate) fn take(&mut self, order: Order, wanted: u32) -> Option<Taken> {
        let number = u32::from(order.number());
        if number >= WHOLE {
            return Taken::one(self.take_areas(number - WHOLE)?, number);
        }
        match self.index.frames.take(number, wanted) {
            Some(taken) => self.took_frames(taken),
            None => self.take_from_new_area(number, wanted),
        }
    }

    /// Takes the lowest block of `order` out, if it ends at or below `end`.
    pub(crate) fn take_below(&mut self, order: Order, end: PhysAddr) -> Option<Entry> {
        let number = u32::from(order.number());
        if number < WHOLE {
            let (map, first_slot) = (self.map, self.index.first_slot);
            let fits = |unit: usize| ends_below(map.frame_at(first_slot + unit as u64), order, end);
            if let Some(taken) = self.index.frames.take_lowest(number, fits) {
                return Some(self.took_frames(taken)?.first);
            }
            let area = self.take_areas_below(0, order, end)?;
            let node = self.open(area)?;
            let taken = self.index.frames.take_in(node, number, 1)?;
            return Some(self.took_frames(taken)?.first);
        }
        let area = self.take_areas_below(number - WHOLE, order, end)?;
        self.entry(area)
    }

    /// Takes the block of `order` that starts at `head` out, if all of it is free.
    pub(crate) fn take_at(&mut self, head: Frame, order: Order) -> Option<()> {
        let number = u32::from(order.number());
        if number < WHOLE {
            let area = head.align_down(Order::MIB_2);
            if let Some(taken) = self.area_unit(area).and_then(|unit| self.index.areas.take_at(unit, 0)) {
                self.took_areas(taken)?;
                self.open(area)?;
            }
            let unit = self.frame_unit(self.entry(head)?);
            let taken = self.index.frames.take_at(unit, number)?;
            self.took_frames(taken).map(drop)
        } else {
            let unit = self.area_unit(head)?;
            let taken = self.index.areas.take_at(unit, number - WHOLE)?;
            self.took_areas(taken).map(drop)
        }
    }

    /// Takes `frames` frames back, from `first` on. None of them is a head, and all are of this zone.
    #[inline]
    pub(crate) fn give(&mut self, mut first: Entry, mut frames: u64) {
        if frames == 1 {
            return self.give_block(first, Order::FRAME);
        }
        while let Some(order) = first.frame().largest_block(frames) {
            self.give_block(first, order);
            first = first.plus(order.frames());
            frames -= order.frames();
        }
    }

    /// How many blocks of `order` are free.
    pub(crate) fn free_blocks(&self, order: Order) -> u64 {
        let (given, taken) = (&self.given, &self.taken);
        // What came, and did not become part of something larger; and halves of what was cut up.
        let came = given.at(order).wrapping_sub(given.passed(order));
        came.wrapping_sub(taken.at(order)).wrapping_add(taken.passed(order))
    }

    /// Whether no counter has its highest bit set: nobody counts so far, and [`Self::free_blocks`] takes some of them
    /// twice, so that it would not see it.
    pub(crate) fn is_within_counts(&self) -> bool {
        let counters = [&self.taken.own, &self.taken.around, &self.given.own, &self.given.around];
        counters.into_iter().flatten().all(|&count| count < 1 << 63)
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
        u8::try_from(number?).ok().and_then(Order::new)
    }

    /// The work done so far.
    pub(crate) fn effort(&self) -> Effort {
        Effort {
            moves: self.given.blocks().wrapping_add(self.taken.blocks()),
            splits: self.taken.steps(),
            joins: self.given.steps(),
        }
    }

    pub(crate) const fn kind(&self) -> ZoneKind {
        self.kind
    }

    pub(crate) const fn index(&self) -> &ZoneIndex<'a> {
        &self.index
    }

    #[cfg(test)]
    pub(crate) fn counters_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        let (taken, given) = (&mut self.taken, &mut self.given);
        [&mut taken.own, &mut taken.around, &mut given.own, &mut given.around].into_iter().flatten()
    }

    #[cfg(test)]
    pub(crate) fn index_mut(&mut self) -> [&mut level::Level<'a>; 2] {
        [&mut self.index.frames, &mut self.index.areas]
    }

    #[cold]
    fn take_from_new_area(&mut self, number: u32, wanted: u32) -> Option<Taken> {
        let area = self.take_areas(0)?;
        let node = self.move_down(area);
        let taken = self.index.frames.take_first(node, number, wanted)?;
        self.took_frames(taken)
    }

    /// Makes an area that was taken a matter of the lower level, all of it free.
    fn open(&mut self, area: Frame) -> Option<usize> {
        let node = self.move_down(self.entry(area)?);
        self.index.frames.fill(node);
        Some(node)
    }

    /// The node of an area that was taken and is to be a matter of the lower level. It has not left the zone.
    fn move_down(&mut self, area: Entry) -> usize {
        self.taken.add(WHOLE, WHOLE, 1_u64.wrapping_neg());
        self.frame_unit(area) / UNITS
    }

    fn take_areas(&mut self, in_areas: u32) -> Option<Entry> {
        let taken = self.index.areas.take(in_areas, 1)?;
        let area = self.took_areas(taken)?;
        self.entry(area)
    }

    fn take_areas_below(&mut self, in_areas: u32, order: Order, end: PhysAddr) -> Option<Frame> {
        let (map, first_area) = (self.map, self.index.first_area);
        let fits = |unit: usize| ends_below(map.frame_of_area(first_area + unit as u64), order, end);
        let taken = self.index.areas.take_lowest(in_areas, fits)?;
        self.took_areas(taken)
    }

    #[inline]
    fn give_block(&mut self, head: Entry, order: Order) {
        let number = u32::from(order.number());
        let mut joined = number;
        if number < WHOLE {
            joined = self.index.frames.give_part(self.frame_unit(head), number);
        }
        if joined >= WHOLE {
            joined = self.give_areas(head.frame(), joined - WHOLE).unwrap_or(joined);
        }
        self.given.add(number, joined, 1);
    }

    #[cold]
    fn give_areas(&mut self, head: Frame, order: u32) -> Option<u32> {
        let unit = self.area_unit(head)?;
        Some(self.index.areas.give(unit, order) + WHOLE)
    }

    #[inline]
    fn took_frames(&mut self, taken: level::Taken) -> Option<Taken> {
        let level::Taken { unit, starts, order, from } = taken;
        self.taken.add(order, from, starts.count_ones().into());
        let slot = self.index.first_slot + unit as u64;
        let first = Entry::new(self.map.frame_at(slot)?, slot);
        Some(Taken { first, starts, order })
    }

    fn took_areas(&mut self, taken: level::Taken) -> Option<Frame> {
        self.taken.add(taken.order + WHOLE, taken.from + WHOLE, 1);
        self.map.frame_of_area(self.index.first_area + taken.unit as u64)
    }

    fn entry(&self, frame: Frame) -> Option<Entry> {
        Some(self.map.find(frame)?.0)
    }

    /// Where a frame is on the lower level. One that is not of this zone is nowhere there.
    #[inline]
    fn frame_unit(&self, head: Entry) -> usize {
        usize::try_from(head.slot_number().wrapping_sub(self.index.first_slot)).unwrap_or(usize::MAX)
    }

    /// Where an area is on the upper level.
    fn area_unit(&self, frame: Frame) -> Option<usize> {
        usize::try_from(self.map.area(frame)?.checked_sub(self.index.first_area)?).ok()
    }
}

impl Tally {
    const fn new() -> Self {
        Self { own: [0; Order::COUNT], around: [0; Order::COUNT] }
    }

    #[inline]
    fn add(&mut self, own: u32, around: u32, count: u64) {
        for (counts, order) in [(&mut self.own, own), (&mut self.around, around)] {
            counts.get_mut(order as usize).into_iter().for_each(|sum| *sum = sum.wrapping_add(count));
        }
    }

    /// How many there were of which the block around was of `order`.
    fn at(&self, order: Order) -> u64 {
        self.around.get(order.index()).copied().unwrap_or(0)
    }

    /// How many there were of at most `order` of which the block around was larger than that.
    fn passed(&self, order: Order) -> u64 {
        let up_to = |counts: &[u64]| counts.iter().take(order.index() + 1).fold(0, |a, &b| b.wrapping_add(a));
        up_to(&self.own).wrapping_sub(up_to(&self.around))
    }

    fn blocks(&self) -> u64 {
        self.own.iter().fold(0, |sum, &count| count.wrapping_add(sum))
    }

    /// How often they were halved or joined, all together.
    fn steps(&self) -> u64 {
        let orders = |counts: &[u64]| {
            (0..).zip(counts).fold(0_u64, |sum, (order, count)| count.wrapping_mul(order).wrapping_add(sum))
        };
        orders(&self.around).wrapping_sub(orders(&self.own))
    }
}

impl Taken {
    fn one(first: Entry, order: u32) -> Option<Self> {
        Some(Self { first, starts: 1, order })
    }

    /// The first frame of the first.
    pub(crate) const fn first(self) -> Entry {
        self.first
    }

    /// The blocks of `order` in them, from the last to the first.
    #[inline]
    pub(crate) fn blocks_down(mut self, order: Order) -> impl Iterator<Item = Entry> {
        let mut left = 0;
        let mut end = self.first;
        core::iter::from_fn(move || {
            if left == 0 {
                let start = 63_u32.checked_sub(self.starts.leading_zeros())?;
                self.starts ^= 1 << start;
                end = self.first.plus(u64::from(start) + (1 << self.order));
                left = 1_u32 << (self.order - u32::from(order.number()));
            }
            left -= 1;
            end = end.minus(order.frames());
            Some(end)
        })
    }
}

fn ends_below(head: Option<Frame>, order: Order, end: PhysAddr) -> bool {
    head.is_some_and(|head| head.plus(order.frames()).start() <= end)
}
