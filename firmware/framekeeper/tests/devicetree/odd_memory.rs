//! Odd ways to describe memory.

use crate::{
    odd::{Odd, RAM},
    sample::{bare, bare_writer, choosing, memory, reserving},
    writer::{Blob, Writer},
};

pub(crate) fn table() -> Vec<Odd> {
    let mut table = banks();
    table.extend(reservations());
    table.extend(dynamic());
    table.extend(initrd());
    table
}

/// A tree with one memory node of these ranges.
fn bank(ranges: &[(u64, u64)]) -> Blob {
    bare(|root| root.node("memory@0", |node| node.reg(ranges)))
}

/// A tree whose root has these cells.
fn celled(address: u32, size: u32, ranges: &[(u64, u64)]) -> Blob {
    let mut tree = Writer::new();
    tree.node("", |root| {
        root.counts(address, size);
        root.node("memory@0", |node| node.ranges("reg", ranges, address, size));
    });
    tree.finish()
}

fn banks() -> Vec<Odd> {
    const G: u64 = 1 << 30;
    let mut cells_absent = Writer::new();
    cells_absent.node("", |root| {
        root.node("memory@0", |node| node.ranges("reg", &[(8 << 32, G)], 2, 1));
    });
    let statuses = |status: &str| {
        bare(|root| {
            root.node("memory@0", |node| {
                node.text("status", status);
                node.reg(&[(2 * G, G)]);
            });
        })
    };
    vec![
        Odd::ram("neighbours-are-merged", bank(&[(2 * G, G), (3 * G, G)]), "80000000-100000000"),
        Odd::ram(
            "banks-in-falling-order",
            bank(&[(8 * G, G), (2 * G, G)]),
            "80000000-c0000000 200000000-240000000",
        ),
        Odd::ram("a-bank-twice", bank(&[(2 * G, G), (2 * G, G)]), RAM),
        Odd::ram("banks-that-overlap", bank(&[(2 * G, G), (2 * G + 4096, G)]), "80000000-c0001000"),
        Odd::ram("a-bank-in-a-bank", bank(&[(2 * G, G), (2 * G + 4096, 4096)]), RAM),
        Odd::ram("a-bank-of-no-bytes-among-others", bank(&[(0, 0), (2 * G, G), (u64::MAX, 0)]), RAM),
        Odd::ram("a-bank-that-is-no-whole-frames", bank(&[(2 * G + 1, 0x3000)]), "80001000-80003000"),
        Odd::ram(
            "two-halves-of-a-frame",
            bank(&[(2 * G, 0x1800), (2 * G + 0x1800, 0x800)]),
            "80000000-80002000",
        ),
        Odd::ram("a-bank-at-zero", bank(&[(0, G)]), "0-40000000"),
        Odd::ram("a-bank-of-one-frame", bank(&[(0xfd7f_f000, 0x1000)]), "fd7ff000-fd800000"),
        Odd::ram(
            "a-bank-that-ends-one-frame-below-the-end-of-all",
            bank(&[(0xffff_ffff_ffff_e000, 0x1000)]),
            "ffffffffffffe000-fffffffffffff000",
        ),
        Odd::ram("sixty-four-gibibytes", bank(&[(0, 64 * G)]), "0-1000000000"),
        Odd::ram("cells-1-1", celled(1, 1, &[(2 * G, G)]), RAM),
        Odd::ram("cells-1-2", celled(1, 2, &[(2 * G, 4 * G)]), "80000000-180000000"),
        Odd::ram("cells-2-1", celled(2, 1, &[(34 * G, 2 * G)]), "880000000-900000000"),
        Odd::ram("cells-are-not-told", cells_absent.finish(), "800000000-840000000"),
        Odd::ram("status-okay", statuses("okay"), RAM),
        Odd::ram("status-ok", statuses("ok"), RAM),
        Odd::ram(
            "two-memory-nodes",
            {
                bare(|root| {
                    memory(root);
                    root.node("memory@c0000000", |node| node.reg(&[(3 * G, G)]));
                })
            },
            "80000000-100000000",
        ),
        Odd::ram(
            "memory-by-device-type-only",
            {
                bare(|root| {
                    root.node("ddr@80000000", |node| {
                        node.text("device_type", "memory");
                        node.reg(&[(2 * G, G)]);
                    });
                })
            },
            RAM,
        ),
        Odd::ram(
            "memory-by-name-only",
            bare(|root| root.node("memory", |node| node.reg(&[(2 * G, G)]))),
            RAM,
        ),
        Odd::ram(
            "a-disabled-bank-beside-another",
            {
                bare(|root| {
                    memory(root);
                    root.node("memory@c0000000", |node| {
                        node.text("status", "disabled");
                        node.reg(&[(3 * G, G)]);
                    });
                })
            },
            RAM,
        ),
        Odd::ram(
            "a-memory-chip-on-a-bus",
            {
                bare(|root| {
                    memory(root);
                    root.node("spi", |spi| {
                        spi.counts(1, 0);
                        spi.node("memory@1", |node| node.cells("reg", &[1]));
                    });
                })
            },
            RAM,
        ),
        Odd::ram(
            "reg-behind-other-properties",
            {
                bare(|root| {
                    root.node("memory@80000000", |node| {
                        node.text("numa-node-id", "x");
                        node.reg(&[(2 * G, G)]);
                        node.text("device_type", "memory");
                    });
                })
            },
            RAM,
        ),
    ]
}

fn reservations() -> Vec<Odd> {
    let region = |name, ranges: &[(u64, u64)], reserved| {
        Odd::new(name, reserving(|parent| parent.node("a", |a| a.reg(ranges))), reserved)
    };
    let block = |name, entries: &[(u64, u64)], reserved| {
        let mut tree = bare_writer(memory);
        entries.iter().for_each(|&(start, size)| tree.reserve(start, size));
        Odd::new(name, tree.finish(), reserved)
    };
    let two = |name, first: &dyn Fn(&mut Writer), second: &dyn Fn(&mut Writer), reserved| {
        let blob = reserving(|parent| {
            parent.node("a", first);
            parent.node("b", second);
        });
        Odd::new(name, blob, reserved)
    };
    let nested = |name, outer: &'static str, inner: &'static str, reserved| {
        let blob = reserving(|parent| {
            parent.node("group", |group| {
                group.counts(2, 1);
                group.text("status", outer);
                group.node("log", |log| {
                    log.text("status", inner);
                    log.ranges("reg", &[(0x8100_0000, 0x1000)], 2, 1);
                });
            });
        });
        Odd::new(name, blob, reserved)
    };
    let at = |start: u64| move |node: &mut Writer| node.reg(&[(start, 0x1000)]);
    vec![
        Odd::new("empty-reserved-memory", reserving(|_| {}), ""),
        Odd::new(
            "reserved-memory-without-properties",
            bare(|root| {
                memory(root);
                root.node("reserved-memory", |_| {});
            }),
            "",
        ),
        region(
            "reservation-of-many-ranges",
            &[(0x8100_0000, 0x1000), (0x8200_0000, 0x1000)],
            "81000000-81001000 82000000-82001000",
        ),
        region("reservation-of-part-of-a-frame", &[(0x8100_0400, 0x100)], "81000000-81001000"),
        region("reservation-across-two-frames", &[(0x8100_0fff, 2)], "81000000-81002000"),
        region("reservation-of-no-bytes", &[(0x8100_0400, 0)], ""),
        region("reservation-with-an-empty-reg", &[], ""),
        region("reservation-outside-ram", &[(0x1000_0000, 0x1000)], "10000000-10001000"),
        region("reservation-half-outside-ram", &[(0x7fff_f000, 0x2000)], "7ffff000-80001000"),
        region("reservation-of-all-ram", &[(0, 1 << 40)], "0-10000000000"),
        two("reservation-twice", &at(0x8100_0000), &at(0x8100_0000), "81000000-81001000"),
        two("reservations-that-overlap", &at(0x8100_0000), &at(0x8100_0800), "81000000-81002000"),
        two("reservations-that-touch", &at(0x8100_0000), &at(0x8100_1000), "81000000-81002000"),
        two(
            "a-disabled-reservation",
            &at(0x8100_0000),
            &|node| {
                node.text("status", "disabled");
                node.reg(&[(0x8200_0000, 0x1000)]);
            },
            "81000000-81001000",
        ),
        two(
            "a-reservation-that-is-okay",
            &at(0x8100_0000),
            &|node| {
                node.text("status", "okay");
                node.reg(&[(0x8200_0000, 0x1000)]);
            },
            "81000000-81001000 82000000-82001000",
        ),
        nested("a-group-of-reservations", "okay", "okay", "81000000-81001000"),
        nested("a-disabled-reservation-in-a-group", "okay", "disabled", ""),
        nested("a-disabled-group", "disabled", "okay", ""),
        block(
            "reservation-block-with-an-entry-of-no-bytes",
            &[(1, 0), (0x8000_0000, 0x1000)],
            "80000000-80001000",
        ),
        block("reservation-block-at-address-0", &[(0, 0x1000)], "0-1000"),
        block("reservation-block-twice-the-same", &[(0x8100_0800, 1), (0x8100_0800, 1)], "81000000-81001000"),
        Odd::new(
            "two-nodes-of-reservations",
            bare(|root| {
                memory(root);
                for start in [0x8100_0000, 0x8200_0000] {
                    root.node("reserved-memory", |parent| {
                        parent.counts(2, 2);
                        parent.node("a", at(start));
                    });
                }
            }),
            "81000000-81001000 82000000-82001000",
        ),
    ]
}

fn dynamic() -> Vec<Odd> {
    let pool = |name, reserved, inside: &dyn Fn(&mut Writer)| {
        Odd::new(name, reserving(|parent| parent.node("pool", inside)), reserved)
    };
    vec![
        pool("pool-at-the-top", "bffff000-c0000000", &|pool| pool.cells("size", &[0, 0x1000])),
        pool("pool-whose-size-has-one-cell", "bffff000-c0000000", &|pool| pool.cells("size", &[0x1000])),
        pool("pool-of-one-byte", "bffff000-c0000000", &|pool| pool.cells("size", &[1])),
        pool("pool-of-no-bytes", "", &|pool| pool.cells("size", &[0])),
        pool("pool-of-no-bytes-where-nothing-is-free", "", &|pool| {
            pool.cells("size", &[0]);
            pool.ranges("alloc-ranges", &[(0x1000_0000, 0x1000)], 2, 2);
        }),
        pool("pool-that-is-all-ram", RAM, &|pool| pool.cells("size", &[0x4000_0000])),
        pool("pool-that-is-aligned", "b0000000-b0001000", &|pool| {
            pool.cells("size", &[0x1000]);
            pool.cells("alignment", &[0x1000_0000]);
        }),
        pool("pool-aligned-to-a-byte", "bffff000-c0000000", &|pool| {
            pool.cells("size", &[0x1000]);
            pool.cells("alignment", &[0, 1]);
        }),
        pool("pool-in-a-window", "a0000000-a0001000", &|pool| {
            pool.cells("size", &[0x1000]);
            pool.ranges("alloc-ranges", &[(0x9000_0000, 0x1000_1000)], 2, 2);
        }),
        pool("pool-in-the-second-window", "81000000-81001000", &|pool| {
            pool.cells("size", &[0x1000]);
            pool.ranges("alloc-ranges", &[(0, 0x8000_0000), (0x8100_0000, 0x1000)], 2, 2);
        }),
        pool("pool-with-an-address-has-it", "81000000-81001000", &|pool| {
            pool.cells("size", &[0x1000]);
            pool.reg(&[(0x8100_0000, 0x1000)]);
        }),
        pool("disabled-pool", "", &|pool| {
            pool.cells("size", &[u32::MAX]);
            pool.text("status", "disabled");
        }),
        pool("reusable-pool-that-fits-nowhere", "", &|pool| {
            pool.cells("size", &[u32::MAX]);
            pool.flag("reusable");
        }),
        Odd::new(
            "pools-and-a-reservation-at-the-top",
            reserving(|parent| {
                parent.node("pool-1", |pool| pool.cells("size", &[0x1000]));
                parent.node("pool-2", |pool| pool.cells("size", &[0x2000]));
                parent.node("fixed", |fixed| fixed.reg(&[(0xbfff_e000, 0x1000)]));
            }),
            "bfffc000-c0000000",
        ),
    ]
}

fn initrd() -> Vec<Odd> {
    let disk = |name, start: &[u32], end: &[u32], reserved| {
        let blob = choosing(|chosen| {
            chosen.cells("linux,initrd-start", start);
            chosen.cells("linux,initrd-end", end);
        });
        Odd::new(name, blob, reserved)
    };
    vec![
        disk("initrd-of-32-bits", &[0x8800_0000], &[0x8800_1234], "88000000-88002000"),
        disk("initrd-of-64-bits", &[0, 0x8800_0000], &[0, 0x8800_1234], "88000000-88002000"),
        disk("initrd-of-32-and-64-bits", &[0x8800_0000], &[0, 0x8800_1000], "88000000-88001000"),
        disk("initrd-above-4-gibibytes", &[8, 0], &[8, 0x1000], "800000000-800001000"),
        disk("initrd-of-no-bytes", &[0x8800_0000], &[0x8800_0000], ""),
        disk("initrd-that-is-not-aligned", &[0x8800_0fff], &[0x8800_1001], "88000000-88002000"),
    ]
}
