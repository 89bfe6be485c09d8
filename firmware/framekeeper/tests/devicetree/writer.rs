//! Writes device trees: sound ones, and any wreck of them that a test needs.

use std::fmt::Write as _;

/// Offsets of the header's fields.
pub(crate) mod field {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const TOTAL_SIZE: usize = 4;
    pub(crate) const STRUCTURE: usize = 8;
    pub(crate) const STRINGS: usize = 12;
    pub(crate) const RESERVATIONS: usize = 16;
    pub(crate) const VERSION: usize = 20;
    pub(crate) const LAST_COMPATIBLE: usize = 24;
    pub(crate) const STRINGS_SIZE: usize = 32;
    pub(crate) const STRUCTURE_SIZE: usize = 36;
}

pub(crate) const BEGIN_NODE: u32 = 1;
pub(crate) const END_NODE: u32 = 2;
pub(crate) const PROPERTY: u32 = 3;
pub(crate) const NOP: u32 = 4;
pub(crate) const END: u32 = 9;

/// Where a token stands, and in words what it is.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub token: u32,
    pub offset: usize,
    pub label: String,
}

/// Where the blocks go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub version: u32,
    pub last_compatible: u32,
    /// The strings block stands before the structure block.
    pub strings_first: bool,
    /// Bytes between two blocks.
    pub gap: usize,
    /// Bytes behind the last block that belong to the tree.
    pub slack: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self { version: 17, last_compatible: 16, strings_first: false, gap: 0, slack: 0 }
    }
}

/// A blob, and where its tokens are.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub bytes: Vec<u8>,
    pub marks: Vec<Mark>,
}

impl Blob {
    pub(crate) fn word(&self, offset: usize) -> u32 {
        u32::from_be_bytes(self.bytes[offset..offset + 4].try_into().unwrap())
    }

    pub(crate) fn with_word(&self, offset: usize, word: u32) -> Vec<u8> {
        self.with_bytes(offset, &word.to_be_bytes())
    }

    pub(crate) fn with_bytes(&self, offset: usize, new: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[offset..offset + new.len()].copy_from_slice(new);
        bytes
    }

    /// The offset of the token with this label.
    pub(crate) fn at(&self, label: &str) -> usize {
        self.marks.iter().find(|mark| mark.label == label).unwrap_or_else(|| panic!("no {label}")).offset
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A tree that is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
    reservations: Vec<u8>,
    marks: Vec<Mark>,
    path: Vec<String>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn mark(&mut self, token: u32, label: String) {
        self.marks.push(Mark { token, offset: self.structure.len(), label });
        self.raw(token);
    }

    /// A cell that may be no token.
    pub(crate) fn raw(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    pub(crate) fn raw_bytes(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    pub(crate) fn begin(&mut self, name: &str) {
        let shown = if name.is_empty() { "root" } else { name };
        self.mark(BEGIN_NODE, format!("start-of-{shown}"));
        self.raw_bytes(format!("{name}\0").as_bytes());
        self.path.push(shown.to_owned());
    }

    pub(crate) fn end(&mut self) {
        let name = self.path.pop().unwrap_or_else(|| "nothing".to_owned());
        self.mark(END_NODE, format!("end-of-{name}"));
    }

    pub(crate) fn node(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.begin(name);
        inside(self);
        self.end();
    }

    pub(crate) fn property(&mut self, name: &str, value: &[u8]) {
        let offset = self.string(name);
        self.property_named(name, offset, value);
    }

    /// A property whose name stands at `offset` of the strings block, whatever is there.
    pub(crate) fn property_named(&mut self, name: &str, offset: u32, value: &[u8]) {
        let node = self.path.last().map_or("nothing", String::as_str);
        self.mark(PROPERTY, format!("property-{name}-of-{node}"));
        self.raw(value.len() as u32);
        self.raw(offset);
        self.raw_bytes(value);
    }

    pub(crate) fn flag(&mut self, name: &str) {
        self.property(name, &[]);
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.property(name, format!("{text}\0").as_bytes());
    }

    pub(crate) fn cells(&mut self, name: &str, cells: &[u32]) {
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.property(name, &bytes);
    }

    /// `#address-cells` and `#size-cells`.
    pub(crate) fn counts(&mut self, address: u32, size: u32) {
        self.cells("#address-cells", &[address]);
        self.cells("#size-cells", &[size]);
    }

    /// Ranges with two cells for each number.
    pub(crate) fn reg(&mut self, ranges: &[(u64, u64)]) {
        self.ranges("reg", ranges, 2, 2);
    }

    /// Ranges with as many cells as told. What does not fit is cut.
    pub(crate) fn ranges(&mut self, name: &str, ranges: &[(u64, u64)], address: u32, size: u32) {
        let split = |number: u64, cells| match cells {
            1 => vec![number as u32],
            _ => vec![(number >> 32) as u32, number as u32],
        };
        let cells = ranges.iter().flat_map(|&(start, length)| [split(start, address), split(length, size)]);
        self.cells(name, &cells.flatten().collect::<Vec<_>>());
    }

    pub(crate) fn nops(&mut self, count: usize) {
        for _ in 0..count {
            self.mark(NOP, format!("nop-{}", self.marks.len()));
        }
    }

    pub(crate) fn reserve(&mut self, start: u64, size: u64) {
        self.reservations.extend(start.to_be_bytes());
        self.reservations.extend(size.to_be_bytes());
    }

    /// The offset of `name` in the strings block, which is given it if it is not there.
    pub(crate) fn string(&mut self, name: &str) -> u32 {
        let whole = [name.as_bytes(), &[0]].concat();
        let found = self.strings.windows(whole.len()).position(|place| place == whole);
        let offset = found.unwrap_or(self.strings.len());
        if found.is_none() {
            self.strings.extend(whole);
        }
        offset as u32
    }

    pub(crate) fn string_bytes(&mut self, bytes: &[u8]) -> u32 {
        let offset = self.strings.len();
        self.strings.extend(bytes);
        offset as u32
    }

    pub(crate) fn finish(mut self) -> Blob {
        self.mark(END, "end-of-tree".to_owned());
        self.lay_out(Layout::default())
    }

    pub(crate) fn finish_with(mut self, layout: Layout) -> Blob {
        self.mark(END, "end-of-tree".to_owned());
        self.lay_out(layout)
    }

    /// The blob, without an end token of its own.
    pub(crate) fn lay_out(self, layout: Layout) -> Blob {
        let header = if layout.version >= 17 { 40 } else { 36_usize };
        let reservations = header.next_multiple_of(8) + layout.gap.next_multiple_of(8);
        let first = (reservations + self.reservations.len() + 16 + layout.gap).next_multiple_of(4);
        let (structure, strings) = if layout.strings_first {
            ((first + self.strings.len() + layout.gap).next_multiple_of(4), first)
        } else {
            (first, first + self.structure.len() + layout.gap)
        };
        let total = (structure + self.structure.len()).max(strings + self.strings.len()) + layout.slack;
        let mut bytes = vec![0; total];
        let mut fields = vec![0xd00d_feed, total, structure, strings, reservations];
        fields.extend([layout.version as usize, layout.last_compatible as usize, 0, self.strings.len()]);
        fields.extend((header == 40).then_some(self.structure.len()));
        for (place, field) in bytes.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&(field as u32).to_be_bytes());
        }
        let mut put =
            |offset: usize, block: &[u8]| bytes[offset..offset + block.len()].copy_from_slice(block);
        put(reservations, &self.reservations);
        put(structure, &self.structure);
        put(strings, &self.strings);
        let marks = self.marks.into_iter();
        let marks = marks.map(|mark| Mark { offset: mark.offset + structure, ..mark }).collect();
        Blob { bytes, marks }
    }
}

/// Ranges as a text: short in a table, and easy to compare.
pub(crate) fn shown(ranges: impl Iterator<Item = (u64, u64)>) -> String {
    ranges.fold(String::new(), |mut text, (start, end)| {
        let gap = if text.is_empty() { "" } else { " " };
        write!(text, "{gap}{start:x}-{end:x}").unwrap();
        text
    })
}
