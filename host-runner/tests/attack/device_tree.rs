//! Device trees that a boot loader might hand over: with some the board must not boot and says why, with others it must.
//!
//! They are QEMU's own with changes. QEMU replaces the memory nodes in what it is given, and leaves the rest.

use crate::runner::{FakeQemu, Run, finish, runner, which};

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

/// The blocks of a device tree (Devicetree Specification 0.4 §5), without what ends them.
struct QemuTree {
    reservations: Vec<u8>,
    structure: Vec<u8>,
    strings: Vec<u8>,
}

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const END: u32 = 9;

impl QemuTree {
    /// What QEMU makes for the board `qemu-virt`.
    fn dump() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qemu.dtb");
        let machine = format!("virt,gic-version=3,dumpdtb={}", path.display());
        let dumped = std::process::Command::new(which("qemu-system-aarch64"))
            .args(["-machine", &machine, "-cpu", "cortex-a72", "-smp", "8", "-m", "8G"])
            .args(["-nodefaults", "-display", "none"])
            .output();
        assert!(dumped.unwrap().status.success());
        Self::split(&std::fs::read(path).unwrap())
    }

    fn split(blob: &[u8]) -> Self {
        let word = |at: usize| u32::from_be_bytes(blob[at..at + 4].try_into().unwrap()) as usize;
        let (structure, strings) = (&blob[word(8)..][..word(36)], &blob[word(12)..][..word(32)]);
        let (reservations, _) = blob[word(16)..].as_chunks::<16>();
        let count = reservations.iter().position(|entry| *entry == [0; 16]).unwrap();
        let ends = [END_NODE.to_be_bytes(), END.to_be_bytes()].concat();
        Self {
            reservations: reservations[..count].concat(),
            structure: structure.strip_suffix(&*ends).unwrap().to_vec(),
            strings: strings.to_vec(),
        }
    }

    fn blob(&self) -> Vec<u8> {
        const HEADER: usize = 40;
        let reservations = [self.reservations.as_slice(), &[0; 16]].concat();
        let structure = [&*self.structure, &END_NODE.to_be_bytes(), &END.to_be_bytes()].concat();
        let structure_at = HEADER + reservations.len();
        let strings_at = structure_at + structure.len();
        let total = strings_at + self.strings.len();
        let places = [0xd00d_feed, total, structure_at, strings_at, HEADER];
        let rest = [17, 16, 0, self.strings.len(), structure.len()];
        let header: Vec<_> =
            [places, rest].concat().iter().flat_map(|&field| (field as u32).to_be_bytes()).collect();
        [header, reservations, structure, self.strings.clone()].concat()
    }

    fn replace(&mut self, old: &[u8], new: &[u8]) {
        let at = self.structure.windows(old.len()).position(|window| window == old).unwrap();
        self.structure[at..at + old.len()].copy_from_slice(new);
    }

    /// An entry of the reservation block.
    fn reserve(&mut self, start: u64, size: u64) {
        self.reservations.extend([start, size].map(u64::to_be_bytes).concat());
    }

    /// Adds `/reserved-memory`, which QEMU's tree does not have.
    fn reserved_memory(&mut self, inside: impl FnOnce(&mut Self)) {
        self.node("reserved-memory", |tree| {
            tree.counts();
            tree.property("ranges", &[]);
            inside(tree);
        });
    }

    fn no_map(&mut self, name: &str, start: u64, size: u64) {
        self.node(name, |tree| {
            tree.range("reg", start, size);
            tree.property("no-map", &[]);
        });
    }

    /// Two cells each for addresses and sizes.
    fn counts(&mut self) {
        self.property("#address-cells", &2_u32.to_be_bytes());
        self.property("#size-cells", &2_u32.to_be_bytes());
    }

    fn range(&mut self, name: &str, start: u64, size: u64) {
        self.property(name, &[start, size].map(u64::to_be_bytes).concat());
    }

    fn node(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.word(BEGIN_NODE);
        self.padded(format!("{name}\0").as_bytes());
        inside(self);
        self.word(END_NODE);
    }

    fn property(&mut self, name: &str, value: &[u8]) {
        self.word(PROPERTY);
        self.word(value.len() as u32);
        self.word(self.strings.len() as u32);
        self.padded(value);
        self.strings.extend(format!("{name}\0").bytes());
    }

    fn word(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }
}
