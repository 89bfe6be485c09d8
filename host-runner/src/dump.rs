//! Memory that is kept of a board that hangs or has crashed: which, and what came of it.

use std::fmt;
use std::str::FromStr;

/// Longer ones would take longer than anybody waits: a debug port brings some 100 KiB a second.
const LONGEST: u64 = 64 << 20;

/// A piece of a board's memory, by the addresses that its first core has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it begins.
    pub start: u64,
    /// How many bytes it has: at least one, and its last address is no more than the last there is.
    length: u64,
}

impl Region {
    /// How many bytes it has.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.length
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}+{:#x}", self.start, self.length)
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split_once('+').and_then(|(start, length)| Some((number(start)?, number(length)?)));
        let Some((start, length)) = words else {
            return Err(format!(
                "`{text}` is no piece of memory; write \"0x40200000+0x1000\" or \"0x40200000+4096\""
            ));
        };
        if length == 0 || length > LONGEST {
            return Err(format!("a dump has from 1 byte to {LONGEST} bytes, not {length}"));
        }
        match start.checked_add(length - 1) {
            Some(_) => Ok(Self { start, length }),
            None => Err(format!("`{text}` ends behind the last address")),
        }
    }
}

/// Hexadecimal behind `0x`, decimal otherwise.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// What a debug server gave of a region: its beginning, as far as there is memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// What was asked for.
    pub region: Region,
    /// What came.
    pub bytes: Vec<u8>,
    /// Why the rest did not.
    pub missing: Option<String>,
}

impl Dump {
    /// What becomes of it, in words, where its bytes are kept in `file`.
    #[must_use]
    pub fn describe(&self, file: &str) -> String {
        let Self { region, bytes, missing } = self;
        match missing {
            None => format!("memory {region} is in {file}"),
            Some(why) if bytes.is_empty() => format!("memory {region} cannot be read: {why}"),
            Some(why) => {
                format!("memory {region}: only the first {:#x} bytes are in {file}: {why}", bytes.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_written_as_it_is_read() {
        for (text, shown) in [
            ("0x40+0x10", "0x40+0x10"),
            ("64+16", "0x40+0x10"),
            ("0xffffffffffffffff+1", "0xffffffffffffffff+0x1"),
        ] {
            assert_eq!(text.parse::<Region>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_region_is_told() {
        for (text, why) in [
            ("0x40", "is no piece of memory"),
            ("0x40+0xg", "is no piece of memory"),
            ("zone+16", "is no piece of memory"),
            ("0x40+0", "from 1 byte"),
            ("0x40+0x4000001", "from 1 byte to 67108864 bytes"),
            ("0xffffffffffffffff+2", "behind the last address"),
        ] {
            let error = text.parse::<Region>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_missing_of_a_dump_is_told() {
        let region: Region = "0x40+0x10".parse().unwrap();
        let dump = |length, missing: Option<&str>| Dump {
            region,
            bytes: vec![0; length],
            missing: missing.map(str::to_owned),
        };
        assert_eq!(dump(16, None).describe("f"), "memory 0x40+0x10 is in f");
        assert_eq!(
            dump(4, Some("E14")).describe("f"),
            "memory 0x40+0x10: only the first 0x4 bytes are in f: E14"
        );
        assert_eq!(dump(0, Some("E14")).describe("f"), "memory 0x40+0x10 cannot be read: E14");
    }
}
