//! Memory for maps, and zones on it. The frames themselves are only numbers: nothing here is ever touched.

use framekeeper::{FrameMap, MapLayout, Order, PhysAddr, PhysRange, RegionSet, Zone};
use std::sync::atomic::AtomicU64;

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

pub(crate) type Ram = RegionSet<32>;

pub(crate) fn range(start: u64, end: u64) -> PhysRange {
    PhysRange::new(PhysAddr(start), PhysAddr(end))
}

pub(crate) fn ram(ranges: &[(u64, u64)]) -> Ram {
    let mut set = Ram::new();
    for &(start, end) in ranges {
        set.add(range(start, end)).unwrap();
    }
    set
}

/// The Pixel 6's two banks, and what of them is free when the reserved ranges of a real phone are taken out.
pub(crate) fn pixel6() -> (Ram, Ram) {
    let banks = [(0x8000_0000, 0x1_0000_0000), (0x8_8000_0000, 0xa_0000_0000)];
    let reserved = [
        (0x8b00_0000, 0x8b0c_4000),
        (0x9020_0000, 0x9060_0000),
        (0x9300_0000, 0x9700_0000),
        (0xb720_0000, 0xc000_0000),
        (0xe000_0000, 0xe250_0000),
        (0xf880_0000, 0xf980_0000),
        (0xfac0_0000, 0xfb5e_3400),
        (0xfd3f_0000, 0xfd3f_f000),
        (0xfd80_0000, 0xfd90_2000),
    ];
    let mut free = ram(&banks);
    for (start, end) in reserved {
        free.subtract(range(start, end).round_outward()).unwrap();
    }
    (ram(&banks), free)
}

pub(crate) fn map_memory(ram: &Ram) -> Vec<AtomicU64> {
    let words = MapLayout::of(ram).unwrap().words();
    // Not zero: what lay there before must not matter.
    (0..words).map(|_| AtomicU64::new(0xdead_beef_dead_beef)).collect()
}

/// A zone over all memory, with `free` added.
pub(crate) fn zone<'a>(map: &'a FrameMap<'a>, free: &Ram) -> Zone<'a> {
    let mut zone = Zone::new(map, range(0, 1 << 52));
    free.iter().for_each(|range| zone.add(range));
    zone.verify().unwrap();
    zone
}

/// All there is to see of a zone: two with the same digest behave alike, up to the order of their lists.
pub(crate) fn digest(zone: &Zone<'_>) -> Vec<u64> {
    zone.verify().unwrap();
    Order::all().map(|order| zone.free_blocks(order)).collect()
}
