//! Which tests make another one fail: found among others that crash, told as what it is where there is nothing to find.

use crate::runner::{Run, Running, finish, run_json, runner, signal};
use serde_json::{Value, json};

const KEY: &str = "leftovers::minds_a_key";
const BOTH: &str = "leftovers::minds_a_lock_with_its_key";

/// Looks for what makes this test of the misbehaving image fail, among those tests.
fn bisect(test: &str, suspects: &[&str]) -> Run {
    run_json(&[["--image", "misbehave", "bisect", test].as_slice(), suspects].concat())
}

/// What was found, and the trials that were made for it.
fn found(run: &Run) -> (Value, Vec<Value>) {
    let objects = run.objects();
    let trials = objects.iter().filter(|object| object["event"] == "trial").cloned().collect();
    let last = objects.last().filter(|last| last["event"] == "bisected");
    (last.unwrap_or_else(|| panic!("{run:?}")).clone(), trials)
}

#[test]
fn two_tests_that_make_another_one_fail_together_are_found_and_the_command_repeats_it() {
    let run = bisect(BOTH, &["leftovers::", "exceptions::"]);
    let (found, trials) = found(&run);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(found["smallest"], json!(["leftovers::leaves_a_key", "leftovers::leaves_a_lock"]));
    assert_eq!((&found["confirmed"], &found["trials"]), (&json!(true), &json!(trials.len())));
    assert_eq!((&trials[0]["after"], &trials[0]["detail"]), (&json!([]), &json!("pass")));
    let both = [json!("leftovers::leaves_a_key"), json!("leftovers::leaves_a_lock")];
    let after = trials[1]["after"].as_array().unwrap();
    assert!(after.len() > 2 && both.iter().all(|one| after.contains(one)), "{trials:?}");
    assert_eq!(trials[1]["detail"], json!({"fail": "panicked"}));
    let command = found["repeat"].as_str().unwrap();
    let (_, arguments) = command.split_once(" -- ").unwrap();
    let again = run_json(&arguments.split(' ').collect::<Vec<_>>());
    let ends = [("leftovers::leaves_a_key", json!("pass")), ("leftovers::leaves_a_lock", json!("pass"))];
    let ends = ends.into_iter().chain([(BOTH, json!({"fail": "panicked"}))]);
    assert_eq!(again.ends(), ends.map(|(name, end)| (name.to_owned(), end)).collect::<Vec<_>>(), "{command}");
}

/// A run in an order that is drawn by lot, in which a test that leaves a key runs before the one that minds it.
fn shuffled() -> (u64, Run) {
    let run = |seed: u64| {
        let order = seed.to_string();
        let options = ["--image", "misbehave", "--seed", "77", "run", "--shuffle-seed", &order];
        (seed, finish(runner(&[options.as_slice(), &["leftovers::leaves", KEY]].concat())))
    };
    (1..20).map(run).find(|(_, run)| run.code == Some(1)).expect("an order in which it fails")
}

#[test]
fn of_a_recorded_run_its_order_and_its_seed_count() {
    let (order, recorded) = shuffled();
    let folder = recorded.stdout.lines().find_map(|line| line.strip_prefix("recorded in ")).unwrap();
    let run = finish(runner(&["--seed", "5", "bisect", "--run", folder, KEY]));
    assert_eq!(run.code, Some(1), "{recorded:?} {run:?}");
    let last: Vec<_> = run.stdout.lines().rev().take(4).collect();
    assert_eq!(last[3], format!("{KEY} fails after these, of which none can be left out:"), "{run:?}");
    assert_eq!(last[2], "  leftovers::leaves_a_key");
    let repeat = format!(
        "to repeat it: cargo run -p host-runner -- --board qemu-virt --image misbehave --seed 77 --budget 2m run --exact \
         --shuffle-seed {order} leftovers::leaves_a_key leftovers::minds_a_key"
    );
    assert_eq!(last[1], repeat);
    assert!(last[0].starts_with(&format!("FAILED: {KEY} fails after 1 of ")), "{}", last[0]);
    assert!(run.stdout.starts_with("after which of "), "{run:?}");
    assert!(run.stdout.contains("core 0: panic: free memory is not as it was: there is a key"), "{run:?}");
}

#[test]
fn a_test_that_fails_by_itself_needs_no_others() {
    let run = bisect("verdicts::panics", &["leftovers::"]);
    let (found, trials) = found(&run);
    assert_eq!((run.code, trials.len()), (Some(1), 1), "{run:?}");
    assert_eq!((&found["smallest"], &found["confirmed"]), (&json!([]), &json!(true)));
}

#[test]
fn what_does_not_reproduce_is_told_as_that() {
    let arguments = ["--image", "misbehave", "bisect", "leftovers::minds_nothing", "leftovers::leaves"];
    let run = finish(runner(&arguments));
    assert_eq!(run.code, Some(0), "{run:?}");
    let last = run.stdout.lines().last().unwrap();
    let verdict =
        "does not fail: leftovers::minds_nothing passes by itself and after 3 tests; 2 trials on qemu-virt";
    assert!(last.starts_with(verdict), "{run:?}");
}

/// Its emulator dies in the middle of it: what ran before the test then is not what was to run before it.
#[test]
fn a_trial_of_which_an_attempt_was_void_is_made_again() {
    let arguments =
        ["--image", "misbehave", "bisect", "line::logs_one_mebibyte", "leftovers::leaves_nothing"];
    let mut running = Running::start(runner(&arguments));
    running.wait_for("after which of ");
    // The board is in the middle of the test once so much was heard.
    running.wait_until_heard(200_000);
    signal("-KILL", running.emulators()[0]);
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let again = |line: &&str| line.contains("by itself") && line.contains("this trial counts for nothing");
    assert_eq!(run.stdout.lines().filter(again).count(), 1, "{}", run.stdout);
    assert!(run.stdout.lines().last().unwrap().contains("; 3 trials on "), "{}", run.stdout);
}

#[test]
fn a_trial_without_a_verdict_is_no_answer() {
    let qemu = crate::runner::FakeQemu::new("echo 'qemu: no such machine' >&2; exit 1");
    let mut command = runner(&["--image", "misbehave", "bisect", BOTH]);
    command.env("PATH", qemu.path());
    let run = finish(command);
    assert_eq!(run.code, Some(2), "{run:?}");
    let last = run.stdout.lines().last().unwrap();
    assert!(last.starts_with("NO VERDICT: ") && last.contains("no such machine"), "{run:?}");
}

#[test]
fn a_test_that_is_not_there_is_told_with_one_that_is() {
    let run = bisect("leftovers::minds_a_kye", &[]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("leftovers::minds_a_key"), "{run:?}");
}
