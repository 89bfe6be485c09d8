//! A run that is recorded, read, cut off and run again.

use super::{EVENTS_FILE, Error, FORMAT, HEADER_FILE, Header, LINE_FILE, Recorder, Recording, replay};
use crate::plan::{Plan, Selected, Test};
use crate::session::{Action, Answer, Budgets, Closed, CutShort, Event, Notice, Oracle, Session, Status};
use std::error::Error as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use wire::{BuildId, Coverage, Parameters};

const ORACLE: Oracle = Oracle::Host(|_, _| Ok(None));

fn header() -> Header {
    let test = |name: &str| Test {
        name: name.into(),
        entry: 0x4008_0000,
        should_panic: false,
        timeout: Some(Duration::from_millis(1500)),
        selected: Selected::Yes,
    };
    let plan = Plan::new(BuildId([3; 20]), vec![test("first"), test("second")]);
    let seconds = Duration::from_secs;
    let budgets = Budgets { boot: seconds(1), test: seconds(2), silence: seconds(3), total: seconds(60) };
    let (board, command) = ("bench".into(), vec!["host-runner".into(), "--board".into()]);
    let parameters = Parameters { seed: 5, budget_ms: 15_000, until: Some(9), memory: Coverage::Whole };
    Header {
        format: FORMAT,
        nonces: 11,
        parameters,
        budgets,
        plan,
        keeps_memory: false,
        is_lent: true,
        board,
        command,
    }
}

/// Every kind of event, at odd times.
fn events() -> Vec<(Duration, Event)> {
    let events = [
        Event::Bytes(b"U-Boot\0".to_vec()),
        Event::Bytes(vec![0xff; 3000]),
        Event::Inspected("core 0 waits".into()),
        Event::Kept("memory".into()),
        Event::Tick,
        Event::Closed(Closed::Lost("unplugged".into())),
        Event::Closed(Closed::PoweredOff),
        Event::Tick,
        Event::LoadFailed("no such device".into()),
        Event::Lost("taken away".into()),
        Event::Ours,
    ];
    (0..).map(|number| Duration::from_nanos(1_000_007 + 300_000_333 * number)).zip(events).collect()
}

/// Records a run of these events. Returns what it told.
fn record(directory: &Path, events: &[(Duration, Event)]) -> Vec<Notice> {
    let header = header();
    let mut recorder = Recorder::create(directory, &header).unwrap();
    let mut session = Session::new(header.setup(ORACLE));
    let start = Duration::from_nanos(12_345);
    recorder.start(start).unwrap();
    let mut notices: Vec<_> = told(session.start(start)).collect();
    for (at, event) in events {
        recorder.event(event, *at).unwrap();
        recorder.sent(b"order", *at).unwrap();
        notices.extend(told(session.on(event.clone(), *at)));
    }
    notices
}

fn told(actions: Vec<Action>) -> impl Iterator<Item = Notice> {
    actions.into_iter().filter_map(|action| match action {
        Action::Tell(notice) => Some(notice),
        _ => None,
    })
}

fn replayed(directory: &Path) -> Vec<Notice> {
    let mut notices = Vec::new();
    let recording = Recording::open(directory).unwrap();
    let summary = replay(&recording, &mut |_, notice| notices.push(notice.clone())).unwrap();
    assert_eq!(notices.last(), Some(&Notice::Finished(summary)));
    notices
}

fn read_events(directory: &Path) -> Vec<(Duration, Event)> {
    Recording::open(directory).unwrap().events().unwrap().map(Result::unwrap).collect()
}

fn cut(path: &Path, bytes: usize) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() - bytes]).unwrap();
}

#[test]
fn a_recorded_run_tells_the_same_again() {
    let directory = TempDir::new().unwrap();
    let notices = record(directory.path(), &events());
    assert!(matches!(notices.last(), Some(Notice::Finished(_))));
    assert_eq!(replayed(directory.path()), notices);
}

#[test]
fn a_recording_comes_back_as_it_was() {
    let directory = TempDir::new().unwrap();
    record(directory.path(), &events());
    let recording = Recording::open(directory.path()).unwrap();
    let micros = |time: Duration| Duration::from_micros(time.as_micros() as u64);
    let expected: Vec<_> = events().into_iter().map(|(at, event)| (micros(at), event)).collect();
    assert_eq!(recording.header.setup(ORACLE).parameters, header().parameters);
    assert_eq!((recording.header, read_events(directory.path())), (header(), expected));
    assert_eq!(recording.start, Some(Duration::from_micros(12)));
}

#[test]
fn the_hosts_answers_come_back_in_turn() {
    let directory = TempDir::new().unwrap();
    let mut recorder = Recorder::create(directory.path(), &header()).unwrap();
    let answers = [Ok(Some(u64::MAX)), Ok(None), Err("a block is lost".to_owned())]
        .map(|digest| Answer { scenario: "frames::storm".into(), digest });
    answers.iter().for_each(|answer| recorder.answer(answer, Duration::ZERO).unwrap());
    assert_eq!(Recording::open(directory.path()).unwrap().answers, answers);
}

#[test]
fn of_a_run_that_goes_on_is_read_what_was_there_at_first() {
    let directory = TempDir::new().unwrap();
    let mut recorder = Recorder::create(directory.path(), &header()).unwrap();
    recorder.event(&Event::Tick, Duration::ZERO).unwrap();
    let recording = Recording::open(directory.path()).unwrap();
    recorder.event(&Event::Interrupted, Duration::ZERO).unwrap();
    let events: Vec<_> = recording.events().unwrap().map(Result::unwrap).collect();
    assert_eq!(events, [(Duration::ZERO, Event::Tick)]);
}

#[test]
fn a_run_whose_runner_was_killed_is_replayed_up_to_there() {
    let directory = TempDir::new().unwrap();
    let notices = record(directory.path(), &events()[..4]);
    let again = replayed(directory.path());
    assert_eq!(again[..notices.len()], notices);
    let Some(Notice::Finished(summary)) = again.last() else { panic!("{again:?}") };
    assert_eq!(summary.cut_short, Some(CutShort::Interrupted));
    assert!(summary.ends.iter().all(|(_, status)| matches!(status, Status::NotRun(_))));
}

#[test]
fn any_prefix_of_the_files_can_be_read() {
    let directory = TempDir::new().unwrap();
    record(directory.path(), &events());
    let events = directory.path().join(EVENTS_FILE);
    let mut left = fs::metadata(&events).unwrap().len() as usize;
    while left > 0 {
        // Not at every byte, for it takes its time; but at places all over the lines.
        let bytes = left.min(5);
        cut(&events, bytes);
        left -= bytes;
        replayed(directory.path());
    }
    assert_eq!(read_events(directory.path()), []);
}

#[test]
fn an_event_whose_bytes_are_not_there_ends_the_recording() {
    let directory = TempDir::new().unwrap();
    record(directory.path(), &events());
    cut(&directory.path().join(LINE_FILE), 1);
    assert_eq!(read_events(directory.path()).len(), 1);
}

#[test]
fn a_disk_that_is_full_is_told_with_the_file_and_leaves_what_was_written() {
    let directory = TempDir::new().unwrap();
    symlink("/dev/full", directory.path().join(LINE_FILE)).unwrap();
    let mut recorder = Recorder::create(directory.path(), &header()).unwrap();
    recorder.start(Duration::ZERO).unwrap();
    recorder.event(&Event::Tick, Duration::ZERO).unwrap();
    let error = recorder.event(&Event::Bytes(vec![0]), Duration::ZERO).unwrap_err();
    assert!(error.to_string().ends_with(LINE_FILE), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "No space left on device (os error 28)");
    assert_eq!(read_events(directory.path()), [(Duration::ZERO, Event::Tick)]);
}

#[test]
fn a_recording_of_another_version_is_refused() {
    let directory = TempDir::new().unwrap();
    record(directory.path(), &[]);
    fs::write(directory.path().join(HEADER_FILE), r#"{"format": 99}"#).unwrap();
    let error = Recording::open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::Format { found: 99, .. }), "{error}");
}

#[test]
fn a_line_that_is_no_event_is_named() {
    let directory = TempDir::new().unwrap();
    record(directory.path(), &[]);
    fs::write(directory.path().join(EVENTS_FILE), "{\"at_us\":1,\"event\":\"tick\"}\n{}\n{}").unwrap();
    let error = Recording::open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::Event { line: 2, .. }), "{error}");
}

#[test]
fn a_directory_that_holds_no_recording_is_named() {
    let directory = TempDir::new().unwrap();
    let error = Recording::open(directory.path()).unwrap_err();
    assert!(error.to_string().contains(HEADER_FILE), "{error}");
}
