//! Parameters as words of the kernel command line: `framekeeper.seed=7`.
//!
//! A boot loader passes them on, so they arrive where nobody can order a test: over a line that only goes out, or over
//! none.

use core::{fmt, str::FromStr};

use crate::{Coverage, Parameters};

/// What every word of ours begins with.
const PREFIX: &str = "framekeeper.";
const TESTS: &str = "tests=";
const ALONE_AFTER: &str = "alone_after=";

/// The word that has a board leave its serial ports alone, and speak by [`Ring`](crate::ram::Ring) to a debugger.
pub const RAM_LINK: &str = "framekeeper.link=ram";

/// Parameters, displayed as words with a space between; those that have their default values are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments(pub Parameters);

/// A word that begins as ours do and says nothing that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongArgument<'a> {
    /// The word.
    pub word: &'a str,
}

/// The entry addresses of the tests that a command line names, as `framekeeper.tests=c0001234,c0005678`: for a board that
/// nobody can order to run one. An address that cannot be read ends the list, for what would follow it would run under a
/// wrong number.
pub fn tests<'a>(words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = u64> {
    let last = words.filter_map(|word| word.strip_prefix(PREFIX)?.strip_prefix(TESTS)).last();
    let entries = last.into_iter().flat_map(|list| list.split(','));
    entries.map_while(|entry| u64::from_str_radix(entry, 16).ok())
}

/// After how many milliseconds without a host a board runs those tests by itself, as `framekeeper.alone_after=2000`.
pub fn alone_after<'a>(words: impl Iterator<Item = &'a str>) -> Option<u64> {
    let last = words.filter_map(|word| word.strip_prefix(PREFIX)?.strip_prefix(ALONE_AFTER)).last();
    last.and_then(number)
}

/// Whether the host is a debugger that looks for what is said in RAM.
pub fn has_ram_link<'a>(mut words: impl Iterator<Item = &'a str>) -> bool {
    words.any(|word| word == RAM_LINK)
}

impl Parameters {
    /// Reads the words of a command line. Those that are not ours are passed over; of two that say the same thing the
    /// last one counts, as it does for a kernel; what no word says has its default value.
    ///
    /// # Errors
    ///
    /// The first word of ours that cannot be understood.
    pub fn from_arguments<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, WrongArgument<'a>> {
        let ours = words.filter_map(|word| Some((word, word.strip_prefix(PREFIX)?)));
        let mut parameters = Self::default();
        for (word, setting) in ours {
            let is_for_one_alone = setting.starts_with(TESTS) || setting.starts_with(ALONE_AFTER);
            if !is_for_one_alone && word != RAM_LINK {
                parameters.set(setting).ok_or(WrongArgument { word })?;
            }
        }
        Ok(parameters)
    }

    fn set(&mut self, setting: &str) -> Option<()> {
        let (name, value) = setting.split_once('=')?;
        match name {
            "seed" => self.seed = number(value)?,
            "budget" => self.budget_ms = number(value)?,
            "until" => self.until = Some(number(value)?),
            "memory" => {
                self.memory =
                    [Coverage::Sampled, Coverage::Whole].into_iter().find(|&c| name_of(c) == value)?;
            }
            _ => return None,
        }
        Some(())
    }
}

fn number(value: &str) -> Option<u64> {
    u64::from_str(value).ok()
}

fn name_of(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Sampled => "sampled",
        Coverage::Whole => "whole",
    }
}

impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Parameters { seed, budget_ms, until, memory }, default) = (self.0, Parameters::default());
        let mut space = "";
        let mut word = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            write!(f, "{}{PREFIX}{name}={value}", core::mem::replace(&mut space, " "))
        };
        if seed != default.seed {
            word(f, "seed", &seed)?;
        }
        if budget_ms != default.budget_ms {
            word(f, "budget", &budget_ms)?;
        }
        if let Some(until) = until {
            word(f, "until", &until)?;
        }
        if memory != default.memory {
            word(f, "memory", &name_of(memory))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Result<Parameters, WrongArgument<'_>> {
        Parameters::from_arguments(line.split_ascii_whitespace())
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            seed in any::<u64>(),
            budget_ms in any::<u64>(),
            until in any::<Option<u64>>(),
            whole in any::<bool>(),
        ) {
            let memory = if whole { Coverage::Whole } else { Coverage::Sampled };
            let parameters = Parameters { seed, budget_ms, until, memory };
            let line = format!("console=ttySAC0,115200n8 {} quiet", Arguments(parameters));
            prop_assert_eq!(read(&line), Ok(parameters));
        }
    }

    #[test]
    fn what_is_not_said_is_the_default_and_is_not_written() {
        assert_eq!(read("earlycon root=/dev/ram0 framekeeper"), Ok(Parameters::default()));
        assert_eq!(Arguments(Parameters::default()).to_string(), "");
    }

    #[test]
    fn tests_are_addresses_up_to_the_first_that_is_none() {
        let entries = |line: &str| tests(line.split_ascii_whitespace()).collect::<Vec<u64>>();
        assert_eq!(
            entries("quiet framekeeper.tests=c0001234,C0005678 root=/dev/ram0"),
            [0xc000_1234, 0xc000_5678]
        );
        assert_eq!(entries("framekeeper.tests=1 framekeeper.tests=2,,3"), [2], "the last word, and no gap");
        assert_eq!(entries("framekeeper.tests="), []);
        assert_eq!(entries("tests=1"), []);
        let parameters = Parameters { seed: 3, ..Parameters::default() };
        assert_eq!(read("framekeeper.tests=1 framekeeper.seed=3"), Ok(parameters));
    }

    #[test]
    fn patience_is_a_number_or_left_to_the_board() {
        let patience = |line: &str| alone_after(line.split_ascii_whitespace());
        assert_eq!(patience("quiet framekeeper.alone_after=2000 framekeeper.seed=3"), Some(2000));
        assert_eq!(patience("framekeeper.alone_after=1 framekeeper.alone_after=0"), Some(0), "the last word");
        assert_eq!(patience("framekeeper.alone_after=soon"), None);
        assert_eq!(patience("alone_after=1"), None);
        assert_eq!(read("framekeeper.alone_after=1"), Ok(Parameters::default()));
    }

    #[test]
    fn a_debugger_is_the_host_where_a_word_says_so() {
        let is_ram = |line: &str| has_ram_link(line.split_ascii_whitespace());
        assert!(is_ram("quiet framekeeper.link=ram framekeeper.seed=3"));
        assert!(!is_ram("quiet link=ram framekeeper.seed=3") && !is_ram(""));
        assert_eq!(read("framekeeper.link=ram"), Ok(Parameters::default()));
        let word = "framekeeper.link=telepathy";
        assert_eq!(read(word), Err(WrongArgument { word }));
    }

    #[test]
    fn the_last_word_counts() {
        let line = "framekeeper.seed=1 framekeeper.budget=5 framekeeper.seed=2";
        assert_eq!(read(line), Ok(Parameters { seed: 2, budget_ms: 5, ..Parameters::default() }));
    }

    #[test]
    fn a_word_of_ours_that_says_nothing_known_is_named() {
        let max = "framekeeper.seed=18446744073709551616";
        let words =
            [max, "framekeeper.speed=1", "framekeeper.seed", "framekeeper.memory=some", "framekeeper.until="];
        for word in words {
            assert_eq!(read(&format!("quiet {word} framekeeper.seed=3")), Err(WrongArgument { word }));
        }
    }
}
