//! Sizes and times with their units: read from board files, written into reports.

use std::fmt;
use std::time::Duration;

/// Units of time as board files and options write them, with their milliseconds.
const TIMES: [(&str, u64); 5] = [("ms", 1), ("min", 60_000), ("m", 60_000), ("s", 1_000), ("h", 3_600_000)];

/// Units of memory as board files write them, with their bytes.
const SIZES: [(&str, u64); 2] = [("GiB", 1 << 30), ("MiB", 1 << 20)];

/// Reads a time: a whole number and `ms`, `s`, `m` (or `min`) or `h`, without a blank.
///
/// # Errors
///
/// Says what is wrong with `text` and shows the form that is right.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_with(text, &TIMES) {
        Some(0) => Err(format!("`{text}` leaves no time at all")),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => Err(format!("`{text}` is no time; write \"500ms\", \"10s\", \"15m\" or \"1h\"")),
    }
}

/// Reads a memory size: a whole number and `MiB` or `GiB`, without a blank.
///
/// # Errors
///
/// Says what is wrong with `text` and shows the form that is right.
pub fn parse_memory(text: &str) -> Result<u64, String> {
    match parse_with(text, &SIZES) {
        Some(0) => Err(format!("`{text}` is no memory at all")),
        Some(bytes) => Ok(bytes),
        None => Err(format!("`{text}` is no memory size; write \"512MiB\" or \"8GiB\"")),
    }
}

/// A time as [`parse_duration`] reads it, in whole milliseconds: `2m`, `90s`, `1500ms`.
#[must_use]
pub fn exact(time: Duration) -> String {
    let milliseconds = time.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.into_iter().find(|(_, unit)| milliseconds >= *unit && milliseconds.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
}

fn parse_with(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let &(_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A duration as people read it: `340 µs`, `12 ms`, `3.2 s`, `2 min 05 s`.
#[derive(Clone, Copy, Debug)]
pub struct Took(pub Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match self.0.as_micros() {
            0 => f.write_str("0 ms"),
            micros @ 1..1_000 => write!(f, "{micros} µs"),
            micros @ 1_000..1_000_000 => write!(f, "{} ms", micros / 1_000),
            micros @ 1_000_000..60_000_000 => write!(f, "{seconds}.{} s", micros / 100_000 % 10),
            _ => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
        }
    }
}

/// A number of bytes as people read it: `8 GiB`, `7.9 GiB`, `512 MiB`, `17 bytes`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        let Some((name, unit)) = units.into_iter().find(|&(_, unit)| self.0 >= unit) else {
            return write!(f, "{} bytes", self.0);
        };
        match self.0 % unit * 10 / unit {
            0 => write!(f, "{} {name}", self.0 / unit),
            tenths => write!(f, "{}.{tenths} {name}", self.0 / unit),
        }
    }
}

/// `count` things, in the singular where it is one: `1 test`, `41 tests`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("15min"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
    }

    #[test]
    fn other_times_are_refused_with_the_right_form() {
        for wrong in ["", "10", "s", "10 s", "-1s", "1.5s", "10M", "99999999999999999999s"] {
            assert!(parse_duration(wrong).unwrap_err().contains("\"10s\""), "{wrong}");
        }
        assert!(parse_duration("0s").unwrap_err().contains("no time at all"));
    }

    #[test]
    fn an_exact_time_is_read_back() {
        for text in ["500ms", "1500ms", "90s", "2m", "61m", "8h"] {
            assert_eq!(exact(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn memory_sizes_are_a_number_and_a_unit() {
        assert_eq!(parse_memory("8GiB"), Ok(8 << 30));
        assert_eq!(parse_memory("512MiB"), Ok(512 << 20));
        for wrong in ["8 GiB", "8GB", "8G", "0GiB", "GiB", "8589934592", "99999999999GiB"] {
            assert!(parse_memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_read_well_at_every_size() {
        let words = |micros| Took(Duration::from_micros(micros)).to_string();
        assert_eq!(words(0), "0 ms");
        assert_eq!(words(340), "340 µs");
        assert_eq!(words(12_900), "12 ms");
        assert_eq!(words(3_290_000), "3.2 s");
        assert_eq!(words(125_000_000), "2 min 05 s");
    }

    #[test]
    fn bytes_read_well_at_every_size() {
        assert_eq!(Bytes(8 << 30).to_string(), "8 GiB");
        assert_eq!(Bytes((7 << 30) + (1 << 29)).to_string(), "7.5 GiB");
        assert_eq!(Bytes(17).to_string(), "17 bytes");
    }

    #[test]
    fn one_thing_is_singular() {
        assert_eq!(counted(1, "test"), "1 test");
        assert_eq!(counted(0, "test"), "0 tests");
    }
}
