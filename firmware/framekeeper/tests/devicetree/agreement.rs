//! What others read in the odd trees.

use crate::{
    odd::{self, gone_through, text},
    oracle::{frames, memory},
    sample::scaled,
};
use dtoolkit::fdt::Fdt;
use framekeeper::devicetree::{self, Tree};

/// How many trees at least are read by each.
const READ: usize = scaled(40, 3);

#[test]
#[cfg_attr(miri, ignore = "most of it is the other reader's; what ours makes of these trees, `odd` asks")]
fn r004_12_dtoolkit_finds_the_same_memory_in_the_odd_trees_that_it_reads() {
    let mut read = 0;
    for odd in gone_through(&odd::all()) {
        let Ok(fdt) = Fdt::new(&odd.bytes) else {
            continue;
        };
        read += 1;
        let theirs = memory(fdt).unwrap_or_else(|| panic!("{}", odd.name));
        assert_eq!(text(&frames(&theirs)), odd.ram, "{}", odd.name);
    }
    println!("{read} of {} read by dtoolkit", gone_through(&odd::all()).count());
    assert!(read >= READ, "{read}");
}

/// `fdt` 0.2.0-alpha3 panics on version 16, which has a shorter header, and loses its way 64 levels deep.
#[test]
#[cfg_attr(miri, ignore = "most of it is the other reader's; what ours makes of these trees, `odd` asks")]
fn r004_12_fdt_finds_the_same_nodes_in_the_odd_trees_that_it_reads() {
    let (mut read, mut different) = (0, Vec::new());
    for odd in gone_through(&odd::all()) {
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
    assert!(read >= READ, "{read}");
}

#[test]
fn r004_12_ram_is_told_apart_from_no_ram() {
    let blob = crate::sample::sample();
    let ram = devicetree::ram::<4>(&Tree::new(&blob.bytes).unwrap()).unwrap();
    assert_eq!(text(&ram), odd::RAM);
}
