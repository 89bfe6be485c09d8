//! The device tree of a host's machine, and what must come of it.
//!
//! The tree is written here and read by the library, as a boot loader's is. What is in it stands here as numbers, so that
//! what the library makes of it can be compared with what it was made from.

use std::vec::Vec;

use framekeeper::{
    PhysAddr, PhysRange,
    devicetree::{RamDescription, Tree},
};
use vm_fdt::{FdtReserveEntry, FdtWriter};

use crate::Regions;

const MIB: u64 = 1 << 20;
/// The phone's second bank.
const HIGH: u64 = 0x8_8000_0000;
const BORDER: u64 = 4 << 30;
/// The banks as the tree has them: three that touch, two of them where the zones meet and two inside of a frame; one
/// behind a hole of a frame; and one far above, whose end is no multiple of a frame's size.
const BANKS: [(u64, u64); 5] = [
    (BORDER - 64 * MIB, BORDER),
    (BORDER, BORDER + 15 * MIB + 0x800),
    (BORDER + 15 * MIB + 0x800, BORDER + 16 * MIB),
    (BORDER + 16 * MIB + 0x1000, BORDER + 17 * MIB),
    (HIGH, HIGH + 64 * MIB + 0x800),
];
/// In the blob's own block of reservations, not in whole frames.
const IN_BLOCK: (u64, u64) = (BORDER - 56 * MIB + 0x10, BORDER - 55 * MIB - 0x10);
/// In a node below `/reserved-memory`.
const IN_NODE: (u64, u64) = (BORDER - 20 * MIB, BORDER - 20 * MIB + 0xc_4000);
/// In a node below that node.
const NESTED: (u64, u64) = (HIGH + 5 * MIB, HIGH + 7 * MIB);

/// What is free of all that.
const FREE: [(u64, u64); 6] = [
    (BORDER - 64 * MIB, BORDER - 56 * MIB),
    (BORDER - 55 * MIB, BORDER - 20 * MIB),
    (BORDER - 20 * MIB + 0xc_4000, BORDER + 16 * MIB),
    (BORDER + 16 * MIB + 0x1000, BORDER + 17 * MIB),
    (HIGH, HIGH + 5 * MIB),
    (HIGH + 7 * MIB, HIGH + 64 * MIB),
];
/// What lies beside the banks, and is no RAM.
const HOLES: [(u64, u64); 4] = [
    (BORDER - 65 * MIB, BORDER - 64 * MIB),
    (BORDER + 16 * MIB, BORDER + 16 * MIB + 0x1000),
    (BORDER + 17 * MIB, BORDER + 18 * MIB),
    (HIGH + 64 * MIB, HIGH + 65 * MIB),
];

/// What nobody may be handed.
pub(super) fn occupied() -> impl Iterator<Item = PhysRange> {
    [IN_BLOCK, IN_NODE, NESTED].into_iter().chain(HOLES).map(range)
}

/// All RAM and free RAM, by the library.
///
/// # Panics
///
/// The library does not make of the tree what it was made from.
pub(super) fn read() -> (Regions, Regions) {
    let blob = match write() {
        Ok(blob) => blob,
        Err(error) => panic!("the device tree cannot be written: {error}"),
    };
    let tree = match Tree::new(&blob) {
        Ok(tree) => tree,
        Err(error) => panic!("the device tree is refused: {error:?}"),
    };
    let ram = match RamDescription::<128>::read(&tree, &[]) {
        Ok(ram) => ram,
        Err(error) => panic!("the memory is refused: {error:?}"),
    };
    let free = match ram.free() {
        Ok(free) => free,
        Err(error) => panic!("free memory: {error:?}"),
    };
    assert!(
        free.iter().eq(FREE.into_iter().map(range)),
        "the tree's free RAM is {FREE:x?}, and was read as {free:?}"
    );
    (ram.ram, free)
}

fn write() -> Result<Vec<u8>, vm_fdt::Error> {
    let (start, end) = IN_BLOCK;
    let mut tree = FdtWriter::new_with_mem_reserv(&[FdtReserveEntry::new(start, end - start)?])?;
    let root = tree.begin_node("")?;
    cells(&mut tree)?;
    for bank in BANKS {
        let node = tree.begin_node(&std::format!("memory@{:x}", bank.0))?;
        tree.property_string("device_type", "memory")?;
        reg(&mut tree, bank)?;
        tree.end_node(node)?;
    }
    let reserved = tree.begin_node("reserved-memory")?;
    cells(&mut tree)?;
    tree.property_null("ranges")?;
    let outer = tree.begin_node("firmware")?;
    cells(&mut tree)?;
    tree.property_null("ranges")?;
    reg(&mut tree, IN_NODE)?;
    let inner = tree.begin_node("log")?;
    reg(&mut tree, NESTED)?;
    tree.end_node(inner)?;
    tree.end_node(outer)?;
    tree.end_node(reserved)?;
    tree.end_node(root)?;
    tree.finish()
}

fn cells(tree: &mut FdtWriter) -> Result<(), vm_fdt::Error> {
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)
}

fn reg(tree: &mut FdtWriter, (start, end): (u64, u64)) -> Result<(), vm_fdt::Error> {
    tree.property_array_u64("reg", &[start, end - start])
}

const fn range((start, end): (u64, u64)) -> PhysRange {
    PhysRange::new(PhysAddr(start), PhysAddr(end))
}
