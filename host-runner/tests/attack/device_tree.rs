//! Device trees that a boot loader might hand over: with some the board must not boot and says why, with others it must.
//!
//! They are QEMU's own with changes. QEMU replaces the memory nodes in what it is given, and leaves the rest.

use crate::{
    qemu_tree::QemuTree,
    runner::{FakeQemu, Run, finish, runner, which},
};

const GIB: u64 = 1 << 30;

#[test]
fn a_board_without_an_interrupt_controller_says_so() {
    let mut tree = QemuTree::dump();
    tree.replace(b"arm,gic-v3", b"arm,gic-v9");
    assert_says_why(&tree, &["NoNode(\"arm,gic-v3\")"]);
}

#[test]
fn an_image_that_must_not_be_mapped_is_not_booted() {
    let mut tree = QemuTree::dump();
    tree.reserved_memory(|tree| tree.no_map("secure@40000000", 0x4000_0000, 0x40_0000));
    assert_says_why(&tree, &["MustNotBeMapped", "no_map: 0x40000000..0x40400000"]);
}

#[test]
fn a_reservation_that_cannot_be_read_is_not_ignored() {
    let mut tree = QemuTree::dump();
    tree.reserved_memory(|tree| {
        tree.node("cut-short@100000000", |tree| tree.property("reg", &1_u64.to_be_bytes()));
    });
    assert_says_why(&tree, &["cut-short@100000000", "BadLength { length: 8, entry: 16 }"]);
}

#[test]
fn a_reservation_that_fits_nowhere_is_not_ignored() {
    let mut tree = QemuTree::dump();
    tree.reserved_memory(|tree| {
        tree.node("too-large", |tree| tree.property("size", &(1024 * GIB).to_be_bytes()));
    });
    assert_says_why(&tree, &["too-large", "NoPlace { size: 1099511627776"]);
}

/// One GiB of each kind: one that is overlooked shows in the sum, and what is free or mapped of them in the suite.
#[test]
fn reservations_of_every_kind_are_kept() {
    let mut tree = QemuTree::dump();
    tree.reserve(8 * GIB, GIB);
    tree.reserved_memory(|tree| {
        tree.no_map("secure@100000000", 4 * GIB, GIB);
        tree.node("group", |tree| {
            tree.counts();
            tree.property("ranges", &[]);
            tree.node("nested@180000000", |tree| tree.range("reg", 6 * GIB, GIB));
        });
        tree.node("placed-by-us", |tree| {
            tree.property("size", &GIB.to_be_bytes());
            tree.property("alignment", &(2_u64 << 20).to_be_bytes());
            tree.range("alloc-ranges", 4 * GIB, 3 * GIB);
        });
    });
    let run = boot(&tree);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("3.9 GiB usable RAM"), "{}", run.stdout);
}

fn assert_says_why(tree: &QemuTree, reasons: &[&str]) {
    let run = boot(tree);
    assert_eq!(run.code, Some(2), "{run:?}");
    for reason in reasons {
        assert!(run.stdout.contains(reason), "{reason}: {}", run.stdout);
    }
    assert!(run.stdout.contains("unverified"), "{}", run.stdout);
}

/// Runs the suite on a board whose boot loader hands over this tree.
fn boot(tree: &QemuTree) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patched.dtb");
    std::fs::write(&path, tree.blob()).unwrap();
    let qemu = which("qemu-system-aarch64");
    let fake = FakeQemu::new(&format!("exec '{}' \"$@\" -dtb '{}'", qemu.display(), path.display()));
    let mut command = runner(&[]);
    command.env("PATH", fake.path());
    finish(command)
}
