//! What an image's ELF file says: its tests, its build id, its kernel bytes, its symbols, its log strings.
//!
//! The ELF file is the plan: a test that is not listed here is not run, and one that is listed gets an end. It is
//! also the only thing that gives addresses names and log records words, so a recording keeps a copy of it.

mod build_id;
#[cfg(test)]
mod fixture;
mod flatten;
mod listing;
mod log;
mod paths;
mod symbols;

pub use log::{Record, Records};
pub use symbols::{Place, Symbols};

use crate::plan::Plan;
use object::read::elf::ElfFile64;
use std::path::{Path, PathBuf};

/// What everything here reads: a 64-bit little-endian ELF file.
type Elf<'a> = ElfFile64<'a, object::LittleEndian>;

/// One image.
#[derive(Debug)]
pub struct Image {
    /// Its tests and its build id.
    pub plan: Plan,
    /// The arm64 `Image` that a boot loader takes.
    pub kernel: Vec<u8>,
    /// Names for addresses.
    pub symbols: Symbols,
    /// Words for log records.
    pub records: Records,
}

/// Why an ELF file is no test image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ImageError {
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no ELF file for a 64-bit little-endian machine.
    #[error("this is no 64-bit little-endian ELF file: {0}")]
    NotElf(object::Error),
    /// It lists no tests.
    #[error("the ELF file has no `.embedded_test` section")]
    #[diagnostic(help(
        "is it a test image? The firmware's are its `[[test]]` entries, linked with -Tembedded-test.x"
    ))]
    NoTests,
    /// It has no symbols; the tests' names are symbols.
    #[error("the ELF file has no symbol table, and the tests' names are symbols")]
    #[diagnostic(help("it was stripped; use the file that the linker wrote"))]
    Stripped,
    /// It speaks another version of embedded-test's listing.
    #[error("the tests are listed in version {found} of the format; version 1 is understood")]
    #[diagnostic(help("host-runner fits embedded-test 0.7"))]
    Version {
        /// Which.
        found: u64,
    },
    /// An entry of the list contradicts itself.
    #[error("the entry of test `{symbol}` is malformed: {reason}")]
    Malformed {
        /// The symbol as it is.
        symbol: String,
        /// What is wrong.
        reason: String,
    },
    /// It has no build id, by which a board proves that it runs this image.
    #[error("the ELF file has no GNU build id")]
    #[diagnostic(help("link with --build-id and keep .note.gnu.build-id in the linker script"))]
    NoBuildId,
    /// It cannot be laid out as a boot loader wants it.
    #[error("the ELF file makes no arm64 Image: {0}")]
    #[diagnostic(help("linker/ holds the scripts that lay it out"))]
    NotBootable(String),
    /// Its log strings are there and not understood.
    #[error("the log strings are not understood: {0}")]
    #[diagnostic(help("firmware and host-runner must use matching versions of defmt and defmt-decoder"))]
    LogStrings(String),
    /// Its debug information is there and not understood.
    #[error("the debug information is not understood: {0}")]
    DebugInformation(String),
}

impl Image {
    /// Reads the image at `path`. Source paths below `root` are shown relative to it.
    ///
    /// # Errors
    ///
    /// When it is no test image; see [`ImageError`].
    pub fn open(path: &Path, root: &Path) -> Result<Self, ImageError> {
        let unreadable = |error: std::io::Error| ImageError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let elf = Elf::parse(&*bytes).map_err(ImageError::NotElf)?;
        Ok(Self {
            plan: Plan::new(build_id::read(&elf)?, listing::read(&elf)?),
            kernel: flatten::flatten(&elf)?,
            symbols: Symbols::open(path, &elf, root)?,
            records: Records::open(&bytes, root)?,
        })
    }
}
