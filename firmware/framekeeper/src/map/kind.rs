//! The zones, by the addresses that they have.

use super::SECTION;
use crate::{
    addr::{PhysAddr, PhysRange},
    frame::Frame,
};

/// A zone: a stretch of the physical address space that requests can be limited to. No block crosses from one into
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneKind {
    /// Below 4 GiB, where devices with 32 address bits reach.
    Dma32,
    /// All other memory.
    Normal,
}

impl ZoneKind {
    /// All of them, by rising addresses.
    pub const ALL: [Self; 2] = [Self::Dma32, Self::Normal];

    /// Where the second begins. A multiple of the largest block.
    const BORDER: PhysAddr = PhysAddr(4 << 30);

    /// The zone that `address` lies in.
    #[must_use]
    pub const fn of(address: PhysAddr) -> Self {
        if address.0 < Self::BORDER.0 { Self::Dma32 } else { Self::Normal }
    }

    /// The addresses that may be in it.
    pub(crate) const fn range(self) -> PhysRange {
        match self {
            Self::Dma32 => PhysRange::new(PhysAddr(0), Self::BORDER),
            Self::Normal => PhysRange::new(Self::BORDER, PhysAddr(u64::MAX)),
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dma32 => "DMA32",
            Self::Normal => "NORMAL",
        }
    }

    pub(super) fn has(self, section: u64) -> bool {
        Self::of(Frame::new(section * SECTION).start()) == self
    }
}
