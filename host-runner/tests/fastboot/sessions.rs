//! Whole runs of the phone's image on a phone that is not well: what cannot be known is never a pass, and every run ends.

use super::loading::board;
use super::{LONG, SHORT};
use host_runner::cli::Selection;
use host_runner::digests;
use host_runner::drive::{self, Drive};
use host_runner::firmware;
use host_runner::image::Image;
use host_runner::loader::{Loader, Task};
use host_runner::record::{FORMAT, Header, Recorder};
use host_runner::report::{Context, Report, Screen};
use host_runner::selection::select;
use host_runner::session::{Budgets, Oracle, Session, Status, Summary};
use host_runner::stand_in::{Adapter, Fault, InTwin, Settings, StandIn, Troubles};
use host_runner::twin::Shape;
use host_runner::workspace::Workspace;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;
use twin::block::{End, Record};
use wire::Parameters;

/// Of what was selected: how many tests there are, and how the run ended; and what the twin has seen since its last start.
struct Run {
    tests: usize,
    summary: Summary,
    seen: Record,
}

impl Run {
    fn passes(&self) -> usize {
        self.summary.ends.iter().filter(|(_, status)| *status == Status::Pass).count()
    }
}

/// Runs the tests of `area` on such a phone.
fn run(troubles: Troubles, area: &str, boot: Duration) -> Run {
    run_instead(|kernel| kernel, troubles, area, boot)
}

/// The same, where `change` makes what is loaded of the kernel.
fn run_instead(
    change: impl FnOnce(Vec<u8>) -> Vec<u8>,
    troubles: Troubles,
    area: &str,
    boot: Duration,
) -> Run {
    let workspace = Workspace::find().unwrap();
    let inside = InTwin::new(&workspace, Shape::Oriole).unwrap().with(troubles);
    let witness = inside.witness();
    let settings = Settings {
        product: "oriole".into(),
        fault: Fault::None,
        port: 0,
        adapter: Adapter::Here,
        inside: Box::new(inside),
    };
    let stand_in = StandIn::begin(settings).unwrap();
    let board = board(&stand_in, SHORT, None);
    let elf = firmware::build(&workspace, &board, "suite", "info").unwrap();
    let mut image = Image::open(&elf, workspace.root()).unwrap();
    select(&mut image.plan, &Selection { filters: vec![area.to_owned()], ..Selection::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Image");
    std::fs::write(&path, change(image.kernel)).unwrap();
    let symbols = Rc::new(image.symbols);
    let header = Header {
        format: FORMAT,
        nonces: 7,
        parameters: Parameters::default(),
        budgets: Budgets { boot, test: LONG, silence: SHORT, total: 10 * LONG },
        plan: image.plan,
        keeps_memory: false,
        is_lent: false,
        board: board.name.clone(),
        command: Vec::new(),
    };
    let context = Context {
        board: header.board.clone(),
        repeat: String::new(),
        recording: String::new(),
        parameters: header.parameters,
        kernel: String::new(),
        run: header.nonces,
        plan: header.plan.clone(),
        symbols: Rc::clone(&symbols),
        records: Rc::new(image.records),
    };
    let task = Task { command_line: String::new(), total: header.budgets.total };
    let loader = Loader::new(&workspace, &board, path, symbols, &task).unwrap();
    let recorder = Recorder::create(&folder.path().join("recording"), &header).unwrap();
    let session = Session::new(header.setup(Oracle::Host(expected)));
    let mut report = Report::json(context, Screen::plain(io::stdout()));
    let (outside, inbox) = channel();
    let dumps = Vec::new();
    let run = Drive {
        session,
        loader: &loader,
        recorder,
        report: &mut report,
        inbox,
        outside,
        faults: None,
        dumps,
    };
    let summary = drive::drive(run).unwrap();
    Run { tests: summary.ends.len(), summary, seen: witness.record().unwrap() }
}

/// Has a kernel reset into the boot loader, and do nothing else.
fn reset_at_once(mut kernel: Vec<u8>) -> Vec<u8> {
    const SMC: u32 = 0xd400_0003;
    /// `b .+64`, over the header.
    const TO_CODE: u32 = 0x1400_0010;
    let put = |register: u32, value: u32| {
        let [low, high] = [value & 0xffff, value >> 16];
        // movz; movk
        [0xd280_0000 | low << 5 | register, 0xf2a0_0000 | high << 5 | register]
    };
    // What to boot into, and the reset: bits of registers of the power management unit, by its secure call.
    let calls = [[0x1746_0810, 0xff, 0xfc], [0x1746_3a00, 2, 2]].map(|[address, mask, bits]| {
        let arguments = [0x8200_0504, address, 2, mask, bits].into_iter().zip(0..);
        arguments.flat_map(|(value, register)| put(register, value)).chain([SMC]).collect::<Vec<u32>>()
    });
    let code: Vec<u8> = calls.concat().into_iter().flat_map(u32::to_le_bytes).collect();
    kernel[..4].copy_from_slice(&TO_CODE.to_le_bytes());
    kernel[64..64 + code.len()].copy_from_slice(&code);
    kernel
}

/// As the runner computes it: this program is none.
fn expected(scenario: &str, parameters: &Parameters) -> Result<Option<u64>, String> {
    digests::expected_by(env!("CARGO_BIN_EXE_host-runner"), scenario, parameters)
}

#[test]
fn a_phone_that_is_well_passes() {
    let run = run(Troubles::default(), "boot::", LONG);
    assert!(run.tests >= 10, "{} tests", run.tests);
    assert_eq!((run.passes(), run.summary.exit_code(), run.seen.strays), (run.tests, 0, 0));
}

/// Its digest is compared with the host's.
#[test]
fn a_scenario_that_the_host_knows_passes_on_a_phone_that_is_well() {
    let scenario = "frames::a_storm_of_splits_and_joins_leaves_no_trace";
    let run = run(Troubles::default(), scenario, LONG);
    assert_eq!((run.tests, run.passes()), (1, 1), "{:?}", run.summary);
}

#[test]
fn a_port_that_is_silent_from_the_start_ends_without_a_verdict() {
    let run = run(Troubles { silent_after: Some(0), ..Troubles::default() }, "boot::", 2 * SHORT);
    assert_eq!((run.passes(), run.summary.exit_code()), (0, 2), "{:?}", run.summary);
}

#[test]
fn a_console_that_is_off_ends_without_a_verdict() {
    let run = run(Troubles { console_off: true, ..Troubles::default() }, "boot::", 2 * SHORT);
    assert_eq!((run.passes(), run.summary.exit_code()), (0, 2), "{:?}", run.summary);
}

/// What was heard before counts; what comes after is known of no test.
#[test]
fn a_port_that_dies_in_a_run_leaves_no_pass_behind() {
    let run = run(Troubles { silent_after: Some(1200), ..Troubles::default() }, "boot::", 2 * SHORT);
    let passes = run.passes();
    assert!(0 < passes && passes < run.tests, "{passes} of {} passed: {:?}", run.tests, run.summary);
    assert_ne!(run.summary.exit_code(), 0);
}

#[test]
fn a_phone_that_resets_whenever_it_is_started_is_given_up() {
    let run = run_instead(reset_at_once, Troubles::default(), "boot::", 2 * SHORT);
    assert_eq!((run.passes(), run.summary.boots, run.summary.exit_code()), (0, 2, 2), "{:?}", run.summary);
    assert_eq!((run.seen.end, run.seen.boot_mode), (Some(End::WarmReset), 0xfc));
}

/// However long the run takes: nothing counts any more when it is over.
#[test]
fn a_watchdog_that_the_boot_loader_left_running_ends_no_run() {
    let watchdog = Some(Duration::from_millis(1500));
    let run = run(Troubles { watchdog, ..Troubles::default() }, "boot::", LONG);
    assert_eq!((run.passes(), run.summary.exit_code(), run.summary.boots), (run.tests, 0, 1));
    assert_eq!(run.seen.watchdogs, 0);
}
