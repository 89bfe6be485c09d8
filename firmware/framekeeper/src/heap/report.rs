//! How much a heap has, and how much there is.

use core::fmt;

use super::{errors::HeapError, phases::Heap};
use crate::{
    addr::FRAME_SIZE,
    cpu::CpuLocal,
    slabs::{DirectMap, Hardening, SlabReport},
};

/// Bytes: what a heap uses, and what it could have.
///
/// Used is what was taken from the frames: slabs, whether their objects are free or not, and those of caches that are
/// built on the heap's slabs; descriptors of slabs; and blocks. Available is what is free among the frames. Each is
/// counted by itself, where it changes. So the total is what the frame allocator was given, less the frame map and what
/// others than this heap have of it, as long as no core is at work in the allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapUsage {
    /// Of slabs.
    pub slabs: u64,
    /// Of frames that descriptors lie in.
    pub descriptors: u64,
    /// Of blocks.
    pub blocks: u64,
    /// Of free frames.
    pub available: u64,
}

impl HeapUsage {
    /// What the heap has.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.slabs + self.descriptors + self.blocks
    }

    /// What the heap has or could have.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.used() + self.available
    }
}

impl fmt::Display for HeapUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slabs, descriptors, blocks, available } = self;
        write!(f, "total {} KiB, used {} KiB", self.total() >> 10, self.used() >> 10)?;
        write!(f, " (slabs {}, descriptors {}, blocks {})", slabs >> 10, descriptors >> 10, blocks >> 10)?;
        write!(f, ", available {} KiB", available >> 10)
    }
}

/// What a heap has, as text: a line for each size class in use, and the sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapReport {
    /// The sums.
    pub usage: HeapUsage,
    /// What each size class has.
    pub classes: SlabReport,
}

impl fmt::Display for HeapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}{}", self.classes, self.usage)
    }
}

impl<C: CpuLocal, M: DirectMap, H: Hardening> Heap<'_, C, M, H> {
    /// How much it has, and how much there is; nothing before it has memory.
    #[must_use]
    pub fn usage(&self) -> HeapUsage {
        let Ok(parts) = self.parts() else { return HeapUsage::default() };
        let ground = parts.slabs.ground();
        HeapUsage {
            slabs: ground.slab_bytes(),
            descriptors: ground.store_bytes(),
            blocks: parts.blocks.bytes(),
            available: ground.frames().free().total() * FRAME_SIZE,
        }
    }

    /// What it has, in detail.
    ///
    /// # Errors
    ///
    /// [`HeapError::NotReady`].
    pub fn report(&self) -> Result<HeapReport, HeapError> {
        Ok(HeapReport { usage: self.usage(), classes: self.parts()?.slabs.report() })
    }
}
