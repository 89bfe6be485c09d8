//! A board of a farm: the twin, offered by a real labgrid exporter at a place of a real coordinator, all on this machine.
//!
//! labgrid is needed, in the search path or where `--yes` installs it; without it these tests fail.

mod setting;

use crate::runner::{
    Run, Running, bare_path, finish, misbehave, path_from, recording, runner, write_program,
};
use setting::{BOARD, Farm, MATCH, PLACE, labgrid, runner_at, said, workspace};
use std::{net::TcpListener, process::Command};
use tempfile::TempDir;

/// A test that passes, and one that shows signs of life for longer than anybody looks.
const PASSES: [&str; 5] = ["--image", "misbehave", "run", "--exact", "verdicts::passes"];
const HANGS: [&str; 7] =
    ["--image", "misbehave", "--budget", "1h", "run", "--exact", "hangs::with_interrupts_on"];

/// A run whose results are objects.
fn run(mut command: Command) -> Run {
    command.args(["--format", "json"]);
    finish(command)
}

/// Why a run had no verdict.
fn cut_short(run: &Run) -> String {
    assert_eq!((run.code, run.summary()["pass"].as_u64()), (Some(2), Some(0)), "{run:?}");
    run.summary()["cut_short"].to_string()
}

/// Its supply is off, so that only the place's switch can bring it to its boot loader.
#[test]
fn a_board_of_a_farm_is_switched_on_runs_its_tests_and_is_given_back() {
    let farm = Farm::with_twin();
    farm.switch_off();
    let passed = run(farm.runner(&["run", "boot::"]));
    let passes = passed.ends().len();
    assert!(passes > 10, "{passed:?}");
    assert_eq!(
        (passed.code, passed.summary()["pass"].as_u64()),
        (Some(0), Some(passes as u64)),
        "{passed:?}"
    );
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn a_place_is_given_back_after_tests_that_fail() {
    let farm = Farm::with_twin();
    let failed = run(farm.runner(&["--image", "misbehave", "run", "--exact", "verdicts::panics"]));
    assert_eq!((failed.code, failed.summary()["fail"].as_u64()), (Some(1), Some(1)), "{failed:?}");
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn ctrl_c_gives_the_place_back() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("lab/me"));
    running.interrupt();
    let run = running.finish();
    assert_eq!(run.code, Some(130), "{}", run.stdout);
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn a_place_is_given_back_for_a_runner_that_was_killed() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    running.kill();
    farm.until(|farm| farm.user_of(PLACE).is_none(), "end to its time");
}

/// Until its keeper has come to that, the place looks like one that this user has acquired by hand.
#[test]
fn a_run_after_one_that_was_killed_waits_until_the_place_was_given_back() {
    let farm = Farm::with_twin();
    let (gate, calls) = (farm.folder.path().join("gate"), farm.folder.path().join("calls"));
    let (at, here) = (gate.display(), farm.folder.path().display());
    let wait = format!("while [ -d '{here}' ] && ! [ -e '{at}' ]; do sleep 0.1; done");
    let late = format!("if [ \"$1\" = release-from ]; then {wait}; fi");
    let told = format!("echo \"$1\" >> '{}'", calls.display());
    let [late, told] = [late, told].map(|before| farm.client_after(&before));
    let by = |client: &TempDir, arguments: &[&str]| {
        let mut command = farm.runner(arguments);
        command.env("PATH", path_from(client.path()));
        Running::start(command)
    };
    let mut first = by(&late, &HANGS);
    first.wait_for("usable RAM");
    first.kill();
    let second = by(&told, &PASSES);
    let looks = |calls: &String| calls.lines().filter(|call| *call == "show").count();
    farm.until(
        |_| std::fs::read_to_string(&calls).as_ref().is_ok_and(|calls| looks(calls) > 1),
        "second look",
    );
    std::fs::write(&gate, "").unwrap();
    let passed = second.finish();
    assert_eq!(passed.code, Some(0), "{}", passed.stdout);
    let calls = std::fs::read_to_string(&calls).unwrap();
    assert!(calls.lines().any(|call| call == "acquire"), "{calls}");
    assert_eq!(farm.user_of(PLACE), None);
}

/// What an exporter makes of one speaks telnet, for which not every byte is data.
#[test]
fn a_serial_port_of_the_exporters_machine_is_a_console() {
    let farm = Farm::with_serial_port();
    let every_byte = "line::sends_random_bytes_and_passes";
    let passed =
        run(farm.runner(&["--image", "misbehave", "run", "--exact", "verdicts::passes", every_byte]));
    assert_eq!((passed.code, passed.summary()["pass"].as_u64()), (Some(0), Some(2)), "{passed:?}");
    assert_eq!(farm.user_of(PLACE), None);
    let line = std::fs::read(recording(&passed).join("line.bin")).unwrap();
    let random = random_bytes(64 * 1024);
    let whole = |piece: &&[u8]| line.windows(piece.len()).any(|heard| heard == *piece);
    // Now and then there is something else between them.
    let whole = random.chunks(512).filter(whole).count();
    assert!(whole > 100, "{whole} of 128 pieces came as they were sent");
}

/// What `sends_random_bytes_and_passes` sends.
fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

/// Whoever has it now has switched it off.
#[test]
fn the_silence_of_a_board_that_was_taken_away_is_no_failure() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "release", "--kick"]).status.success());
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    farm.switch_off();
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("the place pixel6-twin was taken away from this run"), "{}", run.stdout);
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("desk-2/jane"));
}

/// The board takes its nonce from whoever hears it first.
#[test]
fn whoever_takes_the_board_and_starts_the_same_image_is_no_tests_fault() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    let image = running.recording().join("boot.img");
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "release", "--kick"]).status.success());
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    farm.switch("0");
    farm.switch("1");
    let device = farm.boot_loader();
    let started = Command::new("fastboot").args(["-s", &device, "boot"]).arg(image).output().unwrap();
    assert!(started.status.success(), "{started:?}");
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("the place pixel6-twin was taken away from this run"), "{}", run.stdout);
}

/// For labgrid, all runs of one user on one machine are one.
#[test]
fn another_run_on_this_machine_is_turned_away_and_disturbs_nothing() {
    let farm = Farm::with_twin();
    let mut first = Running::start(farm.runner(&HANGS));
    first.wait_for("usable RAM");
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("place pixel6-twin of ") && told.contains("is in use by"), "{told}");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("lab/me"));
    first.interrupt();
    assert_eq!(first.finish().code, Some(130));
}

/// Who has acquired it by hand may have more to do with it.
#[test]
fn a_place_that_is_this_users_already_is_used_and_stays_so() {
    let farm = Farm::with_twin();
    assert!(farm.client(&["-p", PLACE, "acquire"]).status.success());
    let passed = run(farm.runner(&PASSES));
    assert_eq!((passed.code, passed.summary()["pass"].as_u64()), (Some(0), Some(1)), "{passed:?}");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("lab/me"));
}

#[test]
fn a_place_that_somebody_else_has_is_told_with_who_has_it() {
    let farm = Farm::empty(PLACE);
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("the place pixel6-twin is in use by desk-2/jane"), "{told}");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("desk-2/jane"));
}

/// A run that waits for a place which Jane has, and the workspace that says so.
fn waiting(farm: &Farm) -> (TempDir, Running) {
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    let root = workspace("wait = \"10min\"\n");
    let mut command =
        farm.runner(&["--elf", misbehave(BOARD).to_str().unwrap(), "run", "--exact", "verdicts::passes"]);
    // What is installed for this workspace is not for that one.
    command.current_dir(root.path()).env("PATH", path_from(labgrid("client").parent().unwrap()));
    let running = Running::start(command);
    farm.until(|farm| said(&farm.client(&["reservations"])).contains("name=pixel6-twin"), "reservation");
    (root, running)
}

#[test]
fn ctrl_c_ends_the_wait_for_a_place() {
    let farm = Farm::empty(PLACE);
    let (_root, running) = waiting(&farm);
    running.interrupt();
    let run = running.finish_soon();
    assert_eq!(run.code, Some(130), "{}", run.stdout);
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("desk-2/jane"));
    assert_eq!(said(&farm.client(&["reservations"])), "");
}

#[test]
fn a_place_that_somebody_else_has_is_waited_for_where_the_boards_file_says_so() {
    let farm = Farm::empty(PLACE);
    let (_root, running) = waiting(&farm);
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "release"]).status.success());
    // That it got the place is seen by what it then says of it.
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("the place pixel6-twin has no AndroidNetFastboot"), "{}", run.stdout);
    assert_eq!((farm.user_of(PLACE), said(&farm.client(&["reservations"])).as_str()), (None, ""));
}

#[test]
fn a_place_whose_exporter_is_not_there_is_told_and_not_taken() {
    let farm = Farm::with_place(PLACE, MATCH);
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("the place pixel6-twin has no board at present"), "{told}");
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn the_boards_are_listed_with_who_has_their_places() {
    let farm = Farm::empty(PLACE);
    let listed = |arguments: &[&str]| {
        let run = finish(farm.runner(&[["boards"].as_slice(), arguments].concat()));
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stdout
    };
    let key = format!("place pixel6-twin of {}", farm.address);
    assert!(listed(&[]).contains(&format!("{key}: free")), "{}", listed(&[]));
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    assert!(listed(&[]).contains(&format!("{key}: in use by desk-2/jane")), "{}", listed(&[]));
    let other = listed(&["--place", "shelf"]);
    assert!(other.contains("labgrid knows no place called `shelf`"), "{other}");
}

#[test]
fn a_place_without_a_board_says_what_it_lacks_and_is_given_back() {
    let farm = Farm::empty(PLACE);
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("the place pixel6-twin has no AndroidNetFastboot"), "{told}");
    assert_eq!(farm.user_of(PLACE), None);
}

/// For labgrid's client a part of a name is a name.
#[test]
fn a_place_of_a_longer_name_is_not_taken_for_it() {
    let farm = Farm::empty("pixel6-twin-2");
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("labgrid knows no place called `pixel6-twin`"), "{told}");
    assert_eq!(farm.user_of("pixel6-twin-2"), None);
}

#[test]
fn a_coordinator_that_is_not_there_is_told_with_its_address() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let told = cut_short(&run(runner_at(&free, &PASSES)));
    assert!(told.contains(&format!("no labgrid coordinator answers at {free}")), "{told}");
    assert!(told.contains("LG_COORDINATOR"), "{told}");
}

#[test]
fn a_client_that_is_not_installed_is_named_with_the_command_that_installs_it() {
    let (folder, path) = bare_path(&["cargo", "rustc", "rustup", "fastboot"]);
    write_program(&folder.path().join("python3"), "#!/bin/sh\n");
    let root = workspace("");
    let mut command = runner(&["--board", BOARD, "doctor"]);
    command.current_dir(root.path()).env("PATH", path.as_ref());
    let run = finish(command);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stdout.contains("MISSING  labgrid-client"), "{run:?}");
    assert!(run.stdout.contains("install labgrid==26.0.1"), "{run:?}");
}
