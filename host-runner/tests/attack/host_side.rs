//! Loaders and lines that fail: never a pass, always an end, and the exit code that says so.

use crate::runner::{
    FakeQemu, LONG, Running, bare_path, finish, misbehave, path_from, recording, run_json, runner, signal,
    told_of_full_disks, which, with_errors, workspace_with, write_program,
};
use serde_json::json;
use std::{
    fs::File,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Runs the suite with this script as QEMU.
fn with_qemu(script: &str) -> crate::runner::Run {
    let qemu = FakeQemu::new(script);
    let mut command = runner(&["--format", "json"]);
    command.env("PATH", qemu.path());
    finish(command)
}

#[test]
fn an_emulator_that_ends_with_success_at_once_is_no_verdict() {
    let run = with_qemu("echo 'test result: ok. 22 passed; 0 failed'; exit 0");
    assert_eq!((run.code, run.summary()["pass"].as_u64()), (Some(2), Some(0)), "{run:?}");
}

#[test]
fn an_emulator_that_cannot_start_is_reported_with_its_own_words() {
    let run = with_qemu("echo 'qemu: no such machine' >&2; exit 1");
    assert_eq!(run.code, Some(2));
    assert!(run.summary()["cut_short"].to_string().contains("no such machine"), "{run:?}");
}

#[test]
fn a_board_that_only_makes_noise_ends_the_run() {
    let run = with_qemu("yes 'ok ok ok' | head -c 1000000; exec sleep 1000");
    assert_eq!((run.code, run.summary()["pass"].as_u64()), (Some(2), Some(0)), "{run:?}");
}

#[test]
fn a_line_that_closes_while_the_emulator_runs_ends_the_run() {
    let run = with_qemu("exec >&- <&-; exec sleep 1000");
    assert_eq!((run.code, run.summary()["pass"].as_u64()), (Some(2), Some(0)), "{run:?}");
}

#[test]
fn an_image_of_another_build_is_refused_before_any_test() {
    let other =
        recording(&run_json(&["--image", "misbehave", "run", "--exact", "verdicts::passes"])).join("Image");
    let (real, other) = (which("qemu-system-aarch64"), other.display().to_string());
    let swap =
        r#"for a; do shift; if [ "$p" = -kernel ]; then a="$OTHER"; fi; set -- "$@" "$a"; p="$a"; done"#;
    let run = with_qemu(&format!("OTHER='{other}'\n{swap}\nexec '{}' \"$@\"", real.display()));
    assert_eq!(run.code, Some(2));
    assert!(run.summary()["cut_short"].to_string().contains("build"), "{run:?}");
    assert_eq!(run.summary()["pass"], 0);
}

#[test]
fn a_missing_emulator_is_named_with_the_command_that_installs_it() {
    let (_folder, path) = bare_path(&["cargo", "rustc", "rustup"]);
    let mut command = runner(&[]);
    command.env("PATH", path.as_ref());
    let run = finish(command);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("qemu-system"), "{run:?}");
}

/// The emulator dies in the middle of a test: the test is run again on a new one, and its own end is found out.
#[test]
fn a_killed_emulator_costs_an_attempt_and_not_the_verdict() {
    let mut running =
        Running::start(runner(&["--image", "misbehave", "run", "--exact", "line::logs_one_mebibyte"]));
    running.wait_for("line 100 ");
    let emulators = running.emulators();
    assert_eq!(emulators.len(), 1);
    signal("-KILL", emulators[0]);
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stdout.contains("again"), "{}", run.stdout);
}

#[test]
fn ctrl_c_ends_the_run_with_a_partial_report_and_no_emulator() {
    let tests = ["hangs::with_interrupts_on", "verdicts::passes"];
    let mut running = Running::start(runner(&[["--image", "misbehave", "run"].as_slice(), &tests].concat()));
    running.wait_for("usable RAM");
    let emulators = running.emulators();
    assert_eq!(emulators.len(), 1);
    running.interrupt();
    let run = running.finish();
    assert_eq!(run.code, Some(130), "{}", run.stdout);
    assert!(run.stdout.lines().last().is_some_and(|line| line.starts_with("INTERRUPTED")), "{}", run.stdout);
    assert!(run.stdout.contains("not run"), "{}", run.stdout);
    for emulator in emulators {
        assert!(!Path::new(&format!("/proc/{emulator}")).exists(), "the emulator still runs");
    }
}

/// A run of a phone on a desk of its own, looked for by a `fastboot` that is this script, in a folder of that.
fn on_a_desk(fastboot: &str, more: &str) -> (TempDir, TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display();
    write_program(&folder.path().join("fastboot"), &format!("#!/bin/sh\ncd '{here}'\n{fastboot}\n"));
    // One for each test: the phone on it is one run's.
    let name = format!("desk{}", folder.path().file_name().unwrap().display());
    let root = workspace_with("pixel6", &name, |text| format!("{text}\n{more}"));
    let elf = misbehave("pixel6").display().to_string();
    let mut command = runner(&["--board", &name, "--elf", &elf, "run", "--exact", "verdicts::passes"]);
    command.current_dir(root.path()).env("PATH", path_from(folder.path()));
    let running = Running::start(with_errors(&command));
    (folder, root, running)
}

/// While a phone is looked for the run itself hears nothing.
#[test]
fn ctrl_c_while_a_phone_is_waited_for_ends_the_run_with_a_report() {
    let (folder, _root, mut running) = on_a_desk("echo look >> looks", "");
    running.wait_for("waiting for the phone");
    running.interrupt();
    let run = running.finish();
    let looks = std::fs::read_to_string(folder.path().join("looks")).unwrap().lines().count();
    assert!(looks < 100, "it looked for the phone for a minute, {looks} times");
    assert_eq!(run.code, Some(130), "{}", run.stdout);
    assert!(run.stdout.lines().last().is_some_and(|line| line.starts_with("INTERRUPTED")), "{}", run.stdout);
}

/// A phone that was given no time to come is not to have its buttons pressed on its way.
#[test]
fn ctrl_c_while_a_phone_is_looked_for_presses_no_buttons() {
    let buttons = tempfile::tempdir().unwrap();
    let pressed = buttons.path().join("pressed");
    let hook = format!("[hooks]\nreset = \"touch '{}'\"\n", pressed.display());
    // Ten seconds later the runner ends the program. That it is there is asked before Ctrl-C is listened for.
    let fastboot = "if [ \"$1\" = devices ]; then echo look >> looks; exec sleep 1000; fi";
    let (folder, _root, running) = on_a_desk(fastboot, &hook);
    let until = Instant::now() + LONG;
    while !folder.path().join("looks").exists() {
        assert!(Instant::now() < until, "it does not look");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.interrupt();
    let run = running.finish();
    assert_eq!((run.code, pressed.exists()), (Some(130), false), "{}", run.stdout);
}

/// Nothing in it is asked before it ends: others have to clean up.
#[test]
fn a_runner_that_is_killed_leaves_neither_an_emulator_nor_a_folder() {
    let mut running =
        Running::start(runner(&["--image", "misbehave", "run", "--exact", "line::logs_one_mebibyte"]));
    running.wait_for("line 100 ");
    let emulators = running.emulators();
    assert_eq!(emulators.len(), 1);
    let emulator = PathBuf::from(format!("/proc/{}", emulators[0]));
    let arguments = std::fs::read_to_string(emulator.join("cmdline")).unwrap();
    let socket =
        arguments.split('\0').find_map(|word| word.strip_prefix("unix:")?.split(',').next()).unwrap();
    let folder = Path::new(socket).parent().unwrap();
    assert!(folder.is_dir());
    running.kill();
    let until = Instant::now() + Duration::from_secs(60);
    while emulator.exists() || folder.exists() {
        assert!(Instant::now() < until, "{} {}, {}", emulator.display(), emulator.exists(), folder.display());
        std::thread::yield_now();
    }
}

/// What ran before is in the recording, and in the reports that are made of it.
#[test]
fn a_disk_that_is_full_ends_the_run_with_the_reason_and_keeps_what_was_before() {
    let (first, endless) = ("leftovers::leaves_nothing", "line::logs_as_many_lines_as_are_ordered");
    let image = ["--image", "misbehave", "--until", "100000000", "--budget", "8h"];
    let wanted = runner(&[image.as_slice(), &["run", "--exact", first, endless]].concat());
    let folder = tempfile::tempdir().unwrap();
    let (said, junit) = (folder.path().join("said"), folder.path().join("junit.xml"));
    let mut running = Running::start_with(told_of_full_disks(&wanted), File::create(&said).unwrap());
    running.wait_for(first);
    let recording = running.recording();
    running.leave_room_for(1 << 16);
    let run = running.finish();
    let said = std::fs::read_to_string(said).unwrap();
    assert_eq!(run.code, Some(2), "{said}");
    assert!(said.contains("the run cannot be recorded") && said.contains("File too large"), "{said}");
    let made = finish(runner(&[
        "report",
        &recording.display().to_string(),
        "--junit",
        &junit.display().to_string(),
    ]));
    assert_eq!(made.code, Some(0), "{made:?}");
    let junit = std::fs::read_to_string(junit).unwrap();
    let cases: Vec<_> = junit.split("<testcase ").skip(1).collect();
    assert!(cases[0].contains(first) && cases[0].contains("/>"), "{junit}");
    assert!(cases[1].contains(endless) && cases[1].contains("<skipped"), "{junit}");
}

/// In `/sys` nobody can make a folder.
#[test]
fn a_place_for_recordings_that_takes_nothing_ends_the_run_before_it_begins() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let elf = recording(&run_json(&["--image", "misbehave", "run", "--exact", "verdicts::passes"]));
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("Cargo.toml"), "[workspace]\n").unwrap();
    symlink(here.join("boards"), root.path().join("boards")).unwrap();
    std::fs::create_dir(root.path().join("target")).unwrap();
    symlink("/sys", root.path().join("target").join("hil")).unwrap();
    let mut command = runner(&["--elf", &elf.join("image.elf").display().to_string()]);
    command.current_dir(root.path());
    let run = finish(command);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
    assert!(run.stderr.contains("the run's folder cannot be made"), "{run:?}");
}

#[test]
fn a_faulty_line_changes_no_verdict() {
    let mut repeated = 0;
    for seed in 1..=3 {
        let faults = format!("flip=1e-3,drop=1e-3,double=1e-3,seed={seed}");
        let run =
            run_json(&["--fault-link", &faults, "run", "boot::", "cores::", "log::", "numbers::", "ram::"]);
        assert_eq!(run.code, Some(0), "seed {seed}: {run:?}");
        assert!(run.ends().iter().all(|(_, end)| *end == json!("pass")), "seed {seed}: {run:?}");
        repeated += run.summary()["repeated_frames"].as_u64().unwrap();
    }
    assert!(repeated > 0, "the faults hit nothing");
}

#[test]
fn a_replay_prints_the_identical_report() {
    let run = finish(runner(&["--image", "misbehave", "run", "verdicts::", "exceptions::"]));
    assert_eq!(run.code, Some(1), "{run:?}");
    let folder = run.stdout.lines().find_map(|line| line.strip_prefix("recorded in ")).unwrap();
    let replay = finish(runner(&["replay", folder]));
    assert_eq!(replay.stdout, run.stdout);
    assert_eq!(replay.code, run.code);
}
