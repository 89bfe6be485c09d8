//! The same questions to `dtoolkit`, which was written by others.

use crate::odd::{self, text};
use dtoolkit::{
    Node, Property,
    fdt::{Fdt, FdtNode},
};
use framekeeper::devicetree::{self, Tree};
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

#[test]
fn r004_12_dtoolkit_finds_the_same_memory_in_the_odd_trees_that_it_reads() {
    let mut read = 0;
    for odd in odd::all() {
        let Ok(fdt) = Fdt::new(&odd.bytes) else {
            continue;
        };
        read += 1;
        let theirs = memory(fdt).unwrap_or_else(|| panic!("{}", odd.name));
        assert_eq!(text(&frames(&theirs)), odd.ram, "{}", odd.name);
    }
    println!("{read} of {} read by dtoolkit", odd::all().len());
    assert!(read >= 40, "{read}");
}

/// `fdt` 0.2.0-alpha3 panics on version 16, which has a shorter header, and loses its way 64 levels deep.
#[test]
fn r004_12_fdt_finds_the_same_nodes_in_the_odd_trees_that_it_reads() {
    let (mut read, mut different) = (0, Vec::new());
    for odd in odd::all() {
        let tree = Tree::new(&odd.bytes).unwrap();
        let ours: Vec<_> = tree.nodes().map(|node| node.name().to_owned()).collect();
        let theirs = std::panic::catch_unwind(|| {
            let fdt = fdt::Fdt::new_unaligned(&odd.bytes).ok()?;
            let nodes = fdt.all_nodes().map(|(_, node)| node.name().to_string());
            Some(nodes.take(ours.len() + 1).collect::<Vec<_>>())
        });
        let Ok(Some(theirs)) = theirs else {
            different.push(odd.name);
            continue;
        };
        if theirs == ours || theirs == ours[1..] {
            read += 1;
        } else {
            different.push(odd.name);
        }
    }
    let known = |name: &str| name.starts_with("version-16") || name.starts_with("64-nodes");
    assert!(different.iter().all(|name| known(name)), "{different:?}");
    assert!(read >= 40, "{read}");
}

#[test]
fn r004_12_ram_is_told_apart_from_no_ram() {
    let blob = crate::sample::sample();
    let ram = devicetree::ram::<4>(&Tree::new(&blob.bytes).unwrap()).unwrap();
    assert_eq!(text(&ram), odd::RAM);
}
