//! The command that runs a failed test again, as it was run: every option that may decide how a test ends, in a form that a
//! shell takes.

use crate::cli::{DEFAULT_LOG, Global, Selection};
use crate::parameters::options;
use std::borrow::Cow;
use wire::Parameters;

/// What a user types to run one test again, up to the test's name. A seed that was drawn is a number there.
pub(crate) fn repeat(global: &Global, selection: &Selection, parameters: &Parameters) -> String {
    let path = |path: &std::path::PathBuf| path.display().to_string();
    let given = [
        ("board", Some(global.board.clone())),
        ("elf", global.elf.as_ref().map(path)),
        ("image", global.image.clone()),
        ("log", Some(global.log.clone()).filter(|log| log != DEFAULT_LOG)),
        ("device", global.device.clone()),
        ("port", global.port.as_ref().map(ToString::to_string)),
        ("place", global.place.clone()),
        ("reset", global.reset.clone()),
        ("fault-link", global.fault_link.map(|faults| faults.to_string())),
    ];
    let mut command = "cargo run -p host-runner --".to_owned();
    for (option, value) in given {
        if let Some(value) = value {
            command += &format!(" --{option} {}", quoted(&value));
        }
    }
    command += &format!(" {} run", options(parameters));
    if selection.ignored || selection.include_ignored {
        command += " --include-ignored";
    }
    command + " --exact"
}

/// `word` as a shell takes it for one word that means nothing else.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::parameters::parameters;
    use clap::Parser;

    /// The words that a shell makes of `line`.
    fn words(line: &str) -> Vec<String> {
        let script = format!("for word in {line}; do printf '%s\\0' \"$word\"; done");
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    fn parsed(words: &[String]) -> (Global, Selection) {
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        let Some(Command::Run(selection)) = cli.command else { panic!("{words:?}") };
        (cli.global, selection)
    }

    /// What decides how a test ends, of a command line.
    fn decisive((global, selection): &(Global, Selection)) -> String {
        let Global { board, log, image, elf, device, port, reset, fault_link, .. } = global;
        let parameters = parameters(global, selection);
        format!("{board} {log} {image:?} {elf:?} {device:?} {port:?} {reset:?} {fault_link:?} {parameters:?}")
    }

    #[test]
    fn the_command_runs_the_test_as_it_was_run() {
        for line in [
            "host-runner --board pixel6 run",
            "host-runner --image misbehave --log 'debug,wire=trace' run --smoke",
            "host-runner --elf \"it's mine/an image.elf\" --memory whole --until 7 --seed 0xff run a b",
            "host-runner --device usb:1-2 --port '/dev/my port' --reset 'relay \"$BOARD\" | true; echo '\\''!' run",
            "host-runner --reset '' --fault-link flip=1e-3,drop=0.25,double=1e-7,seed=7 --budget 90s run",
        ] {
            let was = parsed(&words(line));
            let command = repeat(&was.0, &was.1, &parameters(&was.0, &was.1)) + " a::test";
            let again = parsed(&words(&command)[4..]);
            assert_eq!(decisive(&again), decisive(&was), "{command}");
            assert_eq!((again.1.filters, again.1.exact), (vec!["a::test".to_owned()], true), "{command}");
        }
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        let plain = parsed(&words("host-runner --board pixel6 --device tcp:127.0.0.1:5554 run --ignored"));
        assert_eq!(
            repeat(&plain.0, &plain.1, &Parameters::default()),
            "cargo run -p host-runner -- --board pixel6 --device tcp:127.0.0.1:5554 --seed 1 --budget 2m run \
             --include-ignored --exact"
        );
    }
}
