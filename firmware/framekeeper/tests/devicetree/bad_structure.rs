//! Structure blocks that are none.

use crate::{
    bad::Bad,
    sample::{bare_writer, laborious, machine_writer, sample, scaled},
    writer::{BEGIN_NODE, END, END_NODE, Layout, NOP, PROPERTY, Writer, field},
};

pub(crate) fn table() -> Vec<Bad> {
    let mut table = block_ends_early();
    table.extend(tokens_overwritten());
    table.extend(property_headers());
    table.extend(names());
    table.extend(order());
    table.extend(too_much());
    table
}

/// The header tells a smaller structure block than there is.
fn block_ends_early() -> Vec<Bad> {
    let whole = sample();
    let start = whole.word(field::STRUCTURE) as usize;
    let mut table = Vec::new();
    let mut cut = |name: String, end: usize, kind: &str, offset: usize| {
        table.push(Bad::new(
            name,
            whole.with_word(field::STRUCTURE_SIZE, (end - start) as u32),
            kind,
            offset,
        ));
    };
    for mark in &whole.marks {
        let (label, at) = (&mark.label, mark.offset);
        cut(format!("block-ends-before-{label}"), at, "MissingEnd", at);
        cut(format!("block-ends-inside-{label}"), at + 3, "MissingEnd", at);
        match mark.token {
            BEGIN_NODE => {
                cut(format!("block-ends-before-the-name-at-{label}"), at + 4, "NodeNameUnterminated", at);
            }
            PROPERTY => {
                cut(format!("block-ends-before-the-length-of-{label}"), at + 4, "MissingEnd", at);
                cut(format!("block-ends-before-the-name-of-{label}"), at + 8, "MissingEnd", at);
                cut(format!("block-ends-inside-the-name-of-{label}"), at + 11, "MissingEnd", at);
                if whole.word(at + 4) > 0 {
                    let kind = "PropertyOutsideBlock";
                    cut(format!("block-ends-before-the-value-of-{label}"), at + 12, kind, at);
                    cut(format!("block-ends-inside-the-value-of-{label}"), at + 13, kind, at);
                }
            }
            _ => {}
        }
    }
    table
}

fn tokens_overwritten() -> Vec<Bad> {
    let whole = sample();
    let mut table = Vec::new();
    let mut open = 0;
    for mark in &whole.marks {
        let at = mark.offset;
        for word in [0, 5, 8, 10, 0x0100_0000, 0x8000_0001, 0xd00d_feed, u32::MAX] {
            let name = format!("{}-is-{word:#x}", mark.label);
            table.push(Bad::new(name, whole.with_word(at, word), "UnknownToken", at));
        }
        if mark.token != END {
            let kind = if open == 0 { "NoRoot" } else { "EndInsideNode" };
            table.push(Bad::new(format!("tree-ends-at-{}", mark.label), whole.with_word(at, END), kind, at));
        }
        match mark.token {
            BEGIN_NODE => open += 1,
            END_NODE => {
                // One node is never closed, which only the end of the tree shows.
                let bytes = whole.with_word(at, NOP);
                let last = whole.at("end-of-tree");
                table.push(Bad::new(format!("nop-for-{}", mark.label), bytes, "EndInsideNode", last));
                open -= 1;
            }
            END => {
                let name = "nop-for-end-of-tree";
                table.push(Bad::new(name, whole.with_word(at, NOP), "MissingEnd", at + 4));
            }
            _ => {}
        }
    }
    table
}

fn property_headers() -> Vec<Bad> {
    let whole = sample();
    let end = whole.at("end-of-tree") + 4;
    let strings = whole.word(field::STRINGS_SIZE);
    let mut table = Vec::new();
    for mark in whole.marks.iter().filter(|mark| mark.token == PROPERTY) {
        let (label, at) = (&mark.label, mark.offset);
        let left = (end - at - 12) as u32;
        for (what, length) in [
            ("one-byte-too-long", left + 1),
            ("one-cell-too-long", left + 4),
            ("as-long-as-i32-can-tell", i32::MAX as u32),
            ("as-long-as-no-i32-can-tell", 0x8000_0000),
            ("so-long-that-its-end-wraps", u32::MAX - at as u32 + 1),
            ("as-long-as-can-be", u32::MAX),
        ] {
            let name = format!("{label}-is-{what}");
            table.push(Bad::new(name, whole.with_word(at + 4, length), "PropertyOutsideBlock", at));
        }
        for name_at in [strings, strings + 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let name = format!("{label}-has-its-name-at-{name_at:#x}");
            table.push(Bad::new(name, whole.with_word(at + 8, name_at), "PropertyNameOutsideStrings", at));
        }
    }
    table
}

fn names() -> Vec<Bad> {
    let whole = sample();
    let mut table = Vec::new();
    for label in ["chosen", "memory@80000000", "reserved-memory", "secure@90000000", "serial@9000000"] {
        let at = whole.at(&format!("start-of-{label}"));
        for (what, bytes) in
            [("0xff", &[0xff][..]), ("a-lone-continuation", &[0x80]), ("overlong", &[0xc0, 0x80])]
        {
            let bytes = whole.with_bytes(at + 4, bytes);
            table.push(Bad::new(format!("{label}-starts-with-{what}"), bytes, "NodeNameNotText", at));
        }
        let bytes = whole.with_bytes(at + 4, &[0]);
        table.push(Bad::new(format!("{label}-has-no-name"), bytes, "EmptyNodeName", at));
    }
    let root = whole.at("start-of-root");
    for name in ["a", "/", "@", "rt"] {
        let bytes = whole.with_bytes(root + 4, name.as_bytes());
        table.push(Bad::new(format!("root-is-called-{name}"), bytes, "NamedRoot", root));
    }
    for (what, name, kind) in [
        ("no-end", &b"quite-long-and-then"[..], "PropertyNameUnterminated"),
        ("one-letter-and-no-end", b"x", "PropertyNameUnterminated"),
        ("no-text-in-it", b"\xff\xfe\0", "PropertyNameNotText"),
        ("half-a-letter", b"name-\xc3\0", "PropertyNameNotText"),
    ] {
        let mut at = 0;
        let blob = machine_writer(|root| {
            root.node("last", |last| {
                at = last.string_bytes(name);
                last.property_named("wild", at, &[]);
            });
        })
        .finish();
        let offset = blob.at("property-wild-of-last");
        table.push(Bad::new(format!("name-of-a-property-has-{what}"), blob.bytes, kind, offset));
    }
    table
}

/// Tokens that are sound one by one and stand in the wrong order. The label of the token that is wrong is given.
fn order() -> Vec<Bad> {
    let mut table = Vec::new();
    let mut wrong = |name: &str, kind: &str, label: &str, write: &dyn Fn(&mut Writer)| {
        let mut tree = Writer::new();
        write(&mut tree);
        let blob = tree.finish();
        let offset = blob.marks.iter().rev().find(|mark| mark.label == label).unwrap().offset;
        table.push(Bad::new(name, blob.bytes, kind, offset));
    };
    let root = |tree: &mut Writer| tree.node("", |_| {});
    wrong("nothing-but-an-end", "NoRoot", "end-of-tree", &|_| {});
    wrong("nops-and-an-end", "NoRoot", "end-of-tree", &|tree| tree.nops(7));
    wrong("property-before-the-root", "PropertyOutsideNode", "property-model-of-nothing", &|tree| {
        tree.text("model", "early");
        root(tree);
    });
    wrong("property-and-no-root", "PropertyOutsideNode", "property-model-of-nothing", &|tree| {
        tree.text("model", "alone");
    });
    wrong("property-behind-the-root", "PropertyOutsideNode", "property-model-of-nothing", &|tree| {
        root(tree);
        tree.text("model", "late");
    });
    wrong(
        "property-behind-the-root-and-a-nop",
        "PropertyOutsideNode",
        "property-model-of-nothing",
        &|tree| {
            root(tree);
            tree.nops(1);
            tree.text("model", "late");
        },
    );
    for depth in 1..6 {
        let name = format!("property-after-a-child-at-depth-{depth}");
        wrong(&name, "PropertyAfterChild", "property-late-of-parent", &|tree| {
            tree.begin("");
            (1..depth).for_each(|_| tree.begin("around"));
            tree.node("parent", |parent| {
                parent.node("child", |_| {});
                parent.flag("late");
            });
            (0..depth).for_each(|_| tree.end());
        });
        let name = format!("property-after-a-child-and-{depth}-nops");
        wrong(&name, "PropertyAfterChild", "property-late-of-root", &|tree| {
            tree.node("", |tree| {
                tree.node("child", |_| {});
                tree.nops(depth);
                tree.flag("late");
            });
        });
        let name = format!("end-of-node-{depth}-times-too-often");
        wrong(&name, "EndNodeOutsideNode", "first-too-many", &|tree| {
            root(tree);
            tree.mark(END_NODE, "first-too-many".to_owned());
            (1..depth).for_each(|_| tree.raw(END_NODE));
        });
        let name = format!("{depth}-nodes-are-not-ended");
        wrong(&name, "EndInsideNode", "end-of-tree", &|tree| {
            tree.begin("");
            (1..depth).for_each(|_| tree.begin("open"));
        });
        let name = format!("second-root-behind-{depth}-nops");
        wrong(&name, "SecondRoot", "start-of-root", &|tree| {
            root(tree);
            tree.nops(depth);
            root(tree);
        });
    }
    wrong("end-of-node-before-any-node", "EndNodeOutsideNode", "end-of-nothing", &|tree| tree.end());
    wrong("second-root-at-once", "SecondRoot", "start-of-root", &|tree| (0..2).for_each(|_| root(tree)));
    wrong("second-root-with-a-name", "SecondRoot", "start-of-evil", &|tree| {
        root(tree);
        tree.node("evil", |_| {});
    });
    wrong("root-with-a-long-name", "NamedRoot", "start-of-evil-root", &|tree| tree.node("evil-root", |_| {}));
    table
}

fn too_much() -> Vec<Bad> {
    let mut table = Vec::new();
    for depth in [65, 66, 100, scaled(1_000, 200), scaled(100_000, 300)] {
        let mut tree = Writer::new();
        tree.begin("");
        (1..depth).for_each(|_| tree.begin("n"));
        (0..depth).for_each(|_| tree.end());
        let blob = tree.finish();
        let offset = blob.marks[64].offset;
        table.push(Bad::new(format!("{depth}-nodes-inside-one-another"), blob.bytes, "TooDeep", offset));
    }
    for (what, word) in [("a-nop", NOP), ("a-second-end", END), ("zeros", 0), ("a-root", BEGIN_NODE)] {
        for count in [1, 5] {
            let mut tree = bare_writer(|_| {});
            tree.mark(END, "end-of-tree".to_owned());
            (0..count).for_each(|_| tree.raw(word));
            let blob = tree.lay_out(Layout::default());
            let offset = blob.at("end-of-tree") + 4;
            let name = format!("{what}-behind-the-end-{count}-times");
            table.push(Bad::new(name, blob.bytes, "TokensBehindEnd", offset));
        }
    }
    const NOPS: usize = scaled(10_000, 300);
    let mut tree = Writer::new();
    tree.nops(NOPS);
    let blob = tree.lay_out(Layout::default());
    let offset = blob.marks[NOPS - 1].offset + 4;
    table.push(Bad::new(format!("nothing-but-{NOPS}-nops"), blob.bytes, "MissingEnd", offset));
    const LETTERS: usize = scaled(20_000, 2_000);
    for properties in scaled([1_000, 5_000], [200, 500]) {
        let blob = bare_writer(|root| {
            let name = root.string_bytes(&[b'x'; LETTERS]);
            root.string_bytes(&[0]);
            (0..properties).for_each(|_| root.property_named("endless", name, &[]));
        });
        let name = format!("{properties}-properties-share-a-name-of-{LETTERS}-letters");
        table.push(Bad::somewhere(name, blob.finish().bytes, "TooManySteps"));
    }
    // These are hundreds of thousands, which take Miri minutes.
    if !cfg!(miri) {
        table.push(Bad::somewhere("one-byte-too-few-for-the-steps", laborious(1).bytes, "TooManySteps"));
    }
    table
}
