//! What is written is checked against the schema beside this, and its sums by counting.

use crate::report::golden::{context, ms, story};
use crate::report::{Story, junit};
use crate::session::{Crash, CutShort, Failure, Notice, Status, Summary, Timeout};
use std::time::Duration;
use uppsala::{Document, XsdValidator};

const SCHEMA: &str = include_str!("../junit.xsd");

/// What is wrong with a report.
fn faults(xml: &str) -> Vec<String> {
    let schema = uppsala::parse(SCHEMA).unwrap();
    let validator = XsdValidator::from_schema(&schema).unwrap();
    let faults = validator.validate(&uppsala::parse(xml).unwrap());
    faults.iter().map(ToString::to_string).collect()
}

fn flaky(passes: bool) -> Status {
    Status::Flaky { before: vec![Status::Fail(Failure::Panicked)], passes }
}

fn quarantined() -> Status {
    let was = Box::new(Status::Crash(Crash::Reset));
    Status::Quarantined { was, words: "in quarantine until 2027-01-31, Ada: it <b>\"bites\"</b>".to_owned() }
}

/// One of each.
fn ends() -> Vec<Status> {
    vec![
        Status::Pass,
        Status::Fail(Failure::Panicked),
        Status::Fail(Failure::OnHost { scenario: "frames::storm".into(), why: "a < b && c > d".into() }),
        Status::Crash(Crash::LostCores(vec![1, 3])),
        Status::Timeout(Timeout::Silence),
        flaky(true),
        flaky(false),
        quarantined(),
        Status::Ignored,
        Status::NotRun("interrupted".into()),
        Status::Infra("the line is dead".into()),
    ]
}

/// A run in which a test has ended in each of these ways, and each of them after all these attempts.
fn run(ends: &[Status], earlier: &[Notice]) -> Story {
    let names: Vec<String> = (0..ends.len()).map(|number| format!("module::test_{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut notices = Vec::new();
    for (index, status) in ends.iter().enumerate() {
        for attempt in earlier {
            notices.extend([Notice::Began { index, attempt: 1 }, attempt.clone()]);
        }
        notices.push(Notice::Began { index, attempt: 1 });
        notices.push(Notice::Log { core: 0, bytes: vec![1, 2], verified: true });
        notices.push(Notice::Ended { index, status: status.clone(), took: ms(61_002) });
    }
    let ends = ends.iter().cloned().enumerate().collect();
    notices.push(Notice::Finished(Summary { ends, took: ms(3_700_000), ..Summary::default() }));
    let notices: Vec<_> = notices.into_iter().map(|notice| (Duration::ZERO, notice)).collect();
    Story::told(context(&names), "host-runner", &notices)
}

/// Every way in which an attempt can be no test's last.
fn attempts() -> Vec<Notice> {
    let failed = |status| Notice::Failed { index: 0, status, took: ms(1) };
    vec![
        failed(Status::Fail(Failure::Panicked)),
        Notice::Retry { index: 0, reason: "frames < were lost".to_owned() },
        failed(Status::Timeout(Timeout::Test)),
    ]
}

#[test]
fn a_run_with_every_kind_of_evidence_is_as_the_schema_says() {
    assert_eq!(faults(&junit::written(&story()).unwrap()), [] as [String; 0]);
}

#[test]
fn every_end_of_a_test_is_as_the_schema_says_at_once_and_after_other_attempts() {
    for earlier in [vec![], attempts()] {
        for end in ends() {
            let xml = junit::written(&run(std::slice::from_ref(&end), &earlier)).unwrap();
            assert_eq!(faults(&xml), [] as [String; 0], "{end:?} after {}: {xml}", earlier.len());
        }
    }
}

/// Some readers know no other kind of trouble than a test's, and none without a class.
#[test]
fn what_is_wrong_with_the_run_itself_is_as_the_schema_says() {
    let mut story = run(&ends(), &attempts());
    story.strays = vec!["core 0 at 0x1000: a load of 4 bytes at 0x2000".to_owned()];
    story.summary.cut_short = Some(CutShort::Infra("the board is `gone` | <b>".to_owned()));
    let xml = junit::written(&story).unwrap();
    assert_eq!(faults(&xml), [] as [String; 0], "{xml}");
    story.summary.cut_short = Some(CutShort::Interrupted);
    story.tests.clear();
    let xml = junit::written(&story).unwrap();
    assert_eq!(faults(&xml), [] as [String; 0], "{xml}");
}

/// How many elements of one of these names there are.
fn count(xml: &Document<'_>, names: &[&str]) -> usize {
    names.iter().map(|name| xml.get_elements_by_tag_name(name).len()).sum()
}

#[test]
fn the_sums_are_those_of_the_tests() {
    let text = junit::written(&run(&ends(), &attempts())).unwrap();
    let xml = uppsala::parse(&text).unwrap();
    let [tests, failed, errors, skipped] =
        [&["testcase"], &["failure"], &["error"], &["skipped"]].map(|names| count(&xml, names));
    assert_eq!((tests, failed, errors, skipped), (11, 5, 1, 3), "{text}");
    let sums = [("tests", tests), ("failures", failed), ("errors", errors), ("skipped", skipped)];
    for element in ["testsuites", "testsuite"] {
        let [element] = xml.get_elements_by_tag_name(element)[..] else { panic!("{text}") };
        for (name, sum) in sums {
            assert_eq!(xml.get_attribute(element, name), Some(sum.to_string().as_str()), "{name}: {text}");
        }
    }
}

/// A schema that lets everything pass would prove nothing.
#[test]
fn what_is_not_as_the_schema_says_is_found() {
    let good = junit::written(&story()).unwrap();
    for (part, instead) in [
        (" classname=\"qemu-virt.smp\"", ""),
        ("time=\"3.200\"", "time=\"3,2\""),
        ("tests=\"5\"", "tests=\"-5\""),
        ("skipped=\"1\"", ""),
        ("name=\"smp::race\"", "name=\"\""),
        ("name=\"smp::race\"", "name=\"smp::race\" line=\"7\""),
        ("<skipped type=\"ignored\"/>", "<skipped/>"),
        ("<skipped type=\"ignored\"/>", "<skipped type=\"a\"/><failure type=\"b\"/>"),
        ("<skipped type=\"ignored\"/>", "<failure type=\"a\"/><flakyError type=\"b\"/>"),
        ("<skipped type=\"ignored\"/>", "<rerunError type=\"b\"/>"),
        ("<skipped type=\"ignored\"/>", "<failure type=\"a\"><b/></failure>"),
        ("<skipped type=\"ignored\"/>", "told"),
        ("</system-out>", "</system-out><oddity/>"),
    ] {
        assert!(good.contains(part), "{part}");
        assert_ne!(faults(&good.replacen(part, instead, 2)), [] as [String; 0], "{instead}");
    }
}
