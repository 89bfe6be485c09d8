//! The report as JUnit XML, for CI systems that show tests. `junit.xsd` says what it may be.

#[cfg(test)]
mod tests;

use super::story::{Earlier, Story, Told};
use super::words;
use crate::session::Status;
use miette::{IntoDiagnostic, Result};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use std::time::Duration;

/// Every test that was to be reported, as a suite with the board's name.
pub(super) fn written(story: &Story) -> Result<String> {
    let context = &story.context;
    let mut suite = TestSuite::new(context.board.as_str());
    suite.set_time(story.summary.took);
    for (name, value) in story.properties() {
        suite.add_property(Property::new(name, xml(&value)));
    }
    suite.add_test_cases(story.tests.iter().map(|told| case(story, told)));
    suite.add_test_cases(story.troubles().iter().map(|(word, text)| trouble(story, word, text)));
    let mut report = Report::new("framekeeper");
    report.set_time(story.summary.took).add_test_suite(suite);
    report.to_string().into_diagnostic()
}

fn case(story: &Story, told: &Told) -> TestCase {
    let name = story.name(told);
    let mut case = TestCase::new(name, status(told));
    // What CI systems group by.
    let module = name.rsplit_once("::").map_or("", |(module, _)| module);
    case.set_classname(format!("{}.{}", story.context.board, module.replace("::", ".")));
    case.set_time(told.took);
    if !told.log.is_empty() {
        case.set_system_out(xml(&told.log_text()));
    }
    if let Some(repeat) = story.repeat(told) {
        case.set_system_err(format!("to repeat it: {repeat}\n"));
    }
    if let Some((file, line)) = &told.place {
        case.add_property(Property::new("file", file.as_str()));
        case.add_property(Property::new("line", line.to_string()));
    }
    case
}

/// What is wrong with the run and with no test of it, as a case of its own: some systems look at nothing else.
fn trouble(story: &Story, word: &str, text: &str) -> TestCase {
    let kind = if ["infra", "interrupted"].contains(&word) {
        NonSuccessKind::Error
    } else {
        NonSuccessKind::Failure
    };
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(word)
        .set_message(xml(text.lines().next().unwrap_or_default()))
        .set_description(xml(text));
    let mut case = TestCase::new(format!("the run: {word}"), status);
    case.set_classname(story.context.board.as_str());
    case.set_time(Duration::ZERO);
    case
}

/// `text` without the characters that no XML may have and the writer lets through.
fn xml(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

fn status(told: &Told) -> TestCaseStatus {
    let mut status = match &told.status {
        Status::Pass | Status::Flaky { passes: true, .. } => TestCaseStatus::success(),
        Status::Fail(_) | Status::Crash(_) | Status::Timeout(_) | Status::Flaky { passes: false, .. } => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Status::Infra(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Quarantined { .. } | Status::Ignored | Status::NotRun(_) => TestCaseStatus::skipped(),
    };
    if !matches!(told.status, Status::Pass | Status::Flaky { passes: true, .. }) {
        status.set_type(words::word(&told.status).to_lowercase());
    }
    if let Some(reason) = words::reason(&told.status) {
        status.set_message(xml(&reason));
    }
    if !told.explanation.is_empty() {
        status.set_description(xml(&told.explanation.join("\n")));
    }
    status.add_reruns(told.earlier.iter().map(rerun));
    status
}

/// An attempt that failed, or that the line or the board spoiled.
fn rerun(earlier: &Earlier) -> TestRerun {
    let (kind, word) = match &earlier.failure {
        Some(failure) => (NonSuccessKind::Failure, words::word(failure).to_lowercase()),
        None => (NonSuccessKind::Error, "infra".to_owned()),
    };
    let mut rerun = TestRerun::new(kind);
    rerun.set_type(word).set_message(xml(&earlier.reason));
    if !earlier.told.is_empty() {
        rerun.set_description(xml(&earlier.told.join("\n")));
    }
    rerun
}
