//! What a test is told reaches every core, and what it measures arrives: whole, in order, on a bad line too, and again in a
//! replay.

use crate::runner::{Run, finish, recording, run_json, runner};
use serde_json::{Value, json};

const EACH: &str = "numbers::sending::each_core_sends_one_of_each_kind";
const MANY: &str = "numbers::sending::a_core_sends_many_while_others_log";
const TOLD: &str = "numbers::parameters::every_core_reads_the_same";

/// The numbers of this kind that the test has measured.
fn numbers(run: &Run, test: &str, kind: &str) -> Vec<Value> {
    let is_meant =
        |object: &Value| object["event"] == "number" && object["test"] == test && object["kind"] == kind;
    run.objects().into_iter().filter(is_meant).collect()
}

/// These members of each, sorted.
fn members(numbers: &[Value], names: &[&str]) -> Vec<Vec<u64>> {
    let of = |number: &Value| names.iter().map(|name| number[name].as_u64().unwrap()).collect();
    let mut members: Vec<Vec<u64>> = numbers.iter().map(of).collect();
    members.sort();
    members
}

#[test]
fn every_core_sends_one_of_each_kind() {
    let run = run_json(&["--seed", "77", "run", "--exact", EACH]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let of = |kind| numbers(&run, EACH, kind);
    let digest = json!({
        "event": "number", "test": EACH, "kind": "digest", "scenario": "numbers::each_core",
        "value": "0x000000000000004d", "expected": null,
    });
    assert_eq!(of("digest"), vec![digest; 8]);
    assert_eq!(members(&of("value"), &["value"]), (0..8).map(|core| vec![core]).collect::<Vec<_>>());
    let spread = |core: u64| vec![core + 1, 4, core, core + 1, core + 2, core + 3];
    assert_eq!(
        members(&of("spread"), &["cores", "samples", "p50", "p99", "p999", "max"]),
        (0..8).map(spread).collect::<Vec<_>>()
    );
    let point = |core: u64| vec![core, core * core];
    assert_eq!(members(&of("point"), &["at", "value"]), (0..8).map(point).collect::<Vec<_>>());
}

/// The suites of today may end with other digests than those of the day of the run.
#[test]
fn a_replay_judges_by_what_the_host_answered_in_the_run() {
    const STORM: &str = "frames::a_storm_of_splits_and_joins_leaves_no_trace";
    let run = run_json(&["--budget", "1s", "run", "--exact", STORM]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let folder = recording(&run);
    let replay = || run_json(&["replay", &folder.display().to_string()]);
    assert_eq!(replay().ends(), run.ends());
    let events = folder.join("events.jsonl");
    let text = std::fs::read_to_string(&events).unwrap();
    let (before, after) = text.split_once(r#""digest":{"Ok":"#).expect("the answer is kept");
    let (digest, after) = after.split_once('}').unwrap();
    let other = digest.parse::<u64>().unwrap() ^ 1;
    std::fs::write(&events, format!(r#"{before}"digest":{{"Ok":{other}}}{after}"#)).unwrap();
    let told = replay();
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_eq!(numbers(&told, STORM, "digest")[0]["expected"], format!("{other:#018x}"));
}

#[test]
fn a_bad_line_loses_no_number_and_keeps_their_order() {
    let faults = "flip=1e-3,drop=1e-3,double=1e-3,seed=5";
    let run = run_json(&["--fault-link", faults, "run", "--exact", MANY]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let points = numbers(&run, MANY, "point");
    let told: Vec<_> = points.iter().map(|point| (point["at"].clone(), point["value"].clone())).collect();
    let sent: Vec<_> = (0..100).map(|at| (json!(at), json!(100 - at))).collect();
    assert_eq!(told, sent);
}

/// What the test says that it was told: seed, budget, last operation, and whether all of memory is meant.
fn told(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, Some(0), "{run:?}");
    numbers(run, TOLD, "value").iter().map(|number| number["value"].clone()).collect()
}

#[test]
fn what_is_said_on_the_command_line_or_around_it_reaches_the_test() {
    let options = ["--until", "12", "--memory", "whole", "run", "--exact", TOLD];
    let mut command = runner(&[&["--format", "json", "--seed", "0x10"], options.as_slice()].concat());
    command.env("FRAMEKEEPER_BUDGET", "8h").env("FRAMEKEEPER_SEED", "9");
    assert_eq!(told(&finish(command)), [json!(16), json!(28_800_000), json!(12), json!(1)]);
    let mut command = runner(&["--format", "json", "run", "--smoke", "--exact", TOLD]);
    command.env("FRAMEKEEPER_SEED", "9");
    assert_eq!(told(&finish(command)), [json!(9), json!(10_000), json!(u64::MAX), json!(0)]);
}

#[test]
fn a_plain_run_repeats_the_last_under_other_nonces() {
    let header = || {
        let run = run_json(&["run", "--exact", TOLD]);
        let text = std::fs::read_to_string(recording(&run).join("run.json")).unwrap();
        (told(&run), serde_json::from_str::<Value>(&text).unwrap()["nonces"].clone())
    };
    let ((first, nonces), (second, others)) = (header(), header());
    assert_eq!(first, second);
    assert_ne!(nonces, others);
}

#[test]
fn a_replay_shows_the_same_numbers_of_the_same_seed() {
    let run = finish(runner(&["--seed", "new", "run", "numbers::"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.starts_with("seed ") && run.stdout.contains("not compared"), "{run:?}");
    let folder = run.stdout.lines().find_map(|line| line.strip_prefix("recorded in ")).unwrap();
    assert_eq!(finish(runner(&["replay", folder])).stdout, run.stdout);
}

#[test]
fn a_number_that_could_not_be_sent_is_missed() {
    let test = "line::sends_a_number_that_fits_into_no_frame";
    let run = finish(runner(&["--image", "misbehave", "run", "--exact", test]));
    assert!(run.stdout.contains("core 0 could not send 1 number"), "{run:?}");
}

#[test]
fn what_did_not_pass_comes_with_the_command_that_repeats_it() {
    let arguments = ["--image", "misbehave", "--seed", "7", "--budget", "90s", "run", "verdicts::panics"];
    let run = finish(runner(&arguments));
    let repeat =
        "cargo run -p host-runner -- --board qemu-virt --image misbehave --seed 7 --budget 90s run --exact";
    assert!(run.stdout.contains(&format!("to repeat it: {repeat} verdicts::panics\n")), "{run:?}");
    assert!(run.stdout.starts_with("seed 7, budget 90s, memory sampled\n"), "{run:?}");
}
