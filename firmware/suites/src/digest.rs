//! A number for the state of an allocator: the blocks of its map, how many are free of each order, and the counts of each size
//! class. The order in which free blocks and objects come next is not in it.

use framekeeper::{
    CpuLocal, FrameAllocator, Order, ZoneKind,
    slabs::{Class, DirectMap, Hardening, Slabs, Usage},
};

const PRIME: u64 = 0x100_0000_01b3;

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
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }

    /// The blocks of the map, and how many are free of each order.
    pub(crate) fn frames<C: CpuLocal>(&mut self, frames: &FrameAllocator<'_, C>) {
        frames.dump(|piece| self.bytes(piece));
        let free = frames.free();
        let orders = ZoneKind::ALL.into_iter().flat_map(|zone| Order::all().map(move |order| (zone, order)));
        orders.for_each(|(zone, order)| self.word(free.blocks(zone, order)));
        self.word(free.cached());
    }

    /// How much each class has that ever had a slab. As numbers: an emulator takes milliseconds to write them as text.
    pub(crate) fn slabs<C: CpuLocal, M: DirectMap, H: Hardening>(&mut self, slabs: &Slabs<'_, C, M, H>) {
        let report = slabs.report();
        for usage in Class::all().map(|class| report.of(class)).filter(|usage| usage.created > 0) {
            let Usage { object_size, in_slabs, in_depot, in_magazines, created, destroyed, freed, .. } =
                usage;
            let numbers = [in_slabs, in_depot, in_magazines, created, destroyed, freed];
            [object_size as u64].into_iter().chain(numbers).for_each(|number| self.word(number));
        }
        self.word(report.metadata_bytes());
    }

    pub(crate) const fn value(&self) -> u64 {
        self.0
    }

    /// As one step: a word for a byte.
    pub(crate) const fn word(&mut self, word: u64) {
        // Wrapping: a hash, not a quantity.
        let mixed = (self.0 ^ word).wrapping_mul(PRIME);
        self.0 = mixed ^ mixed >> 32;
    }
}
