//! From a failure to knowing why: what the terminal says last of a test that failed is enough, without any other file. The
//! table of all misbehaving tests, `docs/failures.md`, is made here.

use crate::runner::{finish, runner};
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

/// What repeats any of them, up to the test's name: the seed is part of it.
const REPEAT: &str =
    "cargo run -p host-runner -- --board qemu-virt --image misbehave --seed 7 --budget 2m run --exact";

/// Lines of a screen that people still read without scrolling.
const SCREEN: usize = 50;

/// Failures that no line of the image is to blame for, and what is said in its place.
const WITHOUT_PLACE: [(&str, &str); 6] = [
    ("hangs::leaving_a_core_that_hangs", "the test has returned; the core is named"),
    ("power::resets_the_machine", "whoever asked for it is gone with all that was in memory"),
    ("power::switches_the_machine_off", "the same"),
    ("verdicts::returns_err", "an error is a value; it is told"),
    ("verdicts::should_panic_and_does_not", "nothing happened, at no line"),
    ("verdicts::should_panic_and_returns_err", "an error is a value; it is told"),
];

/// Several cores panic; which one is heard first is open.
const OPEN: &str = "other_cores::all_panic_at_once";

/// What a person sees of one failure.
#[derive(Debug)]
struct Failure {
    name: String,
    /// The word for its end, and why it is that.
    end: String,
    reason: String,
    lines: Vec<String>,
}

impl Failure {
    /// Its first line: how it ended, its name, how long it took, and why.
    fn begin(line: &str) -> Option<Self> {
        let (end, rest) = (line.get(..7)?.trim(), line.get(7..)?.strip_prefix("  ")?);
        if !["FAIL", "CRASH", "TIMEOUT", "INFRA"].contains(&end) {
            return None;
        }
        let mut parts = rest.splitn(3, "  ");
        let (name, _, reason) = (parts.next()?, parts.next()?, parts.next()?);
        let (name, end, reason) = (name.to_owned(), end.to_owned(), reason.to_owned());
        Some(Self { name, end, reason, lines: Vec::new() })
    }

    /// The line of the tests' own sources that is named first.
    fn place(&self) -> Option<&str> {
        let words = self.lines.iter().flat_map(|line| line.split([' ', '(', ')']));
        words.map(|word| word.trim_end_matches(',')).find(|word| {
            let line =
                word.strip_prefix("firmware/tests/misbehave/").and_then(|word| word.split_once(".rs:"));
            line.is_some_and(|(_, line)| line.parse::<u32>().is_ok())
        })
    }

    /// What a core says of it, or what is said of the cores, or the error that the test has returned.
    fn cause(&self) -> Option<&str> {
        let headline = |line: &&str| line.starts_with("core") || line.starts_with("no core");
        let told = self.lines.iter().filter_map(|line| line.strip_prefix("    ")).find(headline);
        let error = |line: &'_ str| line.find("Err(\"").map(|start| start..line.find("\")").unwrap() + 2);
        told.or_else(|| self.lines.iter().find_map(|line| line.get(error(line)?)))
    }

    fn row(&self) -> String {
        let Self { name, end, reason, .. } = self;
        if name == OPEN {
            let place = self.place().unwrap_or_default();
            return format!(
                "| `{name}` | FAIL or CRASH | the panic of the core that was heard first | {place} |\n"
            );
        }
        // Whether a core answers in time is open, and what it is doing is then seen from outside.
        let is_open = end == "TIMEOUT";
        let shown = |cause: &str| if is_open { "what each core is doing".to_owned() } else { settled(cause) };
        let cause = self.cause().map(|cause| format!("; {}", shown(cause))).unwrap_or_default();
        let needs_none = WITHOUT_PLACE.iter().any(|(without, _)| name == without);
        let place = self.place().filter(|_| !needs_none).unwrap_or("–");
        // At which line a core stands that hangs, or that has no stack left, is open.
        let open = is_open || reason.ends_with("ran out of stack");
        let place = if open { "firmware/tests/misbehave" } else { place };
        format!("| `{name}` | {end} | {reason}{cause} | {place} |\n").replace("||", "\\|\\|")
    }
}

/// Without the addresses of stacks, which are other ones after each change of the image.
fn settled(cause: &str) -> String {
    let settle = |word: &str| if word.starts_with("0xf0") { "0xf0…".to_owned() } else { word.to_owned() };
    cause.split(' ').map(settle).collect::<Vec<_>>().join(" ")
}

/// The failures that a report ends with.
fn failures(report: &str) -> Vec<Failure> {
    let (_, report) = report.split_once("\nfailures:\n").unwrap_or_else(|| panic!("{report}"));
    let (failures, _) = report.split_once("\n\n").unwrap_or_else(|| panic!("{report}"));
    let mut found: Vec<Failure> = Vec::new();
    for line in failures.lines() {
        match (Failure::begin(line), found.last_mut()) {
            (Some(failure), _) => found.push(failure),
            (None, Some(failure)) => failure.lines.push(line.to_owned()),
            (None, None) => panic!("{line:?} belongs to no failure"),
        }
    }
    found
}

/// The page about them.
fn table(failures: &[Failure]) -> String {
    let mut table = String::from(
        "# Failures, and what the terminal says of them\n\n\
         What misbehaves on purpose (`firmware/tests/misbehave`), as the last screen of a run on `qemu-virt` has it. Each one comes with its\n\
         name, how it ended, why, where, and the command that repeats it with its seed. The command is the same but for the name:\n\n",
    );
    writeln!(table, "```console\n$ {REPEAT} NAME\n```\n").unwrap();
    table.push_str("| test | end | why | where |\n|---|---|---|---|\n");
    failures.iter().for_each(|failure| table.push_str(&failure.row()));
    table.push_str("\nThese have no place, and that is why:\n\n");
    for (name, why) in WITHOUT_PLACE {
        writeln!(table, "- `{name}`: {why}.").unwrap();
    }
    table.push_str("\nMade and checked by `cargo test -p host-runner --test attack failures::`.\n");
    table
}

#[test]
fn the_terminal_says_of_every_failure_what_where_why_and_how_to_repeat_it() {
    let run = finish(runner(&["--image", "misbehave", "--seed", "7"]));
    assert_eq!(run.code, Some(1), "{run:?}");
    let failures = failures(&run.stdout);
    let without: BTreeMap<_, _> = WITHOUT_PLACE.into_iter().collect();
    for failure in &failures {
        let Failure { name, lines, .. } = failure;
        let told = lines.join("\n");
        assert_eq!(lines.last(), Some(&format!("    to repeat it: {REPEAT} {name}")), "{name}:\n{told}");
        assert!(failure.place().is_some() || without.contains_key(name.as_str()), "{name}:\n{told}");
        assert!(!failure.reason.is_empty() && lines.len() < SCREEN, "{name}: {} lines\n{told}", lines.len());
    }
    let failed = run.stdout.lines().rev().nth(1).unwrap().split(", ").nth(1).unwrap();
    assert_eq!(format!("{} failed", failures.len()), failed, "{}", run.stdout);
    compare(&table(&failures));
}

/// The table in the sources must be this one.
fn compare(table: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let kept = fs::read_to_string(root.join("docs/failures.md")).unwrap_or_default();
    if kept != table {
        fs::write(root.join("target/failures.md"), table).unwrap();
        panic!(
            "docs/failures.md is another table; this one is right: cp target/failures.md docs/failures.md\n{table}"
        );
    }
}
