//! Small ELF files for tests, written by hand so that every field can be wrong on purpose.

/// Where the default segment is loaded.
pub(super) const LOAD: u64 = 0x4008_0000;
/// Where module paths lie.
const PATHS: u64 = 0x5000_0000;

/// One loaded piece.
pub(super) struct Segment {
    pub(super) virtual_address: u64,
    pub(super) physical_address: u64,
    pub(super) bytes: Vec<u8>,
}

/// One listed test.
pub(super) struct Listed {
    pub(super) module_path: String,
    pub(super) label: String,
    pub(super) entry: u64,
    /// Says where the module path is, instead of where it really is.
    pub(super) path_address: Option<u64>,
}

impl Listed {
    pub(super) fn new(module_path: &str, label: &str, entry: u64) -> Self {
        Self { module_path: module_path.into(), label: label.into(), entry, path_address: None }
    }
}

/// What is to be in the file.
pub(super) struct Fixture {
    pub(super) section: &'static str,
    pub(super) symbols: bool,
    pub(super) version: u64,
    pub(super) build_id: Vec<u8>,
    pub(super) tests: Vec<Listed>,
    pub(super) segments: Vec<Segment>,
}

impl Default for Fixture {
    fn default() -> Self {
        let (section, build_id) = (".embedded_test", vec![0xab; 20]);
        Self { section, symbols: true, version: 1, build_id, tests: Vec::new(), segments: Vec::new() }
    }
}

/// One section as it goes into the section table.
struct Section {
    name: &'static str,
    kind: u32,
    flags: u64,
    address: u64,
    link: u32,
    entry_bytes: u64,
    bytes: Vec<u8>,
}

impl Fixture {
    /// The file's bytes: header, program headers, segments, sections, section table.
    pub(super) fn elf(&self) -> Vec<u8> {
        let segments = self.all_segments();
        let mut body = Vec::new();
        let body_at = 64 + 56 * segments.len();
        let mut program_headers = Vec::new();
        for segment in &segments {
            let at = (body_at + body.len()) as u64;
            body.extend_from_slice(&segment.bytes);
            program_headers.extend_from_slice(&program_header(segment, at));
        }
        let (names, mut sections) = named(self.sections());
        sections.last_mut().expect("there is .shstrtab").1.bytes = names;
        let mut table = vec![0; 64];
        for (name, section) in &sections {
            let at = (body_at + body.len()) as u64;
            body.extend_from_slice(&section.bytes);
            table.extend_from_slice(&section_header(*name, section, at));
        }
        let table_at = (body_at + body.len()) as u64;
        let header = file_header(table_at, segments.len() as u16, sections.len() as u16 + 1);
        [header, program_headers, body, table].concat()
    }

    fn all_segments(&self) -> Vec<Segment> {
        let paths: Vec<u8> = self.tests.iter().flat_map(|test| test.module_path.bytes()).collect();
        let mut segments: Vec<_> =
            self.segments.iter().map(|s| Segment { bytes: s.bytes.clone(), ..*s }).collect();
        if !paths.is_empty() {
            segments.push(Segment { virtual_address: PATHS, physical_address: PATHS, bytes: paths });
        }
        segments
    }

    fn sections(&self) -> Vec<Section> {
        let mut listing = self.version.to_le_bytes().to_vec();
        let mut symbol_names = vec![0];
        let mut symbols = vec![0; 24];
        add_symbol(&mut symbols, &mut symbol_names, "EMBEDDED_TEST_VERSION", 0);
        let mut path_at = PATHS;
        for test in &self.tests {
            add_symbol(&mut symbols, &mut symbol_names, &test.label, listing.len() as u64);
            let path_bytes = test.module_path.len() as u64;
            for word in [test.entry, test.path_address.unwrap_or(path_at), path_bytes] {
                listing.extend_from_slice(&word.to_le_bytes());
            }
            path_at += path_bytes;
        }
        let mut sections = vec![
            Section { bytes: listing, ..plain(self.section) },
            Section { kind: 7, bytes: note(&self.build_id), ..plain(".note.gnu.build-id") },
        ];
        if self.symbols {
            // The string table is the section after this one: number 4.
            sections.push(Section { kind: 2, link: 4, entry_bytes: 24, bytes: symbols, ..plain(".symtab") });
            sections.push(strings(".strtab", symbol_names));
        }
        sections.push(strings(".shstrtab", Vec::new()));
        sections
    }
}

fn plain(name: &'static str) -> Section {
    Section { name, kind: 1, flags: 0, address: 0, link: 0, entry_bytes: 0, bytes: Vec::new() }
}

fn strings(name: &'static str, bytes: Vec<u8>) -> Section {
    Section { kind: 3, bytes, ..plain(name) }
}

/// All sections' names, and every section with where its name stands.
fn named(sections: Vec<Section>) -> (Vec<u8>, Vec<(u32, Section)>) {
    let mut names = vec![0];
    let mut add = |name: &str| {
        let at = names.len() as u32;
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        at
    };
    let named = sections.into_iter().map(|section| (add(section.name), section)).collect();
    (names, named)
}

fn note(id: &[u8]) -> Vec<u8> {
    if id.is_empty() {
        return Vec::new();
    }
    let words = [4, id.len() as u32, 3].map(u32::to_le_bytes).concat();
    [words, b"GNU\0".to_vec(), id.to_vec(), vec![0; id.len().next_multiple_of(4) - id.len()]].concat()
}

/// An absolute object symbol of section 1, which is the listing.
fn add_symbol(symbols: &mut Vec<u8>, names: &mut Vec<u8>, name: &str, value: u64) {
    symbols.extend_from_slice(&(names.len() as u32).to_le_bytes());
    symbols.extend_from_slice(&[0x11, 0, 1, 0]);
    symbols.extend_from_slice(&value.to_le_bytes());
    symbols.extend_from_slice(&24_u64.to_le_bytes());
    names.extend_from_slice(name.as_bytes());
    names.push(0);
}

fn file_header(table_at: u64, segments: u16, sections: u16) -> Vec<u8> {
    let ident = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let halves = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    [
        ident.to_vec(),
        halves(&[2, 183, 1, 0]),
        [LOAD, 64, table_at].map(u64::to_le_bytes).concat(),
        vec![0; 4],
        halves(&[64, 56, segments, 64, sections, sections - 1]),
    ]
    .concat()
}

fn program_header(segment: &Segment, at: u64) -> Vec<u8> {
    let length = segment.bytes.len() as u64;
    let words = [at, segment.virtual_address, segment.physical_address, length, length, 1];
    [[1_u32, 5].map(u32::to_le_bytes).concat(), words.map(u64::to_le_bytes).concat()].concat()
}

fn section_header(name: u32, section: &Section, at: u64) -> Vec<u8> {
    [
        [name, section.kind].map(u32::to_le_bytes).concat(),
        [section.flags, section.address, at, section.bytes.len() as u64].map(u64::to_le_bytes).concat(),
        [section.link, 1].map(u32::to_le_bytes).concat(),
        [1, section.entry_bytes].map(u64::to_le_bytes).concat(),
    ]
    .concat()
}
