//! Seeing inside, without allocating.

use core::fmt;

use crate::{
    allocator::FrameAllocator,
    cpu::CpuLocal,
    frame::Order,
    map::ZoneKind,
    word::{Kind, Owner},
    zone::Effort,
};

/// What is free: in each zone the number of blocks of each order, and what lies in caches. Each is read at its own
/// moment, so while other cores move blocks between them some may be counted twice, or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Free {
    zones: [[u64; Order::COUNT]; ZoneKind::ALL.len()],
    cached: u64,
}

impl Free {
    /// Blocks of `order` in `zone`.
    #[must_use]
    pub fn blocks(&self, zone: ZoneKind, order: Order) -> u64 {
        self.of(zone).get(order.index()).copied().unwrap_or(0)
    }

    /// Frames in blocks of `zone`.
    #[must_use]
    pub fn frames(&self, zone: ZoneKind) -> u64 {
        Order::all().map(|order| self.blocks(zone, order) << order.number()).sum()
    }

    /// Frames in the caches of all cores.
    #[must_use]
    pub const fn cached(&self) -> u64 {
        self.cached
    }

    /// Free frames, wherever they are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.cached + ZoneKind::ALL.map(|zone| self.frames(zone)).iter().sum::<u64>()
    }

    /// The order of the largest free block of `zone`.
    #[must_use]
    pub fn largest(&self, zone: ZoneKind) -> Option<Order> {
        Order::all().rev().find(|&order| self.blocks(zone, order) > 0)
    }

    /// The share of the zones' free frames that lies in blocks smaller than `order`, in thousandths: Linux's
    /// unusable-space index.
    #[must_use]
    pub fn unusable_per_mille(&self, order: Order) -> u64 {
        let frames = |order: Order| ZoneKind::ALL.map(|zone| self.blocks(zone, order) << order.number());
        let sum = |orders: &mut dyn Iterator<Item = Order>| orders.flat_map(frames).sum::<u64>();
        let (small, all) = (sum(&mut Order::all().take(order.index())), sum(&mut Order::all()));
        (small * 1000).checked_div(all).unwrap_or(0)
    }

    fn of(&self, zone: ZoneKind) -> &[u64; Order::COUNT] {
        let [dma32, normal] = &self.zones;
        match zone {
            ZoneKind::Dma32 => dma32,
            ZoneKind::Normal => normal,
        }
    }
}

/// A line for each zone, as in Linux's `/proc/buddyinfo`: its name, and the free blocks of order 0, 1, and so on.
impl fmt::Display for Free {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for zone in ZoneKind::ALL {
            write!(f, "zone {:>8}", zone.name())?;
            Order::all().try_for_each(|order| write!(f, " {:>6}", self.blocks(zone, order)))?;
            writeln!(f)?;
        }
        writeln!(f, "cached {:>13} frames", self.cached)
    }
}

/// How many frames each owner has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owners {
    frames: [u64; 256],
}

impl Owners {
    /// Frames that `owner` has.
    #[must_use]
    pub fn frames(&self, owner: Owner) -> u64 {
        self.frames.get(usize::from(owner.number())).copied().unwrap_or(0)
    }
}

/// A line for each owner that has a frame.
impl fmt::Display for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owners = (0..).zip(&self.frames).filter(|(_, frames)| **frames > 0);
        owners.into_iter().try_for_each(|(owner, frames)| writeln!(f, "owner {owner:>3} {frames:>10} frames"))
    }
}

impl<C: CpuLocal> FrameAllocator<'_, C> {
    /// What is free now. Where the zones are busy and this is no place to wait, theirs is missing.
    #[must_use]
    pub fn free(&self) -> Free {
        let mut free = Free { cached: self.in_caches(), ..Free::default() };
        for (zone, blocks) in self.zones().iter().zip(&mut free.zones) {
            self.cpu().pinned(|core| {
                let Some(zone) = self.locked(zone, core) else { return };
                Order::all().zip(blocks).for_each(|(order, count)| *count = zone.free_blocks(order));
            });
        }
        free
    }

    /// The work that the zones have done.
    #[must_use]
    pub fn effort(&self) -> Effort {
        let mut sum = Effort::default();
        for zone in self.zones() {
            let effort = self.cpu().pinned(|core| self.locked(zone, core).map(|zone| zone.effort()));
            let effort = effort.unwrap_or_default();
            sum.moves += effort.moves;
            sum.splits += effort.splits;
            sum.joins += effort.joins;
        }
        sum
    }

    /// Who has how much. This reads the whole map, without a lock: what changes meanwhile may be counted or not.
    #[must_use]
    pub fn owners(&self) -> Owners {
        let mut owners = Owners { frames: [0; 256] };
        let words = self.map().frames().map(|frame| self.map().word(frame));
        for word in words.filter(|word| word.kind() == Kind::Allocated) {
            if let Some(frames) = owners.frames.get_mut(usize::from(word.owner().number())) {
                *frames += word.frames();
            }
        }
        owners
    }
}
