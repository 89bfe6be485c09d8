//! The tests that embedded-test lists in an ELF file.
//!
//! Every test is a descriptor of 24 bytes in the section `.embedded_test`: the entry's address, and address and
//! length of its module path, which lies in the loaded part of the file. The *name* of the descriptor's symbol is
//! a JSON object with the rest. `EMBEDDED_TEST_VERSION` in the same section says which version of this it is.

use super::{Elf, ImageError};
use crate::plan::{Selected, Test};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, SectionIndex};
use serde::Deserialize;
use std::time::Duration;

const SECTION: &str = ".embedded_test";
const VERSION_SYMBOL: &str = "EMBEDDED_TEST_VERSION";
const DESCRIPTOR_BYTES: usize = 24;

/// What a descriptor's symbol name says. Newer versions may say more.
#[derive(Debug, Deserialize)]
struct Label {
    name: String,
    ignored: bool,
    should_panic: bool,
    timeout: Option<u64>,
}

/// Every test of `elf`, by module and name. The order of the section is that in which the linker met them, and
/// differs from build to build.
///
/// # Errors
///
/// When `elf` is no test image, or lists its tests in a way that is not understood.
pub(super) fn read(elf: &Elf<'_>) -> Result<Vec<Test>, ImageError> {
    let section = Section::of(elf)?;
    section.check_version()?;
    let mut symbols: Vec<_> = section.symbols().filter(|(_, name)| name.starts_with('{')).collect();
    // A symbol may stand twice in the table; its address tells.
    symbols.sort_unstable();
    symbols.dedup();
    let tests: Result<Vec<_>, _> =
        symbols.into_iter().map(|(address, name)| section.test(address, name)).collect();
    let mut tests = tests?;
    tests.sort_by(|one, other| module_and_name(&one.name).cmp(&module_and_name(&other.name)));
    Ok(tests)
}

fn module_and_name(name: &str) -> (&str, &str) {
    name.rsplit_once("::").unwrap_or(("", name))
}

/// The section of the descriptors.
struct Section<'e, 'a> {
    elf: &'e Elf<'a>,
    index: SectionIndex,
    address: u64,
    bytes: &'a [u8],
}

impl<'e, 'a> Section<'e, 'a> {
    fn of(elf: &'e Elf<'a>) -> Result<Self, ImageError> {
        let section = elf.section_by_name(SECTION).ok_or(ImageError::NoTests)?;
        if elf.symbols().next().is_none() {
            return Err(ImageError::Stripped);
        }
        let bytes = section.data().map_err(ImageError::NotElf)?;
        Ok(Self { elf, index: section.index(), address: section.address(), bytes })
    }

    fn symbols(&self) -> impl Iterator<Item = (u64, &'a str)> + '_ {
        self.elf
            .symbols()
            .filter(|symbol| symbol.section_index() == Some(self.index))
            .filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?)))
    }

    fn check_version(&self) -> Result<(), ImageError> {
        let symbol = self.symbols().find(|(_, name)| *name == VERSION_SYMBOL).ok_or(ImageError::Stripped)?;
        match self.word(symbol.0) {
            Some(1) => Ok(()),
            found => Err(ImageError::Version { found: found.unwrap_or_default() }),
        }
    }

    fn test(&self, address: u64, symbol: &str) -> Result<Test, ImageError> {
        let malformed = |reason: String| ImageError::Malformed { symbol: symbol.to_owned(), reason };
        let label: Label = serde_json::from_str(symbol).map_err(|error| malformed(error.to_string()))?;
        let [entry, path_address, path_bytes] = self
            .descriptor(address)
            .ok_or_else(|| malformed(format!("{address:#x} is no place for {DESCRIPTOR_BYTES} bytes")))?;
        let path = self.loaded_text(path_address, path_bytes).ok_or_else(|| {
            malformed(format!("no text of {path_bytes} bytes is loaded at {path_address:#x}"))
        })?;
        Ok(Test {
            name: shown_name(path, &label.name),
            entry,
            should_panic: label.should_panic,
            timeout: label.timeout.map(Duration::from_secs),
            selected: if label.ignored { Selected::Ignored } else { Selected::Yes },
        })
    }

    fn descriptor(&self, address: u64) -> Option<[u64; 3]> {
        Some([self.word(address)?, self.word(address.checked_add(8)?)?, self.word(address.checked_add(16)?)?])
    }

    fn word(&self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.address)?).ok()?;
        self.bytes.get(offset..)?.first_chunk().copied().map(u64::from_le_bytes)
    }

    fn loaded_text(&self, address: u64, length: u64) -> Option<&'a str> {
        let holds = |segment: &object::read::elf::ElfSegment64<'a, '_, object::LittleEndian>| {
            segment.data_range(address, length).ok().flatten()
        };
        std::str::from_utf8(self.elf.segments().find_map(|segment| holds(&segment))?).ok()
    }
}

/// The module path without the crate, and the name.
fn shown_name(module_path: &str, name: &str) -> String {
    match module_path.split_once("::") {
        Some((_, modules)) => format!("{modules}::{name}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture::{Fixture, Listed};

    fn read_bytes(bytes: &[u8]) -> Result<Vec<Test>, ImageError> {
        read(&Elf::parse(bytes).unwrap())
    }

    #[test]
    fn tests_come_with_everything_that_is_said_about_them() {
        let fixture = Fixture {
            tests: vec![
                Listed::new(
                    "suite::boot::deep",
                    r#"{"disambiguator":7,"name":"level","ignored":false,"should_panic":true,"timeout":2}"#,
                    0x4000,
                ),
                Listed::new(
                    "suite",
                    r#"{"disambiguator":8,"name":"all","ignored":true,"should_panic":false}"#,
                    0x5000,
                ),
            ],
            ..Fixture::default()
        };
        let expected = [
            Test {
                name: "all".into(),
                entry: 0x5000,
                should_panic: false,
                timeout: None,
                selected: Selected::Ignored,
            },
            Test {
                name: "boot::deep::level".into(),
                entry: 0x4000,
                should_panic: true,
                timeout: Some(Duration::from_secs(2)),
                selected: Selected::Yes,
            },
        ];
        assert_eq!(read_bytes(&fixture.elf()).unwrap(), expected);
    }

    #[test]
    fn tests_are_ordered_by_module_and_name() {
        let listed = |module: &str, name: &str| {
            Listed::new(module, &format!(r#"{{"name":"{name}","ignored":false,"should_panic":false}}"#), 0)
        };
        let tests = vec![
            listed("suite::slab", "a"),
            listed("suite::buddy::deep", "b"),
            listed("suite::buddy", "z"),
            listed("suite::buddy", "y"),
            listed("suite", "x"),
        ];
        let read = read_bytes(&Fixture { tests, ..Fixture::default() }.elf()).unwrap();
        let names: Vec<_> = read.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["x", "buddy::y", "buddy::z", "buddy::deep::b", "slab::a"]);
    }

    #[test]
    fn escaped_names_are_read_back() {
        let label = r#"{"disambiguator":1,"name":"a\u0040b","ignored":false,"should_panic":false}"#;
        let fixture = Fixture { tests: vec![Listed::new("suite", label, 0)], ..Fixture::default() };
        assert_eq!(read_bytes(&fixture.elf()).unwrap()[0].name, "a@b");
    }

    #[test]
    fn what_is_no_test_image_says_why() {
        let no_section = Fixture { section: ".other", ..Fixture::default() }.elf();
        assert!(matches!(read_bytes(&no_section), Err(ImageError::NoTests)));
        let stripped = Fixture { symbols: false, ..Fixture::default() }.elf();
        assert!(matches!(read_bytes(&stripped), Err(ImageError::Stripped)));
        let newer = Fixture { version: 2, ..Fixture::default() }.elf();
        assert!(matches!(read_bytes(&newer), Err(ImageError::Version { found: 2 })));
    }

    #[test]
    fn contradicting_entries_say_what_is_wrong() {
        let with = |listed| read_bytes(&Fixture { tests: vec![listed], ..Fixture::default() }.elf());
        let label = r#"{"name":"a","ignored":false,"should_panic":false}"#;
        let lost_path = Listed { path_address: Some(0xdead_0000), ..Listed::new("suite", label, 0) };
        assert!(with(lost_path).unwrap_err().to_string().contains("is loaded at 0xdead0000"));
        let bad_label = Listed::new("suite", r#"{"name":3}"#, 0);
        assert!(matches!(with(bad_label), Err(ImageError::Malformed { .. })));
    }
}
