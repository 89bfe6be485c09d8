//! QEMU's own device tree, with changes.

use crate::runner::which;

/// The blocks of a device tree (Devicetree Specification 0.4 §5), without what ends them.
pub(crate) struct QemuTree {
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
    pub(crate) fn dump() -> Self {
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

    pub(crate) fn blob(&self) -> Vec<u8> {
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

    pub(crate) fn replace(&mut self, old: &[u8], new: &[u8]) {
        let at = self.structure.windows(old.len()).position(|window| window == old).unwrap();
        self.structure[at..at + old.len()].copy_from_slice(new);
    }

    /// An entry of the reservation block.
    pub(crate) fn reserve(&mut self, start: u64, size: u64) {
        self.reservations.extend([start, size].map(u64::to_be_bytes).concat());
    }

    /// Adds `/reserved-memory`, which QEMU's tree does not have.
    pub(crate) fn reserved_memory(&mut self, inside: impl FnOnce(&mut Self)) {
        self.node("reserved-memory", |tree| {
            tree.counts();
            tree.property("ranges", &[]);
            inside(tree);
        });
    }

    pub(crate) fn no_map(&mut self, name: &str, start: u64, size: u64) {
        self.node(name, |tree| {
            tree.range("reg", start, size);
            tree.property("no-map", &[]);
        });
    }

    /// Two cells each for addresses and sizes.
    pub(crate) fn counts(&mut self) {
        self.property("#address-cells", &2_u32.to_be_bytes());
        self.property("#size-cells", &2_u32.to_be_bytes());
    }

    pub(crate) fn range(&mut self, name: &str, start: u64, size: u64) {
        self.property(name, &[start, size].map(u64::to_be_bytes).concat());
    }

    pub(crate) fn node(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.word(BEGIN_NODE);
        self.padded(format!("{name}\0").as_bytes());
        inside(self);
        self.word(END_NODE);
    }

    pub(crate) fn property(&mut self, name: &str, value: &[u8]) {
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
