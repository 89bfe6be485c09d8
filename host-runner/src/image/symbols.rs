//! Names for code addresses: function, file and line, with what was inlined there.

use super::paths::{is_foreign, shown_path};
use super::{Elf, ImageError};
use object::elf::SHF_EXECINSTR;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Gives addresses of one image their names.
pub struct Symbols {
    loader: Option<addr2line::Loader>,
    code: Vec<Range<u64>>,
    ring: Option<u64>,
    root: PathBuf,
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").field("code", &self.code).finish_non_exhaustive()
    }
}

/// One function at one address; several where some were inlined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function, demangled.
    pub function: Option<String>,
    /// The file, relative to the workspace where it lies in it, and the line.
    pub line: Option<(String, u32)>,
    /// Whether it lies in another crate than the workspace's.
    pub foreign: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.as_deref().unwrap_or("an unnamed function"))?;
        match &self.line {
            Some((file, line)) => write!(f, " at {file}:{line}"),
            None => Ok(()),
        }
    }
}

impl Symbols {
    /// No names for anything, for reports of images that are gone.
    #[must_use]
    pub fn none() -> Self {
        Self { loader: None, code: Vec::new(), ring: None, root: PathBuf::new() }
    }

    pub(super) fn open(path: &Path, elf: &Elf<'_>, root: &Path) -> Result<Self, ImageError> {
        let loader =
            addr2line::Loader::new(path).map_err(|error| ImageError::DebugInformation(error.to_string()))?;
        let is_code =
            |flags| matches!(flags, SectionFlags::Elf { sh_flags, .. } if sh_flags.0 & SHF_EXECINSTR.0 != 0);
        let code = elf
            .sections()
            .filter(|section| is_code(section.flags()))
            .map(|section| section.address()..section.address().saturating_add(section.size()))
            .collect();
        let ring = elf.symbol_by_name(wire::ram::SYMBOL).map(|symbol| symbol.address());
        Ok(Self { loader: Some(loader), code, ring, root: root.to_owned() })
    }

    /// Where the image has its ring for debuggers, if it has one.
    #[must_use]
    pub const fn ring(&self) -> Option<u64> {
        self.ring
    }

    /// What is at the instruction at `address`, innermost first. Empty if no code of the image is there: numbers
    /// that merely look like addresses get no names. Library code that was inlined into the workspace's own is
    /// left out: that a spinning core stands in `core::hint` hides where it spins. Of library code elsewhere only
    /// the function that was called is told, not what was inlined into it.
    #[must_use]
    pub fn at(&self, address: u64) -> Vec<Place> {
        without_inlined_libraries(self.all_at(address))
    }

    fn all_at(&self, address: u64) -> Vec<Place> {
        let Some(loader) = &self.loader else { return Vec::new() };
        if !self.code.iter().any(|range| range.contains(&address)) {
            return Vec::new();
        }
        let places = self.inlined(loader, address);
        if !places.is_empty() {
            return places;
        }
        let name = loader.find_symbol(address).map(|name| format!("{:#}", rustc_demangle::demangle(name)));
        name.map(|name| Place { function: Some(name), ..Place::default() }).into_iter().collect()
    }

    /// What called, given the address it returns to. The call is the instruction before; the one *at* the address
    /// may belong to another line, or to another function when the call never returns.
    #[must_use]
    pub fn caller(&self, return_address: u64) -> Vec<Place> {
        self.at(return_address.wrapping_sub(4))
    }

    fn inlined(&self, loader: &addr2line::Loader, address: u64) -> Vec<Place> {
        let mut places = Vec::new();
        let Ok(mut frames) = loader.find_frames(address) else { return places };
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.and_then(|name| Some(short_name(&name.demangle().ok()?)));
            let foreign = frame.location.as_ref().and_then(|at| at.file).is_none_or(is_foreign);
            let line = frame.location.and_then(|at| Some((self.shown_path(at.file?), at.line?)));
            places.push(Place { function, line, foreign });
        }
        places
    }

    /// `path` as people know it.
    #[must_use]
    pub fn shown_path(&self, path: &str) -> String {
        shown_path(&self.root, Path::new(path))
    }

    /// Whether `path` is the source of another crate than the workspace's.
    #[must_use]
    pub fn is_foreign(&self, path: &str) -> bool {
        is_foreign(path)
    }
}

fn without_inlined_libraries(mut places: Vec<Place>) -> Vec<Place> {
    if places.iter().any(|place| !place.foreign) {
        places.retain(|place| !place.foreign);
    } else {
        places.drain(..places.len().saturating_sub(1));
    }
    places
}

/// Without the hash that legacy mangling appends.
fn short_name(demangled: &str) -> String {
    match demangled.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name.to_owned()
        }
        _ => demangled.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_image_nothing_has_a_name() {
        assert!(Symbols::none().at(0x4008_0000).is_empty());
    }

    #[test]
    fn library_code_inlined_into_own_code_is_left_out() {
        let place = |name: &str, foreign| Place { function: Some(name.into()), line: None, foreign };
        let (spin, wait, map) = (place("spin_loop", true), place("wait", false), place("map", true));
        let all = place("wait_all", false);
        let chain = vec![spin.clone(), wait.clone(), map.clone(), all.clone()];
        assert_eq!(without_inlined_libraries(chain), [wait, all]);
        assert_eq!(without_inlined_libraries(vec![spin, map.clone()]), [map]);
        assert!(without_inlined_libraries(Vec::new()).is_empty());
    }

    #[test]
    fn hashes_are_not_names() {
        assert_eq!(short_name("suite::main::h0123456789abcdef"), "suite::main");
        assert_eq!(short_name("suite::hold"), "suite::hold");
    }

    /// The test program itself is an ELF file with code and debug information.
    #[test]
    fn functions_of_a_real_program_are_found_and_data_is_not() {
        let path = std::env::current_exe().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let elf = Elf::parse(&*bytes).unwrap();
        let symbols = Symbols::open(&path, &elf, Path::new("/")).unwrap();
        let main = object::read::elf::ElfFile64::<object::LittleEndian>::parse(&*bytes).unwrap();
        let main = ObjectSymbol::address(&main.symbol_by_name("main").unwrap());
        assert!(!symbols.at(main).is_empty());
        let data = elf.section_by_name(".rodata").unwrap().address();
        assert!(symbols.at(data).is_empty());
    }
}
