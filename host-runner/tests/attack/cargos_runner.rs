//! The runner as cargo's: it speaks as test programs of the standard library do, to whoever reads them.

use crate::runner::{finish, runner};
use host_runner::{board::Board, firmware, workspace::Workspace};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeSet, process::Command};

/// All that a test program of the standard library may say, as its readers know it: nothing else.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
#[expect(dead_code, reason = "read only to see that it can be")]
enum Line {
    Suite {
        event: String,
        test_count: Option<usize>,
        passed: Option<usize>,
        failed: Option<usize>,
        ignored: Option<usize>,
        measured: Option<usize>,
        filtered_out: Option<usize>,
        exec_time: Option<Value>,
        tests: Option<usize>,
        benchmarks: Option<usize>,
        total: Option<usize>,
    },
    Test {
        event: String,
        name: String,
        exec_time: Option<Value>,
        stdout: Option<String>,
        message: Option<String>,
        ignore: Option<bool>,
        ignore_message: Option<String>,
    },
}

/// The misbehaving image, run as cargo runs it, with these words behind it.
fn executed(words: &[&str]) -> Command {
    let workspace = Workspace::find().unwrap();
    let board = Board::find(&workspace, "qemu-virt").unwrap();
    let elf = firmware::build(&workspace, &board, "misbehave", "info").unwrap();
    runner(&[&["exec", elf.to_str().unwrap()], words].concat())
}

fn lines(said: &str) -> Vec<Line> {
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn whoever_reads_test_programs_reads_the_runner() {
    let words = ["--format", "json", "-Z", "unstable-options", "verdicts::"];
    let run = finish(executed(&words));
    assert_eq!(run.code, Some(1), "{run:?}");
    let lines = lines(&run.stdout);
    let ends: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Test { event, name, .. } if event != "started" => Some((name.as_str(), event.as_str())),
            _ => None,
        })
        .collect();
    let expected = [
        ("verdicts::is_ignored", "ignored"),
        ("verdicts::panics", "failed"),
        ("verdicts::passes", "ok"),
        ("verdicts::returns_err", "failed"),
        ("verdicts::should_panic_and_does", "ok"),
        ("verdicts::should_panic_and_does_not", "failed"),
        ("verdicts::should_panic_and_returns_err", "failed"),
    ];
    assert_eq!(ends, expected);
    assert_eq!(lines.len(), 2 * expected.len() + 2, "{run:?}");
    assert!(matches!(&lines[0], Line::Suite { event, test_count: Some(7), .. } if event == "started"));
    let last = lines.last().unwrap();
    let Line::Suite { event, passed, failed, ignored, .. } = last else { panic!("{last:?}") };
    assert_eq!((event.as_str(), passed, failed, ignored), ("failed", &Some(2), &Some(4), &Some(1)));
    let has_panicked = |line: &Line| match line {
        Line::Test { event, name, stdout: Some(said), .. } => {
            event == "failed" && name == "verdicts::panics" && said.contains("on purpose: 42")
        }
        _ => false,
    };
    assert!(lines.iter().any(has_panicked), "{run:?}");
}

#[test]
fn tests_that_are_not_there_and_tests_that_are_listed_are_told_in_the_same_words() {
    let json = ["--format", "json", "-Z", "unstable-options"];
    let nothing = finish(executed(&[json.as_slice(), &["nowhere::"]].concat()));
    assert_eq!((nothing.code, lines(&nothing.stdout).len()), (Some(0), 2), "{nothing:?}");
    let listed = finish(executed(&[json.as_slice(), &["--list", "verdicts::"]].concat()));
    assert_eq!((listed.code, lines(&listed.stdout).len()), (Some(0), 7 + 2), "{listed:?}");
}

/// nextest divides the tests among partitions by their place in this list, on each machine anew.
#[test]
fn what_is_listed_is_the_same_every_time_and_names_every_test_once() {
    let listed = || finish(executed(&["--list", "--format", "terse"])).stdout;
    let first = listed();
    assert_eq!(first, listed());
    let names: BTreeSet<_> = first.lines().map(|line| line.strip_suffix(": test").unwrap()).collect();
    assert_eq!(names.len(), first.lines().count(), "{first}");
    let of_the_runner = finish(runner(&["--image", "misbehave", "list", "--include-ignored"])).stdout;
    let of_the_runner = of_the_runner.lines().map(|name| name.trim_end_matches(" (ignored)"));
    assert_eq!(names, of_the_runner.collect(), "{first}");
}

/// Who asks for nothing unstable gets the runner's own format.
#[test]
fn without_the_word_for_it_the_format_is_the_runners_own() {
    let run = finish(executed(&["--format", "json", "--exact", "verdicts::passes"]));
    assert_eq!(run.summary()["pass"], 1, "{run:?}");
}
