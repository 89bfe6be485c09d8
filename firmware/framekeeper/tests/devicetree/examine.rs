//! A blob that may be anything: what is found in it must be what others find.

use crate::{naive, oracle, writer::field};
use dtoolkit::fdt::Fdt;
use framekeeper::devicetree::{ErrorKind, RamDescription, STEPS_PER_BYTE, Tree};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What became of the blobs so far.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) executions: u64,
    pub(crate) sound: u64,
    pub(crate) read: u64,
    pub(crate) by_dtoolkit: u64,
    pub(crate) sizes_that_lie: u64,
}

/// Reads the blob in every way, and compares.
pub(crate) fn examine(bytes: &[u8], figures: &mut Figures) {
    figures.executions += 1;
    let theirs = Fdt::new(bytes);
    let tree = match Tree::new(bytes) {
        Ok(tree) => tree,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error:?}");
            if theirs.is_ok() {
                figures.sizes_that_lie += 1;
                assert_sizes_lie(bytes);
            }
            return;
        }
    };
    figures.sound += 1;
    assert!(tree.steps() <= STEPS_PER_BYTE * tree.total_size() as u64);
    walk(&tree);
    let ours = RamDescription::<64>::read(&tree, &[]);
    let claimed = naive::memory(bytes);
    if let Ok(memory) = &ours {
        figures.read += 1;
        assert_eq!(memory.ram, oracle::frames(&claimed.clone().expect("unreadable, and yet read")));
        for range in memory.no_map.iter().chain(memory.reusable.iter()) {
            let mut rest = memory.reserved;
            let before = rest.size();
            rest.subtract(range).unwrap();
            assert_eq!(before - rest.size(), range.size(), "special, and not reserved");
        }
    }
    let Ok(fdt) = theirs else {
        return;
    };
    figures.by_dtoolkit += 1;
    if oracle::cells_are_plain(fdt) {
        assert_eq!(oracle::memory(fdt), claimed);
    }
}

/// Everything a tree can be asked. What comes out goes into a hash, so that it is not optimized away.
fn walk(tree: &Tree<'_>) {
    let mut hasher = DefaultHasher::new();
    let mut nodes = 0;
    for node in tree.nodes() {
        nodes += 1;
        (node.name(), node.depth(), node.unit_address()).hash(&mut hasher);
        for property in node.properties() {
            (property.name(), property.number(), property.text()).hash(&mut hasher);
            property.strings().for_each(|text| text.hash(&mut hasher));
        }
        node.reg().into_iter().flatten().flatten().for_each(|range| range.hash(&mut hasher));
    }
    assert!(nodes >= 1);
    for path in ["/", "/chosen", "/memory", "/reserved-memory/secure", "/cpus/cpu@0", "//"] {
        tree.find(path).map(|node| node.children().count()).hash(&mut hasher);
    }
    tree.find_compatible(&["arm,pl011"]).map(|node| node.offset()).hash(&mut hasher);
    std::hint::black_box(hasher.finish());
}

/// `dtoolkit` accepts what we refuse in one case: it does not hold the structure and strings blocks to the sizes that
/// the header gives. A parser that does would read another tree, so such a blob has two meanings. With sizes that are
/// true we accept it too, unless its last token, name or value lies in the strings, or the tree is deeper than we go.
fn assert_sizes_lie(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let (structure, strings) = (naive::word(&bytes, field::STRUCTURE), naive::word(&bytes, field::STRINGS));
    let strings_size = bytes.len() - strings;
    set(&mut bytes, field::STRINGS_SIZE, strings_size);
    set(&mut bytes, field::STRUCTURE_SIZE, strings - structure);
    let result = Tree::new(&bytes).map(|_| ());
    let Err(error) = result else {
        return;
    };
    if error.kind == ErrorKind::TokensBehindEnd {
        set(&mut bytes, field::STRUCTURE_SIZE, error.offset - structure);
        assert_eq!(Tree::new(&bytes).map(|_| ()), Ok(()));
        return;
    }
    let reaches_the_strings = match error.kind {
        ErrorKind::PropertyOutsideBlock { length } => error.offset + 12 + length as usize > strings,
        ErrorKind::NodeNameUnterminated => !bytes[error.offset + 4..strings].contains(&0),
        ErrorKind::MissingEnd => error.offset + 12 > strings,
        ErrorKind::TooDeep { .. } => true,
        _ => false,
    };
    assert!(reaches_the_strings, "{error:?}");
}

fn set(bytes: &mut [u8], offset: usize, size: usize) {
    bytes[offset..offset + 4].copy_from_slice(&(size as u32).to_be_bytes());
}
