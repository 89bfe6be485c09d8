//! What a board's image is told on its kernel command line, beside the boot loader's own words.
//!
//! A board that can hear is told the same with every order. These words are for one that cannot: it runs the tests that they
//! name by itself, one after the other, and notes what becomes of them.

use crate::boot_image::MAX_COMMAND_LINE;
use crate::plan::{Plan, Selected};
use wire::{Arguments, Parameters};

/// How tests are to run and which, as many of them as there is room for.
#[must_use]
pub fn words(parameters: &Parameters, plan: &Plan) -> String {
    let selected = plan.tests.iter().filter(|test| test.selected == Selected::Yes);
    let entries = selected.map(|test| test.entry);
    let settings = Arguments(*parameters).to_string();
    let space = if settings.is_empty() { "" } else { " " };
    let mut words = settings + space + "framekeeper.tests=";
    let none = words.len();
    for entry in entries {
        let comma = if words.len() == none { "" } else { "," };
        let word = format!("{comma}{entry:x}");
        if words.len() + word.len() > MAX_COMMAND_LINE {
            break;
        }
        words += &word;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Test;
    use wire::{BuildId, Coverage};

    const PARAMETERS: Parameters =
        Parameters { seed: 255, budget_ms: 15_000, until: Some(12), memory: Coverage::Whole };

    fn plan(count: u64) -> Plan {
        let test = |number: u64| Test {
            name: number.to_string(),
            entry: 0xc000_0000 + number,
            should_panic: false,
            timeout: None,
            selected: if number == 1 { Selected::Filtered } else { Selected::Yes },
        };
        Plan::new(BuildId::default(), (0..count).map(test).collect())
    }

    fn read(words: &str) -> (Parameters, Vec<u64>) {
        let each = || words.split(' ');
        (Parameters::from_arguments(each()).unwrap(), wire::tests(each()).collect())
    }

    #[test]
    fn the_board_reads_what_was_written() {
        for parameters in [PARAMETERS, Parameters::default()] {
            assert_eq!(read(&words(&parameters, &plan(3))), (parameters, vec![0xc000_0000, 0xc000_0002]));
            assert_eq!(read(&words(&parameters, &plan(0))), (parameters, vec![]));
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let words = words(&PARAMETERS, &plan(1000));
        assert!(words.len() <= MAX_COMMAND_LINE && words.len() > MAX_COMMAND_LINE - 9, "{}", words.len());
        let (_, tests) = read(&words);
        assert!(tests.len() > 150 && tests[1..] == (0xc000_0002..).take(tests.len() - 1).collect::<Vec<_>>());
    }
}
