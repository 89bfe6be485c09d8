//! A whole report, word for word, from notices made up here.

use super::{Context, Report, Screen, Story, diff, github, junit, page};
use crate::image::{Records, Symbols};
use crate::plan::{Plan, Selected, Test};
use crate::session::{
    Crash, CutShort, Failure, Identity, Measured, Notice, PanicNote, Spread, Status, Summary, Timeout,
};
use crate::trend::Trend;
use crate::twin::Stray;
use serde_json::json;
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wire::{Backtrace, BuildId, Cause, CoreReport, Parameters, Unit};

/// What was written, for a reader that outlives the writer.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) fn context(names: &[&str]) -> Context {
    let test = |name: &&str| Test {
        name: (*name).to_owned(),
        entry: 0,
        should_panic: false,
        timeout: None,
        selected: Selected::Yes,
    };
    Context {
        board: "qemu-virt".to_owned(),
        repeat: "cargo run -p host-runner -- --board qemu-virt --seed 42 --budget 2m run --exact".to_owned(),
        recording: "target/hil/0001-qemu-virt".to_owned(),
        parameters: Parameters { seed: 42, ..Parameters::default() },
        kernel: "5e".repeat(32),
        run: 1,
        plan: Plan::new(BuildId::default(), names.iter().map(test).collect()),
        symbols: Rc::new(Symbols::none()),
        records: Rc::new(Records::none()),
    }
}

pub(super) fn written(notices: &[Notice], make: fn(Context, Screen) -> Report) -> String {
    let shared = Shared::default();
    let names = ["boot::level", "buddy::merge", "slab::grow", "smp::race", "heap::later"];
    let mut report = make(context(&names), Screen::plain(shared.clone()));
    report.begin().unwrap();
    for notice in notices {
        report.notice(notice).unwrap();
    }
    let bytes = shared.0.lock().unwrap().clone();
    anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ready(restarts: u32) -> Notice {
    Notice::Ready(Identity {
        machine: "linux,dummy-virt".to_owned(),
        cores: 8,
        ram_bytes: 8 << 30,
        entry_level: 1,
        load_address: 0x4020_0000,
        timer_hz: 62_500_000,
        restarts,
    })
}

fn abort() -> CoreReport {
    let mut backtrace = Backtrace::default();
    backtrace.0[..2].copy_from_slice(&[0xc000_1000, 0xc000_1234]);
    CoreReport {
        core: 3,
        affinity: 0x300,
        cause: Cause::Exception,
        esr: 0x9600_0045,
        far: 0xdead_0000,
        elr: 0xc000_1000,
        spsr: 0x6000_03c5,
        sp: 0xf009_0000,
        x: std::array::from_fn(|number| number as u64),
        backtrace,
    }
}

fn asked(core: u32) -> Notice {
    Notice::Core(Box::new(CoreReport { core, cause: Cause::Asked, ..abort() }))
}

fn panic() -> PanicNote {
    PanicNote {
        core: 0,
        message: "assertion failed: left == right\nleft: 1".to_owned(),
        file: "firmware/tests/suite/buddy.rs".to_owned(),
        line: 12,
        backtrace: vec![0xc000_2000],
    }
}

pub(super) fn began(index: usize, attempt: u32) -> Notice {
    Notice::Began { index, attempt }
}

pub(super) fn ended(index: usize, status: Status, took: u64) -> Notice {
    Notice::Ended { index, status, took: ms(took) }
}

pub(super) fn spread(name: &str, peer: &str, cores: u32, [p50, p99, p999, max]: [u64; 4]) -> Measured {
    let (name, peer, unit, samples) = (name.to_owned(), peer.to_owned(), Unit::Nanoseconds, 1000);
    Measured::Spread(Spread { name, peer, unit, cores, samples, p50, p99, p999, max })
}

fn numbers() -> Notice {
    let value = |name: &str, unit, value| Measured::Value { name: name.to_owned(), unit, value };
    let point = |series: &str, at, value| Measured::Point { series: series.to_owned(), at, value };
    let map = |at, bytes: &[u8]| Measured::Map { name: "before".to_owned(), at, bytes: bytes.to_vec() };
    let digest =
        |value, expected| Measured::Digest { scenario: "frames::random".to_owned(), value, expected };
    Notice::Measured(vec![
        spread("allocate", "framekeeper", 1, [12, 40, 90, 1800]),
        point("free", 0, 500),
        value("largest block", Unit::Frames, 262_144),
        digest(0xfeed, None),
        point("whole", 0, 1000),
        spread("allocate and free", "bitmap", 8, [1200, 9000, 70_000, 1_234_567]),
        point("free", 10, 200),
        value("rounds", Unit::Count, 7),
        digest(0xfeed, Some(0xfeed)),
        point("free", 20, 300),
        digest(0xfeed, Some(0xbeef)),
        map(0, b"FKMAP\x01"),
        map(6, &[0xfd, 0x80, 0x80, 0x10, 0x52, 0xe0, 0x20, 0x60, 0xff]),
    ])
}

pub(super) fn summary(ends: &[Status], cut_short: Option<CutShort>) -> Summary {
    Summary {
        ends: ends.iter().cloned().enumerate().collect(),
        cut_short,
        first_verdict: Some(ms(120)),
        took: ms(3_200),
        boots: 2,
        noise_chunks: 1,
        repeated_frames: 3,
        ..Summary::default()
    }
}

pub(super) fn every_kind_of_evidence() -> Vec<Notice> {
    let crash = Status::Crash(Crash::Exception(3));
    let fail = Status::Fail(Failure::Panicked);
    let ends = [Status::Pass, fail.clone(), crash.clone(), Status::Ignored, Status::Pass];
    vec![
        ended(3, Status::Ignored, 0),
        Notice::Booting { count: 1, reason: String::new() },
        Notice::Text(b"U-Boot 20".to_vec()),
        Notice::Text(b"24\r\nStarting".to_vec()),
        ready(0),
        began(0, 1),
        numbers(),
        ended(0, Status::Pass, 12),
        ready(1),
        began(1, 1),
        Notice::Log { core: 0, bytes: vec![1, 2], verified: true },
        Notice::Panic(panic()),
        Notice::NumbersDropped { core: 2, numbers: 1 },
        ended(1, fail, 3),
        began(2, 1),
        Notice::Core(Box::new(abort())),
        asked(2),
        asked(0),
        asked(1),
        ended(2, crash, 40),
        Notice::Booting { count: 2, reason: "the board crashed".to_owned() },
        began(4, 1),
        Notice::Lost(2),
        Notice::Retry { index: 4, reason: "frames were lost".to_owned() },
        began(4, 2),
        ended(4, Status::Pass, 7),
        Notice::Finished(summary(&ends, None)),
    ]
}

#[test]
fn a_run_with_every_kind_of_evidence() {
    let text = written(&every_kind_of_evidence(), Report::text);
    assert_eq!(text, include_str!("golden.txt"), "the report is now:\n{text}");
}

pub(super) fn story() -> Story {
    let names = ["boot::level", "buddy::merge", "slab::grow", "smp::race", "heap::later"];
    let notices = every_kind_of_evidence();
    let notices: Vec<_> =
        notices.into_iter().enumerate().map(|(at, notice)| (ms(at as u64 * 100), notice)).collect();
    Story::told(context(&names), "host-runner --seed 42", &notices)
}

#[test]
fn what_is_other_in_another_run_is_told_and_what_is_not_is_not() {
    let before = story();
    assert_eq!((diff::lines(&before, &before), diff::exit_code(&before, &before)), (Vec::new(), 0));
    let mut after = story();
    // By their places: ignored, pass, FAIL, CRASH, and a pass at the second attempt.
    after.tests[1].numbers[0] = spread("allocate", "framekeeper", 1, [13, 40, 90, 1800]);
    after.tests[2].status = Status::Pass;
    after.tests[4].status = Status::Timeout(Timeout::Test);
    after.tests[4].took = ms(900);
    after.tests.remove(3);
    after.context.parameters.seed = 43;
    let lines = diff::lines(&before, &after);
    let told: Vec<_> = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
    assert_eq!(
        told,
        [
            "tests run with: seed 42, budget 2m, memory sampled, then seed 43, budget 2m, memory sampled",
            "buddy::merge: FAIL, then pass",
            "heap::later: pass, then TIMEOUT",
            "slab::grow: only before",
            "heap::later: 7 ms, then 900 ms",
            "boot::level: allocate by framekeeper on 1 core: p50 12, then 13 ns",
        ]
    );
    assert_eq!((diff::exit_code(&before, &after), diff::exit_code(&after, &before)), (1, 1));
}

#[test]
fn the_same_run_as_junit_xml() {
    insta::assert_snapshot!(junit::written(&story()).unwrap());
}

#[test]
fn the_same_run_for_github() {
    let story = story();
    insta::assert_snapshot!(format!("{}\n{}", github::annotations(&story), github::summary(&story)));
}

/// A run may be no success though all of its tests passed, and every report says why.
#[test]
fn what_is_wrong_with_a_run_and_with_no_test_is_in_every_report() {
    let mut story = story();
    story.tests.retain(|told| told.status == Status::Pass);
    story.strays = vec!["core 0 at 0x1000: a load of 4 bytes at 0x2000".to_owned()];
    story.summary.cut_short = Some(CutShort::Infra("the board is `gone` | <b>".to_owned()));
    let (page, xml) = (page::written(&story, &Trend::default()), junit::written(&story).unwrap());
    let (annotations, summary) = (github::annotations(&story), github::summary(&story));
    for report in [&page, &xml, &annotations, &summary] {
        assert!(report.contains("a load of 4 bytes at 0x2000"), "{report}");
        assert!(report.contains("the board is "), "{report}");
    }
    assert!(xml.contains("errors=\"1\" failures=\"1\""), "{xml}");
    assert!(!page.contains("| <b>"), "{page}");
    assert!(summary.contains("\\`gone\\` \\| &lt;b&gt;"), "{summary}");
    assert_eq!(annotations.lines().count(), 2);
}

#[test]
fn characters_that_no_xml_may_have_are_replaced() {
    let mut story = story();
    story.tests[1].log.push_back("odd \u{1}\u{fffe}\u{ffff} line".to_owned());
    let xml = junit::written(&story).unwrap();
    assert!(xml.contains("odd ") && !xml.contains(['\u{1}', '\u{fffe}', '\u{ffff}']), "{xml}");
}

#[test]
fn the_same_run_as_a_page() {
    let page = page::written(&story(), &Trend::default());
    for foreign in ["<script", "http:", "https:", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign} would make the page need more than itself");
    }
    // Browsers close these by themselves nowhere: what follows would be drawn as a part of them, which is not at all.
    for shape in ["rect", "line", "path", "polyline", "circle", "text"] {
        let [opened, closed] =
            [format!("<{shape} "), format!("</{shape}>")].map(|tag| page.matches(&tag).count());
        assert_eq!(opened, closed, "{shape}");
    }
    insta::assert_snapshot!(page.replace("><", ">\n<"));
}

fn last_line(ends: &[Status], cut_short: Option<CutShort>) -> String {
    let text = written(&[Notice::Finished(summary(ends, cut_short))], Report::text);
    text.lines().last().unwrap().to_owned()
}

#[test]
fn the_last_line_is_the_verdict() {
    assert_eq!(
        last_line(&[Status::Pass, Status::Ignored], None),
        "passed: 1 test, 0 failed, 1 ignored on qemu-virt in 3.2 s"
    );
    assert_eq!(
        last_line(&[Status::Pass, Status::Timeout(Timeout::Test)], None),
        "FAILED: 1 of 2 tests, 0 ignored, 0 not run on qemu-virt in 3.2 s"
    );
    let not_run = Status::NotRun("no board".to_owned());
    assert_eq!(
        last_line(&[Status::Pass, not_run.clone()], Some(CutShort::Infra("no board".to_owned()))),
        "NO VERDICT: no board; 1 of 2 tests ended, 0 of them failed on qemu-virt in 3.2 s"
    );
    assert_eq!(
        last_line(&[Status::Pass, not_run], Some(CutShort::Interrupted)),
        "INTERRUPTED: 1 of 2 tests ended, 0 of them failed on qemu-virt in 3.2 s"
    );
    assert_eq!(
        last_line(&[Status::Infra("the line is dead".to_owned())], None),
        "NO VERDICT: the line is dead; 1 of 1 test ended, 1 of them failed on qemu-virt in 3.2 s"
    );
}

#[test]
fn the_line_before_it_is_for_tools_that_count() {
    let ends = [Status::Pass, Status::Pass, Status::Fail(Failure::Returned), Status::Ignored];
    let text = written(&[Notice::Finished(summary(&ends, None))], Report::text);
    assert_eq!(text.lines().rev().nth(1).unwrap(), "2 passed, 1 failed, 1 skipped");
}

#[test]
fn what_an_unknown_boot_says_is_shown_and_is_no_evidence() {
    let notices = [
        began(0, 1),
        Notice::Unverified(Box::new(Notice::Panic(panic()))),
        ended(0, Status::Fail(Failure::Returned), 1),
        Notice::Finished(summary(&[Status::Fail(Failure::Returned)], None)),
    ];
    let text = written(&notices, Report::text);
    assert_eq!(text.matches("core 0: panic:").count(), 1, "{text}");
}

#[test]
fn programs_get_an_object_per_test_and_one_for_the_run() {
    let ends = [Status::Pass, Status::NotRun("no board".to_owned())];
    let notices = [
        began(0, 1),
        numbers(),
        ended(0, ends[0].clone(), 12),
        ended(1, ends[1].clone(), 0),
        Notice::Finished(summary(&ends, None)),
    ];
    let text = written(&notices, Report::json);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1 + 13 + 3);
    assert_eq!((&lines[0]["event"], &lines[0]["parameters"]["seed"]), (&"run".into(), &42.into()));
    assert_eq!(lines[0]["image"]["sha256"], "5e".repeat(32));
    assert_eq!((&lines[14]["name"], &lines[14]["status"]), (&"boot::level".into(), &"pass".into()));
    assert_eq!(lines[15]["status"], "not-run");
    assert_eq!((&lines[16]["exit_code"], &lines[16]["not_run"]), (&2.into(), &1.into()));
}

/// What is wrong with lines for programs, by their schema.
fn faults(lines: &str) -> Vec<String> {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema = serde_json::from_str(include_str!("lines.schema.json")).unwrap();
    compiler.add_resource("lines", schema).unwrap();
    let index = compiler.compile("lines", &mut schemas).unwrap();
    let fault = |line: &str| {
        let value = serde_json::from_str(line).unwrap();
        Some(format!("{:#}: {line}", schemas.validate(&value, index).err()?))
    };
    lines.lines().filter_map(fault).collect()
}

#[test]
fn lines_for_programs_are_as_their_schema_says_whatever_happened() {
    let mut notices = every_kind_of_evidence();
    notices.insert(1, Notice::Failed { index: 0, status: Status::Timeout(Timeout::Test), took: ms(3) });
    let stray =
        Stray { core: 3, pc: 0xc000_1000, address: 0x1_0000_0000, what: "a load of 4 bytes".to_owned() };
    notices.push(Notice::Strayed { count: 2, described: vec![stray] });
    for cut_short in
        [None, Some(CutShort::Interrupted), Some(CutShort::Infra("the board is gone".to_owned()))]
    {
        notices.push(Notice::Finished(summary(&[Status::Pass], cut_short)));
    }
    let lines = written(&notices, Report::json);
    for event in ["run", "number", "test", "attempt", "stray", "summary"] {
        assert!(lines.contains(&format!("\"event\":\"{event}\"")), "no {event}: {lines}");
    }
    assert_eq!(faults(&lines), [] as [String; 0]);
}

/// A schema that lets everything pass would prove nothing.
#[test]
fn a_line_that_is_not_as_its_schema_says_is_found() {
    let lines = written(&every_kind_of_evidence(), Report::json);
    for (part, instead) in [
        ("\"took_us\":", "\"took\":"),
        ("\"status\":\"pass\"", "\"status\":\"PASS\""),
        ("\"event\":\"test\"", "\"event\":\"end\""),
        ("\"kind\":\"digest\"", "\"kind\":\"sum\""),
        ("\"p99\":", "\"p98\":"),
        ("\"seed\":", "\"dice\":"),
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
        assert_ne!(faults(&lines.replacen(part, instead, 1)), [] as [String; 0], "{instead}");
    }
}

#[test]
fn programs_get_every_number_before_its_tests_end() {
    let notices =
        [began(1, 1), numbers(), ended(1, Status::Fail(Failure::Returned), 12), ended(2, Status::Pass, 1)];
    let text = written(&notices, Report::json);
    let lines: Vec<serde_json::Value> =
        text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines[..13].iter().all(|line| line["event"] == "number" && line["test"] == "buddy::merge"),
        "{text}"
    );
    let spread = json!({
        "event": "number", "test": "buddy::merge", "kind": "spread", "name": "allocate", "peer": "framekeeper",
        "unit": "nanoseconds", "cores": 1, "samples": 1000, "p50": 12, "p99": 40, "p999": 90, "max": 1800,
    });
    let digest = json!({
        "event": "number", "test": "buddy::merge", "kind": "digest", "scenario": "frames::random",
        "value": "0x000000000000feed", "expected": "0x000000000000beef",
    });
    assert_eq!((&lines[0], &lines[10]), (&spread, &digest));
    assert_eq!(
        (&lines[1]["at"], &lines[2]["unit"], &lines[3]["expected"]),
        (&0.into(), &"frames".into(), &json!(null))
    );
    assert!(
        lines[13]["repeat"].as_str().unwrap().ends_with("--seed 42 --budget 2m run --exact buddy::merge")
    );
    assert_eq!((lines.len(), &lines[14]["repeat"]), (15, &json!(null)));
}
