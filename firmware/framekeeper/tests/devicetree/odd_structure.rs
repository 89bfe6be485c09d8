//! Odd headers, layouts and names.

use crate::{
    odd::{Odd, RAM, RESERVED},
    sample::{laborious, machine, machine_writer, memory, scaled},
    writer::{Blob, Layout, Writer, field},
};

pub(crate) fn table() -> Vec<Odd> {
    let mut table = layouts();
    table.extend(names());
    table.extend(nops());
    let tokens = |root: &mut Writer| root.cells("tokens", &[1, 2, 3, 4, 9, 0xd00d_feed]);
    table.push(Odd::new("values-that-look-like-tokens", rooted(&tokens), RESERVED));
    let blob = |root: &mut Writer| root.property("blob", &[0x5a; scaled(65_536, 1_024)]);
    table.push(Odd::new("a-value-of-64-kibibytes", rooted(&blob), RESERVED));
    // These are hundreds of thousands, which take Miri minutes.
    if !cfg!(miri) {
        table.push(Odd::new("as-many-steps-as-there-may-be", laborious(0), ""));
    }
    table.push(Odd { name: "64-nodes-inside-one-another", bytes: deep(62), ram: RAM, reserved: RESERVED });
    table
}

fn laid_out(name: &'static str, layout: Layout) -> Odd {
    Odd::new(name, machine_writer(|_| {}).finish_with(layout), RESERVED)
}

fn layouts() -> Vec<Odd> {
    let normal = Layout::default();
    let old = Layout { version: 16, ..normal };
    let mut table = vec![
        laid_out("strings-before-structure", Layout { strings_first: true, ..normal }),
        laid_out("gaps-between-the-blocks", Layout { gap: 64, ..normal }),
        laid_out("gaps-of-three-bytes", Layout { gap: 3, ..normal }),
        laid_out("room-at-the-end", Layout { slack: 4096, ..normal }),
        laid_out("a-total-size-that-is-odd", Layout { slack: 1, ..normal }),
        laid_out("version-16", old),
        laid_out("version-16-strings-before-structure", Layout { strings_first: true, ..old }),
        laid_out("version-16-with-gaps-and-room", Layout { gap: 8, slack: 9, ..old }),
        laid_out("version-17-compatible-with-17", Layout { last_compatible: 17, ..normal }),
        laid_out("version-17-compatible-with-1", Layout { last_compatible: 1, ..normal }),
        laid_out("version-18-compatible-with-17", Layout { version: 18, last_compatible: 17, ..normal }),
        laid_out("version-4294967295-compatible-with-16", Layout { version: u32::MAX, ..normal }),
    ];
    let mut push = |name, bytes| table.push(Odd { name, bytes, ram: RAM, reserved: RESERVED });
    let whole = machine(|_| {});
    push("boot-cpu-7", whole.with_word(28, 7));
    let mut longer = whole.bytes.clone();
    longer.extend([0xa5; 100]);
    push("other-bytes-behind-the-tree", longer);
    let at = whole.word(field::STRINGS);
    let mut shared = whole.with_word(field::STRINGS_SIZE, whole.len() as u32 - at);
    shared[31] = 1;
    push("boot-cpu-1", shared);
    table
}

fn names() -> Vec<Odd> {
    let with = |name, inside: &dyn Fn(&mut Writer)| Odd::new(name, machine(|root| inside(root)), RESERVED);
    vec![
        with("property-name-over-31-characters", &|root| {
            root.node("etm", |etm| etm.flag("arm,coresight-loses-context-with-cpu"));
        }),
        with("node-name-over-31-characters", &|root| {
            root.node("a-node-name-that-goes-on-for-more-than-31-characters@0", |_| {});
        }),
        with("node-name-of-4000-characters", &|root| root.node(&"n".repeat(4000), |_| {})),
        with("unit-address-with-0x", &|root| root.node("device@0x10000000", |_| {})),
        with("unit-address-in-upper-case", &|root| root.node("device@ABCDEF00", |_| {})),
        with("unit-address-that-is-empty", &|root| root.node("device@", |_| {})),
        with("two-unit-addresses", &|root| root.node("device@0@1", |_| {})),
        with("name-is-only-a-unit-address", &|root| root.node("@0", |_| {})),
        with("names-in-upper-case", &|root| root.node("UART", |uart| uart.flag("LOUD"))),
        with("names-with-underscores", &|root| root.node("debug_kinfo", |node| node.flag("a_flag"))),
        with("names-with-spaces-and-slashes", &|root| root.node("a b/c", |node| node.flag("d e"))),
        with("names-with-letters-of-two-bytes", &|root| root.node("Gerät", |node| node.flag("Größe"))),
        with("the-same-node-twice", &|root| (0..2).for_each(|_| root.node("twin", |_| {}))),
        with("the-same-property-twice", &|root| {
            root.node("twin", |twin| (0..2).for_each(|_| twin.flag("again")));
        }),
        with("a-property-without-a-name", &|root| root.node("a", |a| a.property("", &[1]))),
        with("a-name-that-is-the-end-of-another-name", &|root| {
            root.node("a", |a| {
                let compatible = a.string("compatible");
                a.property_named("ible", compatible + 6, &[]);
            });
        }),
        with("empty-nodes", &|root| (0..100).for_each(|n| root.node(&format!("n{n}"), |_| {}))),
    ]
}

/// A tree like the sample as far as memory goes, with `properties` at its very start.
fn rooted(properties: &dyn Fn(&mut Writer)) -> Blob {
    let mut tree = Writer::new();
    tree.reserve(0x8000_0000, 0x1000);
    tree.reserve(0x9000_0000, 0x1000);
    tree.node("", |root| {
        properties(root);
        root.counts(2, 2);
        memory(root);
    });
    tree.finish()
}

fn nops() -> Vec<Odd> {
    let push = |name, write: &dyn Fn(&mut Writer)| {
        let mut tree = Writer::new();
        tree.reserve(0x8000_0000, 0x1000);
        tree.reserve(0x9000_0000, 0x1000);
        write(&mut tree);
        Odd::new(name, tree.finish(), RESERVED)
    };
    let body = |root: &mut Writer| {
        root.counts(2, 2);
        memory(root);
    };
    vec![
        push("nops-before-the-root", &|tree| {
            tree.nops(3);
            tree.node("", body);
        }),
        push("nops-behind-the-root", &|tree| {
            tree.node("", body);
            tree.nops(3);
        }),
        push("nops-before-properties", &|tree| {
            tree.node("", |root| {
                root.nops(2);
                body(root);
            });
        }),
        push("nops-between-properties-and-children", &|tree| {
            tree.node("", |root| {
                root.counts(2, 2);
                root.nops(2);
                memory(root);
                root.nops(2);
            });
        }),
        push("nops-in-the-memory-node", &|tree| {
            tree.node("", |root| {
                root.counts(2, 2);
                root.node("memory@0", |node| {
                    node.nops(1);
                    node.reg(&[(0x8000_0000, 0x4000_0000)]);
                    node.nops(1);
                });
            });
        }),
        push("a-flood-of-nops", &|tree| {
            tree.node("", |root| {
                root.counts(2, 2);
                root.nops(scaled(100_000, 100));
                memory(root);
            });
        }),
    ]
}

/// The sample with `levels` nodes inside one another, inside its root and a child.
fn deep(levels: usize) -> Vec<u8> {
    let blob = machine(|root| {
        root.begin("deep");
        (0..levels).for_each(|_| root.begin("deeper"));
        (0..=levels).for_each(|_| root.end());
    });
    blob.bytes
}
