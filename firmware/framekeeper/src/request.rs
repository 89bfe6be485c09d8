//! What is asked for.

use crate::{
    addr::PhysAddr,
    frame::Order,
    map::ZoneKind,
    planted::{Bug, planted},
    word::Owner,
};

/// A request for one block: how large, for whom, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    frames: u64,
    order: Option<Order>,
    owner: Owner,
    below: Option<PhysAddr>,
}

impl Request {
    /// A block of 2^order frames, at a multiple of its size.
    #[must_use]
    #[inline]
    pub const fn order(order: Order) -> Self {
        Self { frames: order.frames(), order: Some(order), owner: Owner::new(0), below: None }
    }

    /// Exactly so many frames in one piece, at a multiple of the next power of two. What is behind them stays free.
    #[must_use]
    pub fn frames(frames: u64) -> Self {
        let order = Order::holding(frames).filter(|_| frames > 0);
        Self { frames, order, owner: Owner::new(0), below: None }
    }

    /// For this owner; without it, for owner 0.
    #[must_use]
    #[inline]
    pub const fn owned_by(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// At a multiple of the size of a block of `order`, if that is larger than its own.
    #[must_use]
    pub fn aligned_to(self, order: Order) -> Self {
        Self { order: self.order.map(|own| own.max(order)), ..self }
    }

    /// Ending at or below this address.
    #[must_use]
    pub const fn below(self, end: PhysAddr) -> Self {
        Self { below: Some(end), ..self }
    }

    /// Ending below 4 GiB.
    #[must_use]
    pub const fn dma32(self) -> Self {
        self.below(PhysAddr(1 << 32))
    }

    /// The order, if any block of it will do as it is.
    #[inline]
    pub(crate) fn plain(&self) -> Option<Order> {
        self.order.filter(|order| self.below.is_none() && self.frames == order.frames())
    }

    pub(crate) const fn frame_count(&self) -> u64 {
        self.frames
    }

    /// The order of the smallest block that holds it; none for zero frames and too many.
    pub(crate) const fn holding(&self) -> Option<Order> {
        self.order
    }

    #[inline]
    pub(crate) const fn owner(&self) -> Owner {
        self.owner
    }

    pub(crate) fn limit(&self) -> Option<PhysAddr> {
        self.below.filter(|_| !planted(Bug::LimitIgnored))
    }

    /// The zones that may have it, the one to be asked first in front: low memory is kept for who needs it.
    pub(crate) fn zones(&self) -> impl Iterator<Item = ZoneKind> {
        let limit = self.limit();
        let reaches = move |kind: &ZoneKind| limit.is_none_or(|limit| kind.range().start() < limit);
        ZoneKind::ALL.into_iter().rev().filter(reaches)
    }
}
