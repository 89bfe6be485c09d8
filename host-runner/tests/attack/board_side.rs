//! Tests that misbehave: each ends with its status, and those after it still run.

use crate::runner::{Run, finish, run_json, runner};
use serde_json::{Value, json};

/// Every test of the misbehaving image, and how it has to end.
fn expected() -> Vec<(&'static str, Value)> {
    vec![
        ("exceptions::executes_an_undefined_instruction", json!({"crash": {"exception": 0}})),
        ("exceptions::executes_data", json!({"crash": {"exception": 0}})),
        ("exceptions::jumps_to_nowhere", json!({"crash": {"exception": 0}})),
        ("exceptions::overflows_its_stack", json!({"crash": {"stack-overflow": 0}})),
        ("exceptions::reads_unmapped_memory", json!({"crash": {"exception": 0}})),
        ("exceptions::writes_code", json!({"crash": {"exception": 0}})),
        ("hangs::leaving_a_core_that_hangs", json!({"crash": {"lost-cores": [3]}})),
        ("hangs::waiting_for_a_core_that_hangs", json!({"timeout": "test"})),
        ("hangs::with_interrupts_off", json!({"timeout": "silence"})),
        ("hangs::with_interrupts_on", json!({"timeout": "test"})),
        ("leftovers::leaves_a_key", json!("pass")),
        ("leftovers::leaves_a_lock", json!("pass")),
        ("leftovers::leaves_nothing", json!("pass")),
        ("leftovers::minds_a_key", json!({"fail": "panicked"})),
        ("leftovers::minds_a_lock_with_its_key", json!({"fail": "panicked"})),
        ("leftovers::minds_nothing", json!("pass")),
        ("line::forges_a_pass", json!({"fail": "panicked"})),
        ("line::forges_a_pass_and_hangs", json!({"timeout": "test"})),
        ("line::logs_as_many_lines_as_are_ordered", json!("pass")),
        ("line::logs_from_all_cores_at_once", json!("pass")),
        ("line::logs_one_mebibyte", json!("pass")),
        ("line::passes_after_all_that", json!("pass")),
        ("line::sends_a_number_that_fits_into_no_frame", json!("pass")),
        ("line::sends_random_bytes_and_passes", json!("pass")),
        ("other_cores::one_overflows_its_stack", json!({"crash": {"stack-overflow": 1}})),
        ("other_cores::one_panics", json!({"crash": {"panic-on": 5}})),
        ("other_cores::one_reads_unmapped_memory", json!({"crash": {"exception": 2}})),
        ("power::resets_the_machine", json!({"crash": "reset"})),
        ("power::switches_the_machine_off", json!({"crash": "powered-off"})),
        ("verdicts::is_ignored", json!("ignored")),
        ("verdicts::panics", json!({"fail": "panicked"})),
        ("verdicts::passes", json!("pass")),
        ("verdicts::returns_err", json!({"fail": "returned"})),
        ("verdicts::should_panic_and_does", json!("pass")),
        ("verdicts::should_panic_and_does_not", json!({"fail": "did-not-panic"})),
        ("verdicts::should_panic_and_returns_err", json!({"fail": "returned"})),
    ]
}

/// What the emulator's own devices put up with.
const ON_QEMU: [(&str, &str); 2] = [
    ("devices::reads_behind_the_serial_port", "pass"),
    ("devices::writes_one_byte_to_the_serial_port", "pass"),
];

/// On `board` all ends are the same but for these.
fn check_all(board: &str, others: &[(&'static str, Value)]) {
    let run = run_json(&["--image", "misbehave", "--board", board]);
    let mut ends = run.ends();
    ends.sort_by(|one, other| one.0.cmp(&other.0));
    // Which of the cores' panics is heard first is open; that it is no pass is not.
    let (open, fixed): (Vec<_>, Vec<_>) =
        ends.into_iter().partition(|(name, _)| name.ends_with("all_panic_at_once"));
    assert_eq!(open.len(), 1, "{}", run.stderr);
    assert!(open[0].1["crash"]["panic-on"].is_u64() || open[0].1["fail"] == "panicked", "{open:?}");
    let fixed: Vec<_> = fixed.iter().map(|(name, end)| (name.as_str(), end.clone())).collect();
    let as_ever = expected().into_iter().filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    let mut expected: Vec<_> = as_ever.chain(others.iter().cloned()).collect();
    expected.sort_by_key(|end| end.0);
    assert_eq!(fixed, expected, "{}", run.stderr);
    assert_eq!(run.code, Some(1));
}

#[test]
fn each_test_ends_as_it_must_after_entry_at_el1() {
    check_all("qemu-virt", &ON_QEMU.map(|(name, end)| (name, end.into())));
}

#[test]
fn each_test_ends_as_it_must_after_entry_at_el2() {
    check_all("qemu-virt-el2", &ON_QEMU.map(|(name, end)| (name, end.into())));
}

/// Its line is its memory, and a machine that resets itself has nothing to boot from but the debug server.
#[test]
fn each_test_ends_as_it_must_on_a_board_with_nothing_but_a_debug_server() {
    let devices = ON_QEMU.map(|(name, end)| (name, end.into()));
    let reset = ("power::resets_the_machine", json!({"timeout": "silence"}));
    check_all("qemu-virt-bare", &[devices.as_slice(), &[reset]].concat());
}

/// Its devices put up with less, and its line does not say that nobody is there any more.
#[test]
fn each_test_ends_as_it_must_on_a_phones_twin() {
    let devices = ON_QEMU.map(|(name, _)| (name, json!({"crash": {"exception": 0}})));
    let power = ["power::resets_the_machine", "power::switches_the_machine_off"];
    let silent = power.map(|name| (name, json!({"timeout": "silence"})));
    check_all("pixel6-twin-stock", &[devices, silent].concat());
}

#[test]
fn a_stray_access_is_told_with_core_place_and_address_and_fails_the_run() {
    let test = "devices::reads_behind_the_serial_port";
    let arguments = ["--board", "pixel6-twin-stock", "--image", "misbehave", "run", "--exact", test];
    let Run { code, stdout, .. } = finish(runner(&arguments));
    assert_eq!(code, Some(1), "{stdout}");
    let line =
        stdout.lines().find(|line| line.contains("stray access")).unwrap_or_else(|| panic!("{stdout}"));
    assert!(line.contains("core 0 at 0xc0") && line.contains("firmware/tests/misbehave/wild.rs"), "{line}");
    assert!(line.ends_with("a load of 4 bytes at 0x10a00f00"), "{line}");
    assert!(stdout.contains("\nthe twin saw 1 access outside RAM and known devices\n"), "{stdout}");
}

/// The text report of one test of the misbehaving image.
fn report(test: &str) -> String {
    let run = finish(runner(&["--image", "misbehave", "run", "--exact", test]));
    assert!(matches!(run.code, Some(0 | 1)), "{run:?}");
    run.stdout
}

#[test]
fn of_one_mebibyte_of_log_every_record_arrives_once_and_in_order() {
    let report = report("line::logs_one_mebibyte");
    let lines =
        report.lines().filter_map(|line| line.split(" line ").nth(1)?.split(' ').next()?.parse().ok());
    assert_eq!(lines.collect::<Vec<u32>>(), (0..16_384).collect::<Vec<_>>());
}

#[test]
fn log_records_of_eight_cores_are_neither_mixed_nor_lost() {
    let report = report("line::logs_from_all_cores_at_once");
    for core in 0..8 {
        let marker = format!("core {core} line ");
        let lines =
            report.lines().filter_map(|line| line.split(&marker).nth(1)?.split(' ').next()?.parse().ok());
        assert_eq!(lines.collect::<Vec<u32>>(), (0..1000).collect::<Vec<_>>(), "core {core}");
    }
}

#[test]
fn a_crash_names_the_fault_in_words_and_the_line_that_caused_it() {
    let report = report("exceptions::reads_unmapped_memory");
    assert!(report.contains("data abort on a read: translation fault"), "{report}");
    assert!(report.contains("0x00000000dead0000") || report.contains("0xdead0000"), "{report}");
    assert!(report.contains("firmware/tests/misbehave/wild.rs"), "{report}");
    assert!(report.contains("misbehave::exceptions::reads_unmapped_memory"), "{report}");
}

#[test]
fn a_panic_comes_with_its_message_and_place() {
    let report = report("verdicts::panics");
    assert!(
        report.contains("on purpose: 42") && report.contains("firmware/tests/misbehave/main.rs:"),
        "{report}"
    );
}

#[test]
fn a_hang_with_interrupts_off_is_located_by_the_loader() {
    let report = report("hangs::with_interrupts_off");
    assert!(report.contains("misbehave::hangs::with_interrupts_off"), "{report}");
}
