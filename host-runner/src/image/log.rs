//! Words for log records: defmt sends indices, the image has the strings.
//!
//! One record arrives per message, raw-encoded: the message is framed and checked already, so defmt's own framing
//! would only cost bytes on a slow line.

use super::ImageError;
use super::paths::shown_path;
use defmt_decoder::{Encoding, Table};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The log strings of one image.
pub struct Records {
    table: Option<Table>,
    locations: BTreeMap<u64, Location>,
}

/// Where a record is logged.
struct Location {
    file: String,
    line: u64,
    module: String,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("locations", &self.locations.len()).finish_non_exhaustive()
    }
}

/// One log record in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'r> {
    /// `info`, `warn` …; none for a plain print.
    pub level: Option<&'static str>,
    /// The board's clock, as the image formats it.
    pub time: Option<String>,
    /// What was said.
    pub message: String,
    /// Where: file and line.
    pub line: Option<(&'r str, u64)>,
    /// The module that said it, with its crate.
    pub module: Option<&'r str>,
}

impl Records {
    /// No strings: every record is damaged.
    #[must_use]
    pub fn none() -> Self {
        Self { table: None, locations: BTreeMap::new() }
    }

    pub(super) fn open(elf: &[u8], root: &Path) -> Result<Self, ImageError> {
        let strange = |error: &dyn std::fmt::Display| ImageError::LogStrings(error.to_string());
        // An image that logs nothing has no table.
        let Some(table) = Table::parse(elf).map_err(|error| strange(&error))? else {
            return Ok(Self::none());
        };
        if table.encoding() != Encoding::Raw {
            return Err(strange(&"the image must be built with defmt's feature `encoding-raw`"));
        }
        let known = table.get_locations(elf).map_err(|error| strange(&error))?;
        let locations = known.into_iter().map(|(index, at)| {
            let file = shown_path(root, &at.file);
            (index, Location { file, line: at.line, module: at.module })
        });
        Ok(Self { locations: locations.collect(), table: Some(table) })
    }

    /// The words of one record; none if `bytes` are no record of this image.
    #[must_use]
    pub fn decode(&self, bytes: &[u8]) -> Option<Record<'_>> {
        let table = self.table.as_ref()?;
        // The decoder panics on some records of a wrong image; a damaged record must not end a run.
        catch_unwind(AssertUnwindSafe(|| self.decode_with(table, bytes))).ok()?
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "what it is a method of has no name here")]
    fn decode_with(&self, table: &Table, bytes: &[u8]) -> Option<Record<'_>> {
        let (frame, used) = table.decode(bytes).ok()?;
        if used != bytes.len() {
            return None;
        }
        let location = self.locations.get(&frame.index());
        Some(Record {
            level: frame.level().map(|level| level.as_str()),
            time: frame.display_timestamp().map(|time| time.to_string()),
            message: frame.display_message().to_string(),
            line: location.map(|at| (at.file.as_str(), at.line)),
            module: location.map(|at| at.module.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_strings_every_record_is_damaged() {
        assert_eq!(Records::none().decode(&[1, 0]), None);
    }
}
