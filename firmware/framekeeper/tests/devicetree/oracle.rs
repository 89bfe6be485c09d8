//! The same questions to `dtoolkit`, which was written by others.

use dtoolkit::{
    Node, Property,
    fdt::{Fdt, FdtNode},
};
use framekeeper::{PhysAddr, PhysRange, RegionSet};

/// The bytes that the memory nodes claim; `None` if one of them cannot be read.
pub(crate) fn memory(fdt: Fdt<'_>) -> Option<Vec<(u64, u64)>> {
    let mut ranges = Vec::new();
    for node in fdt.root().children() {
        if !is_memory(&node) {
            continue;
        }
        match value(&node, "status").as_deref() {
            None | Some(b"okay\0" | b"ok\0") => {}
            Some(status) if is_string(status) => continue,
            Some(_) => return None,
        }
        for entry in node.reg().ok()?.into_iter().flatten() {
            let (start, size) = (entry.address::<u64>().ok()?, entry.size::<u64>().ok()?);
            ranges.push((start, start.checked_add(size)?));
        }
    }
    Some(ranges)
}

/// Whether what the root says about cells is what we read: 1 or 2, or nothing. `dtoolkit` takes the defaults for a
/// property that is malformed, and reads sizes of no cells; we refuse to guess.
pub(crate) fn cells_are_plain(fdt: Fdt<'_>) -> bool {
    ["#address-cells", "#size-cells"]
        .iter()
        .all(|name| matches!(value(&fdt.root(), name).as_deref(), None | Some([0, 0, 0, 1 | 2])))
}

fn is_memory(node: &FdtNode<'_>) -> bool {
    match value(node, "device_type").filter(|value| is_string(value)).as_deref() {
        Some(device_type) => device_type == b"memory\0",
        None => node.name_without_address() == "memory",
    }
}

fn value(node: &FdtNode<'_>, name: &str) -> Option<Vec<u8>> {
    node.property(name).map(|property| property.value().to_vec())
}

fn is_string(value: &[u8]) -> bool {
    value.iter().position(|&byte| byte == 0) == value.len().checked_sub(1) && str::from_utf8(value).is_ok()
}

/// Whole frames of the union.
pub(crate) fn frames(ranges: &[(u64, u64)]) -> RegionSet<64> {
    let (mut bytes, mut frames) = (RegionSet::<64>::new(), RegionSet::new());
    for &(start, end) in ranges {
        bytes.add(PhysRange::new(PhysAddr(start), PhysAddr(end))).unwrap();
    }
    for range in bytes.iter() {
        frames.add(range.round_inward()).unwrap();
    }
    frames
}
