//! The report as a test program of the standard library writes it with `--format json -Z unstable-options`: what editors and other
//! callers of cargo read. That format has no other ends than ok, failed and ignored, so a test that did not run is ignored,
//! with the reason as its message, and the suite has failed.

use super::account::Account;
use super::attempt::Attempt;
use super::{Context, Screen, Tally, evidence, strays, words};
use crate::plan::{Plan, Selected, Test};
use crate::session::{EXIT_PASSED, Notice, Status, Summary};
use anstream::adapter::strip_str;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// The last log lines that a test comes with.
const LAST_LOGS: usize = 1000;

/// A report as of a test program, being written.
#[derive(Debug)]
pub struct Libtest {
    context: Context,
    screen: Screen,
    cores: u32,
    /// The test that was said to have started, and has not ended.
    started: Option<usize>,
    attempt: Attempt,
    log: VecDeque<String>,
    /// What explains that earlier attempts at the test in turn failed.
    earlier: Vec<String>,
}

impl Libtest {
    pub(super) fn new(context: Context, screen: Screen) -> Self {
        let (attempt, log, earlier) = (Attempt::default(), VecDeque::new(), Vec::new());
        Self { context, screen, cores: 0, started: None, attempt, log, earlier }
    }

    pub(super) fn begin(&mut self) -> io::Result<()> {
        let shown = self.context.plan.tests.iter().filter(|test| test.selected != Selected::Filtered);
        let count = shown.count();
        self.object(&json!({"type": "suite", "event": "started", "test_count": count}))
    }

    pub(super) fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match notice {
            Notice::Ready(identity) => self.cores = identity.cores,
            Notice::Began { index, .. } => {
                (self.attempt, self.log) = (Attempt::default(), VecDeque::new());
                return self.start(*index);
            }
            Notice::Log { core, bytes, verified } => self.log(*core, bytes, *verified),
            Notice::Panic(_) | Notice::Core(_) => self.account(notice),
            Notice::Inspected(text) => self.attempt.add_inspected(text),
            Notice::Kept(text) => self.attempt.add_kept(text),
            Notice::Strayed { count, described } => {
                for line in strays::lines(&self.context.symbols, *count, described) {
                    self.attempt.add_missing(line);
                }
            }
            Notice::Lost(_) | Notice::LogDropped { .. } | Notice::NumbersDropped { .. } => {
                words::missing(notice).into_iter().for_each(|line| self.attempt.add_missing(line));
            }
            Notice::Failed { status, .. } => self.failed(status),
            Notice::Retry { reason, .. } => {
                self.earlier.push(format!("an earlier attempt: {reason}"));
                self.earlier.extend(self.attempt.told());
            }
            Notice::Ended { index, status, took } => return self.ended(*index, status, *took),
            Notice::Finished(summary) => return self.finished(summary),
            Notice::Booting { .. } | Notice::Text(_) | Notice::Unverified(_) | Notice::Measured(_) => {}
        }
        Ok(())
    }

    /// Once for each test, however often it is tried.
    fn start(&mut self, index: usize) -> io::Result<()> {
        if self.started == Some(index) {
            return Ok(());
        }
        self.started = Some(index);
        let name = self.context.test_name(index).to_owned();
        self.object(&json!({"type": "test", "event": "started", "name": name}))
    }

    fn log(&mut self, core: u32, bytes: &[u8], verified: bool) {
        self.log.extend(evidence::log(&self.context, core, bytes, verified));
        if self.log.len() > LAST_LOGS {
            self.log.pop_front();
        }
    }

    fn account(&mut self, notice: &Notice) {
        if let Some((core, account)) = Account::of(&self.context.symbols, notice) {
            self.attempt.add_account(core, account);
        }
    }

    fn failed(&mut self, status: &Status) {
        let reason = words::reason(status).unwrap_or_default();
        self.earlier.push(format!("an earlier attempt: {} {reason}", words::word(status)));
        self.earlier.extend(std::mem::take(&mut self.attempt).explanation(status, self.cores));
    }

    fn ended(&mut self, index: usize, status: &Status, took: Duration) -> io::Result<()> {
        self.start(index)?;
        self.started = None;
        let tally = Tally::of(status);
        let event = match tally {
            Tally::Passed => "ok",
            Tally::Failed => "failed",
            Tally::Skipped => "ignored",
        };
        let mut object = json!({"type": "test", "event": event, "name": self.context.test_name(index)});
        if tally != Tally::Skipped {
            object["exec_time"] = took.as_secs_f64().into();
        }
        if let Some(reason) = words::reason(status) {
            object["message"] = reason.into();
        }
        let said = self.said(index, status);
        if !said.is_empty() {
            object["stdout"] = said.into();
        }
        self.object(&object)
    }

    /// What a test has logged, and if it failed all that explains it.
    fn said(&mut self, index: usize, status: &Status) -> String {
        let mut lines = Vec::from(std::mem::take(&mut self.log));
        let (attempt, earlier) = (std::mem::take(&mut self.attempt), std::mem::take(&mut self.earlier));
        if Tally::of(status) == Tally::Failed {
            lines.extend(earlier);
            lines.extend(attempt.explanation(status, self.cores));
            lines.push(format!("to repeat it: {}", self.context.repeat_of(index)));
        }
        lines.iter().map(|line| format!("{}\n", strip_str(line))).collect()
    }

    fn finished(&mut self, summary: &Summary) -> io::Result<()> {
        let count = |tally| summary.ends.iter().filter(|(_, status)| Tally::of(status) == tally).count();
        self.object(&json!({
            "type": "suite",
            "event": if summary.exit_code() == EXIT_PASSED { "ok" } else { "failed" },
            "passed": count(Tally::Passed),
            "failed": count(Tally::Failed),
            "ignored": count(Tally::Skipped),
            "measured": 0,
            "filtered_out": self.context.plan.tests.len() - summary.ends.len(),
            "exec_time": summary.took.as_secs_f64(),
        }))
    }

    fn object(&mut self, object: &Value) -> io::Result<()> {
        self.screen.line(&object.to_string())
    }
}

/// The tests of an image as a test program lists them, without their places in the sources, which the image does not say.
pub(crate) fn listed(plan: &Plan) -> Vec<Value> {
    let tests: Vec<_> = plan.tests.iter().filter(|test| test.selected != Selected::Filtered).collect();
    let is_ignored = |test: &Test| test.selected == Selected::Ignored;
    let ignored = tests.iter().filter(|test| is_ignored(test)).count();
    let discovered = tests.iter().map(|test| {
        json!({
            "type": "test", "event": "discovered", "name": test.name,
            "ignore": is_ignored(test), "ignore_message": "",
        })
    });
    let begin = json!({"type": "suite", "event": "discovery"});
    let end = json!({
        "type": "suite", "event": "completed",
        "tests": tests.len(), "benchmarks": 0, "total": tests.len(), "ignored": ignored,
    });
    [begin].into_iter().chain(discovered).chain([end]).collect()
}

/// What a program says that has none of the tests that are asked for.
pub(crate) fn nothing(filtered_out: usize) -> Vec<Value> {
    vec![
        json!({"type": "suite", "event": "started", "test_count": 0}),
        json!({
            "type": "suite", "event": "ok", "passed": 0, "failed": 0, "ignored": 0, "measured": 0,
            "filtered_out": filtered_out, "exec_time": 0.0,
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::report::golden::{began, ended, every_kind_of_evidence, summary, written};
    use crate::session::{CutShort, Failure};
    use wire::BuildId;

    fn objects(notices: &[Notice]) -> Vec<Value> {
        let text = written(notices, Report::libtest);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What is said of tests: `started` and how they end, in turn.
    fn course(objects: &[Value]) -> Vec<(&str, &str)> {
        let tests = objects.iter().filter(|object| object["type"] == "test");
        tests.map(|test| (test["event"].as_str().unwrap(), test["name"].as_str().unwrap())).collect()
    }

    /// The members of the objects, and their order, are those that a test program of Rust 1.97 writes.
    #[test]
    fn a_run_is_told_as_a_test_program_tells_it() {
        let objects = objects(&every_kind_of_evidence());
        assert_eq!(objects[0], json!({"type": "suite", "event": "started", "test_count": 5}));
        let expected = [
            ("started", "smp::race"),
            ("ignored", "smp::race"),
            ("started", "boot::level"),
            ("ok", "boot::level"),
            ("started", "buddy::merge"),
            ("failed", "buddy::merge"),
            ("started", "slab::grow"),
            ("failed", "slab::grow"),
            ("started", "heap::later"),
            ("ok", "heap::later"),
        ];
        assert_eq!(course(&objects), expected);
        assert_eq!(
            objects[4],
            json!({"type": "test", "event": "ok", "name": "boot::level", "exec_time": 0.012})
        );
        let end = json!({
            "type": "suite", "event": "failed", "passed": 2, "failed": 2, "ignored": 1, "measured": 0,
            "filtered_out": 0, "exec_time": 3.2,
        });
        assert_eq!(objects.last(), Some(&end));
    }

    #[test]
    fn a_failure_comes_with_what_explains_it_and_what_repeats_it() {
        let objects = objects(&every_kind_of_evidence());
        let failed = objects.iter().find(|object| object["event"] == "failed").unwrap();
        assert_eq!(failed["message"], "it panicked");
        let said = failed["stdout"].as_str().unwrap();
        assert!(said.starts_with("log?  core 0  damaged record of 2 bytes: 01 02\n"), "{said}");
        assert!(said.contains("\n  at firmware/tests/suite/buddy.rs:12\n"), "{said}");
        assert!(said.ends_with("--seed 42 --budget 2m run --exact buddy::merge\n"), "{said}");
    }

    #[test]
    fn a_test_that_is_run_again_starts_once_and_tells_of_both_attempts() {
        let failed = Status::Fail(Failure::Panicked);
        let objects = objects(&[
            began(0, 1),
            Notice::Failed { index: 0, status: failed.clone(), took: Duration::ZERO },
            began(0, 1),
            ended(0, Status::Fail(Failure::Returned), 3),
        ]);
        assert_eq!(course(&objects), [("started", "boot::level"), ("failed", "boot::level")]);
        let said = objects[2]["stdout"].as_str().unwrap();
        assert!(said.starts_with("an earlier attempt: FAIL it panicked\n"), "{said}");
    }

    #[test]
    fn a_run_that_was_cut_short_has_failed_and_what_did_not_run_is_no_pass() {
        let ends = [Status::Pass, Status::NotRun("no board".to_owned())];
        let cut_short = Some(CutShort::Infra("no board".to_owned()));
        let objects = objects(&[
            began(0, 1),
            ended(0, ends[0].clone(), 1),
            ended(1, ends[1].clone(), 0),
            Notice::Finished(summary(&ends, cut_short)),
        ]);
        let not_run =
            json!({"type": "test", "event": "ignored", "name": "buddy::merge", "message": "no board"});
        assert_eq!(objects[4], not_run);
        let end = &objects[5];
        assert_eq!(
            (&end["event"], &end["passed"], &end["failed"], &end["ignored"]),
            (&json!("failed"), &json!(1), &json!(0), &json!(1))
        );
    }

    #[test]
    fn tests_are_listed_as_a_test_program_lists_them() {
        let test = |name: &str, selected| Test {
            name: name.to_owned(),
            entry: 0,
            should_panic: false,
            timeout: None,
            selected,
        };
        let tests =
            vec![test("a", Selected::Yes), test("b", Selected::Filtered), test("c", Selected::Ignored)];
        let discovered = |name: &str, ignore: bool| json!({"type": "test", "event": "discovered", "name": name, "ignore": ignore, "ignore_message": ""});
        let end = json!({
            "type": "suite", "event": "completed", "tests": 2, "benchmarks": 0, "total": 2, "ignored": 1,
        });
        assert_eq!(
            listed(&Plan::new(BuildId::default(), tests)),
            [
                json!({"type": "suite", "event": "discovery"}),
                discovered("a", false),
                discovered("c", true),
                end
            ]
        );
    }
}
