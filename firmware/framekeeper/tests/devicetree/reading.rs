//! Nodes, properties and memory as the library gives them.

use crate::{
    odd::{self, gone_through, text},
    sample::{bare, memory, reserving, sample},
    writer::Writer,
};
use framekeeper::devicetree::{MeaningErrorKind, RamDescription, Tree};
use framekeeper::{PhysAddr, PhysRange};

fn range(start: u64, size: u64) -> PhysRange {
    PhysRange::from_size(PhysAddr(start), size).unwrap()
}

#[test]
fn r004_12_nodes_come_in_order_with_depth_and_name() {
    let blob = sample();
    let tree = Tree::new(&blob.bytes).unwrap();
    let nodes: Vec<_> =
        tree.nodes().map(|node| (node.depth(), node.base_name(), node.unit_address())).collect();
    let want = [
        (0, "", None),
        (1, "chosen", None),
        (1, "memory", Some("80000000")),
        (1, "reserved-memory", None),
        (2, "secure", Some("90000000")),
        (1, "serial", Some("9000000")),
    ];
    assert_eq!(nodes, want);
}

#[test]
fn r004_12_children_are_those_of_this_node_only() {
    let blob = sample();
    let tree = Tree::new(&blob.bytes).unwrap();
    let names = |path: &str| tree.find(path).unwrap().children().map(|node| node.name()).collect::<Vec<_>>();
    assert_eq!(names("/"), ["chosen", "memory@80000000", "reserved-memory", "serial@9000000"]);
    assert_eq!(names("/reserved-memory"), ["secure@90000000"]);
    assert_eq!(names("/memory"), [""; 0]);
    let mut none = tree.find("/memory").unwrap().children();
    assert!(none.next().is_none() && none.next().is_none(), "it stays at its end");
}

#[test]
fn r004_12_a_path_finds_its_node_with_and_without_the_unit_address() {
    let blob = sample();
    let tree = Tree::new(&blob.bytes).unwrap();
    let name = |path: &str| tree.find(path).map(|node| node.name());
    assert_eq!(name("/reserved-memory/secure@90000000"), Some("secure@90000000"));
    assert_eq!(name("/reserved-memory/secure"), Some("secure@90000000"));
    assert_eq!(name("/reserved-memory/secure@90000001"), None);
    assert_eq!(name("/secure@90000000"), None);
    assert_eq!(name("/serial@9000000/"), Some("serial@9000000"));
    assert_eq!(name("/"), Some(""));
    assert_eq!(name("serial@9000000"), None, "an alias is no path");
    assert_eq!(name(""), None);
}

#[test]
fn r004_12_properties_are_numbers_texts_and_lists() {
    let blob = sample();
    let tree = Tree::new(&blob.bytes).unwrap();
    let serial = tree.find_compatible(&["nothing", "arm,primecell"]).unwrap();
    assert_eq!(serial.name(), "serial@9000000");
    assert_eq!(serial.reg().unwrap().collect::<Result<Vec<_>, _>>(), Ok(vec![range(0x900_0000, 0x1000)]));
    assert_eq!(
        serial.properties().map(|property| property.name()).collect::<Vec<_>>(),
        ["compatible", "reg"]
    );
    let compatible = serial.property("compatible").unwrap();
    assert_eq!(compatible.strings().collect::<Vec<_>>(), ["arm,pl011", "arm,primecell"]);
    assert_eq!(compatible.text(), None, "two strings are not one");
    assert_eq!(tree.root().property("#size-cells").unwrap().number(), Some(2));
    assert_eq!(tree.find("/chosen").unwrap().text("stdout-path"), Some("/serial@9000000:115200n8"));
    assert!(serial.property("compat").is_none() && serial.property("compatible-not").is_none());
    assert!(tree.find_compatible(&["arm,pl01", "pl011", ""]).is_none());
}

#[test]
fn r004_12_a_property_has_its_bytes_and_the_place_of_its_token() {
    let blob = sample();
    let tree = Tree::new(&blob.bytes).unwrap();
    let (serial, chosen) = (tree.find("/serial").unwrap(), tree.find("/chosen").unwrap());
    let compatible = serial.property("compatible").unwrap();
    assert_eq!(compatible.value(), b"arm,pl011\0arm,primecell\0");
    assert_eq!(chosen.property("stdout-path").unwrap().value(), b"/serial@9000000:115200n8\0");
    let secure = tree.find("/reserved-memory/secure").unwrap();
    assert_eq!(secure.property("no-map").unwrap().value(), b"");
    assert_eq!(compatible.offset(), blob.at("property-compatible-of-serial@9000000"));
    assert_eq!(serial.offset(), blob.at("start-of-serial@9000000"));
}

#[test]
fn r004_12_a_tree_tells_its_size_and_the_steps_of_its_check() {
    // A node of no name, and four tokens that go with it: its start, one property with a name of 2 bytes, end, end.
    let mut tree = Writer::new();
    tree.node("", |root| root.flag("ab"));
    let mut blob = tree.finish().bytes;
    let size = blob.len();
    blob.extend([0; 100]);
    let tree = Tree::new(&blob).unwrap();
    assert_eq!((tree.total_size(), tree.steps()), (size, 6));
    assert_eq!(format!("{tree:?}"), format!("Tree {{ size: {size}, steps: 6, .. }}"));
}

/// A list without its last zero made another reader go on into whatever followed.
#[test]
fn r004_12_an_unterminated_string_is_no_string() {
    let blob = bare(|root| root.node("a", |a| a.property("compatible", b"first\0last")));
    let tree = Tree::new(&blob.bytes).unwrap();
    let compatible = tree.find("/a").unwrap().property("compatible").unwrap();
    assert_eq!(compatible.strings().collect::<Vec<_>>(), ["first"]);
    assert_eq!(compatible.text(), None);
    assert!(tree.find_compatible(&["last"]).is_none());
}

#[test]
fn r004_12_the_cells_that_count_are_the_parents() {
    let blob = bare(|root| {
        root.node("bus", |bus| {
            bus.counts(1, 1);
            bus.node("device", |device| {
                device.counts(2, 2);
                device.cells("reg", &[0x10, 0x20]);
            });
        });
    });
    let tree = Tree::new(&blob.bytes).unwrap();
    let by_path = tree.find("/bus/device").unwrap().reg().unwrap().next();
    let by_walk = tree.nodes().find(|node| node.name() == "device").unwrap().reg().unwrap().next();
    assert_eq!(by_path, Some(Ok(range(0x10, 0x20))));
    assert_eq!(by_walk, by_path);
}

#[test]
fn r004_12_the_cells_of_a_node_are_not_those_of_its_sibling() {
    let blob = bare(|root| {
        root.node("narrow", |bus| bus.counts(1, 1));
        root.node("default", |bus| bus.node("device", |device| device.cells("reg", &[0, 0x10, 0x20])));
    });
    let tree = Tree::new(&blob.bytes).unwrap();
    let device = tree.nodes().find(|node| node.name() == "device").unwrap();
    assert_eq!(device.reg().unwrap().next(), Some(Ok(range(0x10, 0x20))));
}

#[test]
fn r004_13_what_the_caller_occupies_is_reserved_before_anything_is_placed() {
    let blob = reserving(|parent| parent.node("pool", |pool| pool.cells("size", &[0x1000])));
    let tree = Tree::new(&blob.bytes).unwrap();
    let occupied = [range(0xbfff_f800, 0x800), range(0x8008_0000, 0x10_0000)];
    let memory = RamDescription::<8>::read(&tree, &occupied).unwrap();
    assert_eq!(text(&memory.reserved), "80080000-80180000 bfffe000-c0000000");
    assert_eq!(text(&memory.free().unwrap()), "80000000-80080000 80180000-bfffe000");
}

#[test]
fn r004_13_no_map_and_reusable_are_told_apart() {
    let flagged = |parent: &mut Writer, start: u64, flags: &[&str]| {
        parent.node(&format!("a@{start:x}"), |a| {
            flags.iter().for_each(|flag| a.flag(flag));
            a.reg(&[(start, 0x1000)]);
        });
    };
    let blob = reserving(|parent| {
        flagged(parent, 0x8100_0000, &["no-map"]);
        flagged(parent, 0x8200_0000, &["reusable"]);
        flagged(parent, 0x8300_0000, &["reusable", "no-map"]);
        flagged(parent, 0x8400_0000, &[]);
    });
    let memory = RamDescription::<8>::read(&Tree::new(&blob.bytes).unwrap(), &[]).unwrap();
    assert_eq!(text(&memory.no_map), "81000000-81001000 83000000-83001000");
    assert_eq!(text(&memory.reusable), "82000000-82001000");
    assert_eq!(memory.reserved.size(), 4 * 0x1000);
}

#[test]
fn r004_13_an_error_names_the_node_and_the_numbers() {
    let blob = reserving(|parent| parent.node("framebuffer", |node| node.cells("size", &[0x8000_0000])));
    let tree = Tree::new(&blob.bytes).unwrap();
    let error = RamDescription::<8>::read(&tree, &[]).unwrap_err();
    let kind = MeaningErrorKind::NoPlace { size: 0x8000_0000, alignment: 0x1000 };
    assert_eq!((error.node, error.kind), ("framebuffer", kind));
    let text = format!("device tree node `framebuffer`, byte {:#x}: {kind:?}", error.offset);
    assert_eq!(error.to_string(), text);
    let error = Tree::new(&[0; 64]).unwrap_err();
    assert_eq!(error.to_string(), "not a device tree: at byte 0x0: BadMagic { found: 0 }");
}

#[test]
fn r004_11_nothing_free_overlaps_anything_reserved() {
    for odd in gone_through(&odd::all()) {
        let memory = RamDescription::<64>::read(&Tree::new(&odd.bytes).unwrap(), &[]).unwrap();
        let free = memory.free().unwrap();
        let overlap = free.iter().any(|free| memory.reserved.iter().any(|taken| taken.overlaps(free)));
        assert!(!overlap, "{}", odd.name);
        let in_ram = |free: PhysRange| {
            memory.ram.iter().any(|ram| ram.start() <= free.start() && free.end() <= ram.end())
        };
        assert!(free.iter().all(in_ram), "{}", odd.name);
    }
}

#[test]
fn r004_12_a_tree_at_any_address_is_read() {
    let blob = bare(memory);
    for shift in 0..8 {
        let moved = [vec![0; shift], blob.bytes.clone()].concat();
        assert!(Tree::new(&moved[shift..]).is_ok());
    }
}
