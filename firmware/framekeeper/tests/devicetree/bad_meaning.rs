//! Sound trees that say what cannot be.

use crate::{
    bad::Bad,
    sample::{bare, choosing, machine_writer, memory, reserving},
    writer::{Blob, Writer},
};

pub(crate) fn table() -> Vec<Bad> {
    let mut table = cells();
    table.extend(lengths());
    table.extend(ranges());
    table.extend(no_memory());
    table.extend(initrd());
    table.extend(dynamic());
    table.extend(statuses());
    table.extend(too_many());
    table
}

fn at(name: impl Into<String>, blob: Blob, kind: &str, label: &str) -> Bad {
    let offset = blob.at(label);
    Bad::new(name, blob.bytes, kind, offset)
}

/// Cells that are not 1 or 2, of the memory node's parent and of `/reserved-memory`.
fn cells() -> Vec<Bad> {
    let mut table = Vec::new();
    for property in ["#address-cells", "#size-cells"] {
        let short = property.trim_start_matches('#');
        let values: [(&str, &[u8]); 8] = [
            ("0", &[0, 0, 0, 0]),
            ("3", &[0, 0, 0, 3]),
            ("4", &[0, 0, 0, 4]),
            ("2-to-the-31", &[0x80, 0, 0, 0]),
            ("2-to-the-32-less-1", &[0xff; 4]),
            ("empty", &[]),
            ("3-bytes", &[0, 0, 2]),
            ("2-cells", &[0, 0, 0, 2, 0, 0, 0, 2]),
        ];
        for (what, value) in values {
            let mut tree = Writer::new();
            tree.node("", |root| {
                root.property(property, value);
                memory(root);
            });
            let name = format!("{short}-of-the-root-are-{what}");
            table.push(at(name, tree.finish(), "BadCells", "property-reg-of-memory@80000000"));
            let blob = bare(|root| {
                memory(root);
                root.node("reserved-memory", |reserved| {
                    reserved.property(property, value);
                    reserved.node("a@0", |a| a.reg(&[(0, 0x1000)]));
                });
            });
            let name = format!("{short}-of-reserved-memory-are-{what}");
            table.push(at(name, blob, "BadCells", "property-reg-of-a@0"));
        }
    }
    table
}

fn lengths() -> Vec<Bad> {
    let mut table = Vec::new();
    for length in [1, 2, 3, 4, 7, 8, 12, 15, 17, 20, 24, 31, 33] {
        let blob = bare(|root| root.node("memory@0", |node| node.property("reg", &vec![0; length])));
        let name = format!("memory-reg-has-{length}-bytes");
        table.push(at(name, blob, "BadLength", "property-reg-of-memory@0"));
        let blob = reserving(|reserved| reserved.node("a", |a| a.property("reg", &vec![0; length])));
        let name = format!("reserved-reg-has-{length}-bytes");
        table.push(at(name, blob, "BadLength", "property-reg-of-a"));
    }
    let blob = bare(|root| root.node("memory", |node| node.ranges("reg", &[(0x8000_0000, 0x1000)], 2, 1)));
    table.push(at("memory-reg-has-fewer-cells-than-told", blob, "BadLength", "property-reg-of-memory"));
    // Without the properties the root has 2/1 cells, not those of the writer.
    let mut tree = Writer::new();
    tree.node("", memory);
    table.push(at("cells-are-not-told", tree.finish(), "BadLength", "property-reg-of-memory@80000000"));
    table
}

/// Ranges that leave the address space.
fn ranges() -> Vec<Bad> {
    let mut table = Vec::new();
    let wraps: [(&str, u64, u64); 6] = [
        ("one-byte", u64::MAX, 2),
        ("one-frame", 0xffff_ffff_ffff_f000, 0x2000),
        ("all", u64::MAX, u64::MAX),
        ("half", 1 << 63, (1 << 63) + 0x1000),
        ("the-first-frame", 0x1000, u64::MAX),
        ("nothing-but-reaches-the-end", 0xffff_ffff_ffff_f000, 0x1000),
    ];
    for (what, start, size) in wraps {
        let blob = bare(|root| {
            root.node("memory@1", |node| node.reg(&[(0x8000_0000, 0x1000), (start, size)]));
        });
        table.push(at(format!("memory-wraps-by-{what}"), blob, "RangeWraps", "property-reg-of-memory@1"));
        let blob = reserving(|reserved| {
            reserved.node("a", |a| a.reg(&[(0x8000_0000, 0x1000), (start, size)]));
        });
        table.push(at(format!("reservation-wraps-by-{what}"), blob, "RangeWraps", "property-reg-of-a"));
        let blob = reserving(|reserved| {
            reserved.node("a", |a| {
                a.reg(&[]);
                a.node("b", |b| b.ranges("reg", &[(start, size)], 2, 1));
            });
        });
        if size > u64::from(u32::MAX) {
            continue;
        }
        table.push(at(
            format!("nested-reservation-wraps-by-{what}"),
            blob,
            "RangeWraps",
            "property-reg-of-b",
        ));
    }
    for (what, start, size) in wraps {
        let mut tree = machine_writer(|_| {});
        tree.reserve(start, size);
        let blob = tree.finish();
        let name = format!("reservation-block-wraps-by-{what}");
        table.push(Bad::new(name, blob.bytes, "RangeWraps", 40 + 16));
    }
    table
}

fn no_memory() -> Vec<Bad> {
    let frame: (u64, u64) = (0x8000_0000, 0x1000);
    let mut table = Vec::new();
    let mut none = |name: &str, inside: &dyn Fn(&mut Writer)| {
        table.push(at(name, bare(inside), "NoMemory", "start-of-root"));
    };
    none("no-memory-node", &|_| {});
    none("memory-without-reg", &|root| root.node("memory", |_| {}));
    none("memory-with-an-empty-reg", &|root| root.node("memory", |node| node.reg(&[])));
    none("memory-of-no-bytes", &|root| root.node("memory", |node| node.reg(&[(0x8000_0000, 0)])));
    none("three-memories-of-no-bytes", &|root| {
        root.node("memory", |node| node.reg(&[(1, 0), (2, 0), (0, 0)]));
    });
    none("memory-below-a-frame", &|root| root.node("memory", |node| node.reg(&[(0x8000_0000, 0xfff)])));
    none("memory-that-straddles-two-frames", &|root| {
        root.node("memory", |node| node.reg(&[(0x8000_0800, 0x1000)]));
    });
    for status in ["disabled", "fail", "fail-sss", "reserved", "", "OKAY", "okay "] {
        none(&format!("memory-with-status-{status:?}"), &|root| {
            root.node("memory", |node| {
                node.text("status", status);
                node.reg(&[frame]);
            });
        });
    }
    none("memory-of-another-device-type", &|root| {
        root.node("memory@80000000", |node| {
            node.text("device_type", "serial");
            node.reg(&[frame]);
        });
    });
    for name in ["memory-controller@0", "memory0", "Memory", "mem@0", "xmemory", "memory_"] {
        none(&format!("{name}-is-no-memory-node"), &|root| root.node(name, |node| node.reg(&[frame])));
    }
    none("memory-on-a-bus", &|root| {
        root.node("soc", |soc| {
            soc.counts(2, 2);
            soc.node("memory@80000000", |node| {
                node.text("device_type", "memory");
                node.reg(&[frame]);
            });
        });
    });
    table
}

fn initrd() -> Vec<Bad> {
    let mut table = Vec::new();
    let (start, end) = ("linux,initrd-start", "linux,initrd-end");
    for (what, from, to) in [
        ("one-byte", 0x8800_0001_u32, 0x8800_0000_u32),
        ("one-frame", 0x8800_1000, 0x8800_0000),
        ("everything", u32::MAX, 0),
    ] {
        let blob = choosing(|chosen| {
            chosen.cells(start, &[from]);
            chosen.cells(end, &[to]);
        });
        table.push(at(format!("initrd-is-reversed-by-{what}"), blob, "InitrdReversed", "start-of-chosen"));
        let blob = choosing(|chosen| {
            chosen.cells(start, &[8, from]);
            chosen.cells(end, &[8, to]);
        });
        table.push(at(
            format!("initrd-of-64-bits-is-reversed-by-{what}"),
            blob,
            "InitrdReversed",
            "start-of-chosen",
        ));
    }
    for (only, missing) in [(start, end), (end, start)] {
        let blob = choosing(|chosen| chosen.cells(only, &[0x8800_0000]));
        table.push(at(format!("initrd-without-{missing}"), blob, "BadProperty", "start-of-chosen"));
        for length in [0, 1, 3, 5, 7, 12, 16] {
            let blob = choosing(|chosen| {
                chosen.cells(missing, &[0x8800_0000]);
                chosen.property(only, &vec![0; length]);
            });
            let name = format!("{only}-has-{length}-bytes");
            table.push(at(name, blob, "BadProperty", &format!("property-{only}-of-chosen")));
        }
    }
    table
}

/// Regions that nobody can place.
fn dynamic() -> Vec<Bad> {
    let mut table = Vec::new();
    let mut wrong = |name: String, kind: &str, label: &str, inside: &dyn Fn(&mut Writer)| {
        table.push(at(name, reserving(|reserved| reserved.node("pool", inside)), kind, label));
    };
    for size in [0x4000_1000, 0x8000_0000, 0x10_0000_0000, u64::MAX - 0xfff, u64::MAX] {
        wrong(format!("pool-of-{size:#x}-fits-nowhere"), "NoPlace", "start-of-pool", &|pool| {
            pool.property("size", &size.to_be_bytes());
        });
    }
    for alignment in [0_u32, 3, 0x1001, 0x3000, u32::MAX] {
        wrong(format!("alignment-is-{alignment:#x}"), "BadAlignment", "start-of-pool", &|pool| {
            pool.cells("size", &[0, 0x1000]);
            pool.cells("alignment", &[alignment]);
        });
    }
    wrong("alignment-that-no-ram-has".into(), "NoPlace", "start-of-pool", &|pool| {
        pool.cells("size", &[0, 0x1000]);
        pool.cells("alignment", &[1, 0]);
    });
    for (what, window) in [
        ("below-the-ram", (0x4000_0000, 0x1000_0000)),
        ("above-the-ram", (0xc000_0000, 0x1000_0000)),
        ("too-small", (0x8000_0000, 0xfff)),
        ("empty", (0x8000_0000, 0)),
        ("between-two-frames", (0x8000_0800, 0x1000)),
    ] {
        wrong(format!("alloc-ranges-are-{what}"), "NoPlace", "start-of-pool", &|pool| {
            pool.cells("size", &[0, 0x1000]);
            pool.ranges("alloc-ranges", &[window], 2, 2);
        });
    }
    for length in [1, 3, 4, 15, 20] {
        let label = "property-alloc-ranges-of-pool";
        wrong(format!("alloc-ranges-have-{length}-bytes"), "BadLength", label, &|pool| {
            pool.cells("size", &[0, 0x1000]);
            pool.property("alloc-ranges", &vec![0; length]);
        });
    }
    for property in ["size", "alignment"] {
        for length in [0, 1, 3, 5, 12] {
            let label = format!("property-{property}-of-pool");
            wrong(format!("{property}-of-a-pool-has-{length}-bytes"), "BadProperty", &label, &|pool| {
                if property != "size" {
                    pool.cells("size", &[0, 0x1000]);
                }
                pool.property(property, &vec![0; length]);
            });
        }
    }
    table
}

/// A status that is no string: whether the region is reserved cannot be known.
fn statuses() -> Vec<Bad> {
    let mut table = Vec::new();
    let values: [(&str, &[u8]); 5] = [
        ("empty", &[]),
        ("unterminated", b"okay"),
        ("two-strings", b"okay\0okay\0"),
        ("no-text", b"\xff\0"),
        ("padded", b"okay\0\0\0\0"),
    ];
    for (what, value) in values {
        let blob = bare(|root| root.node("memory", |node| node.property("status", value)));
        table.push(at(
            format!("status-of-memory-is-{what}"),
            blob,
            "BadProperty",
            "property-status-of-memory",
        ));
        let blob = reserving(|reserved| reserved.node("a", |a| a.property("status", value)));
        table.push(at(
            format!("status-of-a-reservation-is-{what}"),
            blob,
            "BadProperty",
            "property-status-of-a",
        ));
    }
    table
}

/// More than the 16 ranges that the tests' sets hold.
fn too_many() -> Vec<Bad> {
    let scattered = |count: u64| (0..count).map(|n| (0x8000_0000 + n * 0x2000, 0x1000)).collect::<Vec<_>>();
    let blob = bare(|root| root.node("memory", |node| node.reg(&scattered(17))));
    let mut table = vec![at("17-banks", blob, "TooManyRanges", "start-of-memory")];
    let blob = reserving(|reserved| reserved.node("a", |a| a.reg(&scattered(17))));
    table.push(at("17-reservations", blob, "TooManyRanges", "start-of-a"));
    let mut tree = machine_writer(|_| {});
    (0..17).for_each(|n| tree.reserve(0x8000_2000 + n * 0x2000, 0x1000));
    table.push(Bad::somewhere("17-entries-in-the-reservation-block", tree.finish().bytes, "TooManyRanges"));
    table
}
