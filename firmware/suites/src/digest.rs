//! A number for the state of an allocator: the blocks of its map, how many are free of each order, and the counts of each size
//! class. The order in which free blocks and objects come next is not in it.

use core::fmt::{self, Write};

use framekeeper::{
    CpuLocal, FrameAllocator,
    slabs::{DirectMap, Hardening, Slabs},
};

/// FNV-1a, of 64 bits.
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// One that goes on behind another's value.
    pub(crate) const fn from_value(value: u64) -> Self {
        Self(value)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // Wrapping: a hash, not a quantity.
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// The blocks of the map, and how many are free of each order.
    pub(crate) fn frames<C: CpuLocal>(&mut self, frames: &FrameAllocator<'_, C>) {
        frames.dump(|piece| self.bytes(piece));
        self.text(frames.free());
    }

    /// How much each class has.
    pub(crate) fn slabs<C: CpuLocal, M: DirectMap, H: Hardening>(&mut self, slabs: &Slabs<'_, C, M, H>) {
        self.text(slabs.report());
    }

    pub(crate) const fn value(&self) -> u64 {
        self.0
    }

    fn text(&mut self, text: impl fmt::Display) {
        // Writing into a digest never fails.
        let _ = write!(self, "{text}");
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
