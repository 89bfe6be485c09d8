//! Tests that are known to fail and wait for whoever looks after them: their failures are reported, and fail no run until the
//! day on which their time is up.
//!
//! ```toml
//! [[test]]
//! name = "smp::all_cores_use_up_all_frames"
//! owner = "Ada"
//! until = 2027-01-31
//! why = "ends too early on boards with one core"
//! ```

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use toml::value::{Date, Datetime};

const DAY: u64 = 24 * 60 * 60;

/// Why there is no quarantine.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum QuarantineError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that is not understood.
    #[error("{path}: {source}")]
    Content {
        /// Which.
        path: String,
        /// What.
        source: Box<toml::de::Error>,
    },
    /// A date that has a time, or is none.
    #[error("{path}: the quarantine of {test} needs a day to end on, as `until = 2027-01-31`")]
    NoDay {
        /// Which file.
        path: String,
        /// Which test.
        test: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    test: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    owner: String,
    until: Datetime,
    why: String,
}

/// The tests in quarantine, and those whose time is up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Quarantine {
    /// Whose it is, until when and why, by the test's name.
    pub tests: BTreeMap<String, String>,
    /// The same of those that count again.
    pub over: BTreeMap<String, String>,
}

impl Quarantine {
    /// Reads the file at `path`, as it is to be understood at this time; none where there is no such file.
    ///
    /// # Errors
    ///
    /// When it cannot be read or understood.
    pub fn read(path: &Path, now: SystemTime) -> Result<Self, QuarantineError> {
        let named = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&named, &text, day_of(now)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(QuarantineError::File { path: named, source }),
        }
    }

    fn parse(path: &str, text: &str, today: Date) -> Result<Self, QuarantineError> {
        let content = |source| QuarantineError::Content { path: path.into(), source: Box::new(source) };
        let file: File = toml::from_str(text).map_err(content)?;
        let mut quarantine = Self::default();
        for Entry { name, owner, until, why } in file.test {
            let (Some(day), None) = (until.date, until.time) else {
                return Err(QuarantineError::NoDay { path: path.into(), test: name });
            };
            let words = format!("in quarantine until {day}, {owner}: {why}");
            let list = if day >= today { &mut quarantine.tests } else { &mut quarantine.over };
            list.insert(name, words);
        }
        Ok(quarantine)
    }
}

/// The day of a time, as the clock in Greenwich has it.
fn day_of(time: SystemTime) -> Date {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let mut days = since.as_secs() / DAY;
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    for length in [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    Date { year, month, day: days as u8 + 1 }
}

const fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
[[test]]
name = \"a::old\"
owner = \"Ada\"
until = 2026-11-21
why = \"it was late\"

[[test]]
name = \"a::new\"
owner = \"Bo\"
until = 2026-11-22
why = \"it is late\"
";

    fn on(day: u8) -> Date {
        Date { year: 2026, month: 11, day }
    }

    #[test]
    fn a_test_is_in_quarantine_to_the_end_of_its_day() {
        let names = |day| {
            let Quarantine { tests, over } = Quarantine::parse("q.toml", FILE, on(day)).unwrap();
            [tests, over].map(|list| list.into_keys().collect::<Vec<_>>())
        };
        assert_eq!(names(21), [vec!["a::new", "a::old"], vec![]]);
        assert_eq!(names(22), [["a::new"], ["a::old"]]);
        assert_eq!(names(23), [vec![], vec!["a::new", "a::old"]]);
        let words = &Quarantine::parse("q.toml", FILE, on(22)).unwrap().tests["a::new"];
        assert_eq!(words, "in quarantine until 2026-11-22, Bo: it is late");
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let error = |text: &str| Quarantine::parse("q.toml", text, on(1)).unwrap_err().to_string();
        assert!(error(&FILE.replace("owner", "woner")).contains("woner"));
        assert!(error(&FILE.replace("why = \"it is late\"", "")).contains("why"));
        assert!(error(&FILE.replace("2026-11-22", "2026-11-22T07:00:00")).contains("a::new needs a day"));
        assert!(error(&FILE.replace("2026-11-22", "soon")).starts_with("q.toml"));
    }

    #[test]
    fn without_a_file_nothing_is_in_quarantine() {
        let path = Path::new("/nowhere/quarantine.toml");
        assert_eq!(Quarantine::read(path, SystemTime::now()).unwrap(), Quarantine::default());
    }

    #[test]
    fn days_are_counted_through_leap_years() {
        let day = |days: u64| day_of(UNIX_EPOCH + Duration::from_secs(days * DAY + DAY - 1)).to_string();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(11_016), "2000-02-29");
        assert_eq!(day(11_017), "2000-03-01");
        assert_eq!(day(20_779), "2026-11-22");
        assert_eq!(day(20_818), "2026-12-31");
    }
}
