//! A small machine: what the tables of broken trees break.

use crate::writer::{Blob, Layout, Writer};
use framekeeper::devicetree::{STEPS_PER_BYTE, Tree};

/// What is usual; or under Miri, which is thousands of times slower, less that goes the same ways.
pub(crate) const fn scaled<T: Copy>(usual: T, under_miri: T) -> T {
    if cfg!(miri) { under_miri } else { usual }
}

/// 1 GiB of RAM from 0x8000_0000, of which two reservations take 0x8000_0000 and 0x9000_0000, 4 KiB each.
pub(crate) fn sample() -> Blob {
    machine(|_| {})
}

/// The sample, with more inside its root.
pub(crate) fn machine(more: impl FnOnce(&mut Writer)) -> Blob {
    machine_writer(more).finish()
}

pub(crate) fn machine_writer(more: impl FnOnce(&mut Writer)) -> Writer {
    let mut tree = Writer::new();
    tree.reserve(0x8000_0000, 0x1000);
    tree.node("", |root| {
        root.counts(2, 2);
        root.text("compatible", "framekeeper,sample");
        root.node("chosen", |chosen| chosen.text("stdout-path", "/serial@9000000:115200n8"));
        root.node("memory@80000000", |memory| {
            memory.text("device_type", "memory");
            memory.reg(&[(0x8000_0000, 0x4000_0000)]);
        });
        root.node("reserved-memory", |reserved| {
            reserved.counts(2, 2);
            reserved.flag("ranges");
            reserved.node("secure@90000000", |secure| {
                secure.reg(&[(0x9000_0000, 0x1000)]);
                secure.flag("no-map");
            });
        });
        root.node("serial@9000000", |serial| {
            serial.property("compatible", b"arm,pl011\0arm,primecell\0");
            serial.reg(&[(0x900_0000, 0x1000)]);
        });
        more(root);
    });
    tree
}

/// A tree of a root, 2/2 cells, and what a test puts into it.
pub(crate) fn bare(inside: impl FnOnce(&mut Writer)) -> Blob {
    bare_writer(inside).finish()
}

pub(crate) fn bare_writer(inside: impl FnOnce(&mut Writer)) -> Writer {
    let mut tree = Writer::new();
    tree.node("", |root| {
        root.counts(2, 2);
        inside(root);
    });
    tree
}

/// 1 GiB of RAM from 0x8000_0000.
pub(crate) fn memory(root: &mut Writer) {
    root.node("memory@80000000", |memory| {
        memory.text("device_type", "memory");
        memory.reg(&[(0x8000_0000, 0x4000_0000)]);
    });
}

/// The sample's RAM, and a `/reserved-memory` of 2/2 cells.
pub(crate) fn reserving(inside: impl FnOnce(&mut Writer)) -> Blob {
    bare(|root| {
        memory(root);
        root.node("reserved-memory", |reserved| {
            reserved.counts(2, 2);
            reserved.flag("ranges");
            inside(reserved);
        });
    })
}

/// The sample's RAM, in a tree whose check takes as many steps as it may; without so many bytes at its end.
pub(crate) fn laborious(missing: usize) -> Blob {
    let write = |nops: u64, slack| {
        let tree = bare_writer(|root| {
            let name = root.string_bytes(&[b'x'; 5_000]);
            root.string_bytes(&[0]);
            (0..100).for_each(|_| root.property_named("endless", name, &[]));
            root.nops(nops as usize);
            memory(root);
        });
        tree.finish_with(Layout { slack, ..Layout::default() })
    };
    let steps = Tree::new(&write(0, 10_000).bytes).unwrap().steps();
    // A nop is one step.
    let bytes = steps.div_ceil(STEPS_PER_BYTE);
    let nops = bytes * STEPS_PER_BYTE - steps;
    write(nops, bytes as usize - write(nops, 0).len() - missing)
}

/// The sample's RAM, and a `/chosen`.
pub(crate) fn choosing(inside: impl FnOnce(&mut Writer)) -> Blob {
    bare(|root| {
        memory(root);
        root.node("chosen", inside);
    })
}
