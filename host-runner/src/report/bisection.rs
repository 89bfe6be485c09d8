//! What users and programs get to see of a search for the tests after which another one fails: a line for each trial, and at
//! the end the smallest set and the command that repeats it.

use super::{Screen, paint, words};
use crate::cli::Format;
use crate::session::{EXIT_FAILED, EXIT_INFRA, EXIT_INTERRUPTED, EXIT_PASSED, Status};
use crate::units::{Took, counted};
use serde_json::{Value, json};
use std::io;
use std::time::{Duration, Instant};

/// The most names that a trial's line has.
const MOST_NAMES: usize = 3;

/// A search, being told.
#[derive(Debug)]
pub(crate) struct Bisection {
    screen: Screen,
    is_for_people: bool,
    test: String,
    board: String,
    suspects: usize,
    trials: usize,
    began: Instant,
}

impl Bisection {
    pub(crate) fn new(format: Format, test: &str, board: &str) -> Self {
        Self {
            screen: Screen::stdout(),
            is_for_people: matches!(format, Format::Text | Format::Terse),
            test: test.to_owned(),
            board: board.to_owned(),
            suspects: 0,
            trials: 0,
            began: Instant::now(),
        }
    }

    /// Whose end is looked into, and who is suspected.
    pub(crate) fn begin(&mut self, suspects: &[String]) -> io::Result<()> {
        self.suspects = suspects.len();
        if !self.is_for_people {
            return self.object(&json!({"event": "bisect", "test": self.test, "suspects": suspects}));
        }
        let suspects = counted(self.suspects, "test");
        self.screen.line(&format!("after which of {suspects} before it {} fails", self.test))
    }

    /// How the test ended after these.
    pub(crate) fn trial(&mut self, after: &[String], status: &Status, took: Duration) -> io::Result<()> {
        self.tell_trial(after, status, took, "")
    }

    /// The same, where it failed in another way than it does after all.
    pub(crate) fn other_failure(
        &mut self,
        after: &[String],
        status: &Status,
        took: Duration,
    ) -> io::Result<()> {
        self.tell_trial(after, status, took, ", which is another failure than after all")
    }

    fn tell_trial(
        &mut self,
        after: &[String],
        status: &Status,
        took: Duration,
        doubt: &str,
    ) -> io::Result<()> {
        self.trials += 1;
        if !self.is_for_people {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            return self.object(&json!({
                "event": "trial", "after": after, "detail": status,
                "is_other_failure": !doubt.is_empty(), "took_us": micros,
            }));
        }
        let end = words::painted(status);
        let reason = words::reason(status).map(|reason| format!("  {reason}{doubt}")).unwrap_or_default();
        let took = paint::dim(&Took(took).to_string());
        self.screen.line(&format!("{end}  {}  {took}{reason}", self.described(after)))
    }

    /// Some of the suspects: all of their names if they are few, else the first and the last.
    fn described(&self, after: &[String]) -> String {
        match after {
            [] => "by itself".to_owned(),
            _ if after.len() == self.suspects && after.len() > MOST_NAMES => {
                format!("after all {}", self.suspects)
            }
            [first, .., last] if after.len() > MOST_NAMES => {
                format!("after {} of {}, {first} to {last}", after.len(), self.suspects)
            }
            few => format!("after {}", few.join(", ")),
        }
    }

    /// The smallest set is about to be run again, with a report of its own.
    pub(crate) fn confirming(&mut self) -> io::Result<()> {
        if self.is_for_people { self.screen.line("\nonce more, to see it:") } else { Ok(()) }
    }

    /// The smallest set, after which the test has failed again; `command` runs it.
    pub(crate) fn found(&mut self, after: &[String], command: &str) -> io::Result<u8> {
        let verdict = paint::bad(&format!("FAILED: {} {}", self.test, self.fails(after)));
        self.tell_found(after, command, EXIT_FAILED, &verdict)
    }

    /// The same, where the test has not failed again.
    pub(crate) fn not_again(&mut self, after: &[String], command: &str) -> io::Result<u8> {
        let fails = self.fails(after);
        let verdict = format!("NO VERDICT: {} {fails}, and did not when it was run once more", self.test);
        self.tell_found(after, command, EXIT_INFRA, &paint::doubtful(&verdict))
    }

    fn fails(&self, after: &[String]) -> String {
        match after.len() {
            0 => "fails by itself".to_owned(),
            count => format!("fails after {count} of {}", counted(self.suspects, "test")),
        }
    }

    fn tell_found(&mut self, after: &[String], command: &str, code: u8, verdict: &str) -> io::Result<u8> {
        if !self.is_for_people {
            let confirmed = code == EXIT_FAILED;
            self.result(code, json!({"smallest": after, "repeat": command, "confirmed": confirmed}))?;
            return Ok(code);
        }
        self.screen.line("")?;
        if !after.is_empty() {
            self.screen.line(&format!("{} fails after these, of which none can be left out:", self.test))?;
        }
        for name in after {
            self.screen.line(&format!("  {name}"))?;
        }
        self.screen.line(&format!("to repeat it: {command}"))?;
        self.verdict(verdict)?;
        Ok(code)
    }

    /// The test does not fail, by itself or after all.
    pub(crate) fn nothing(&mut self) -> io::Result<u8> {
        if !self.is_for_people {
            self.result(EXIT_PASSED, json!({"smallest": null}))?;
            return Ok(EXIT_PASSED);
        }
        let after = match self.suspects {
            0 => "and no test runs before it".to_owned(),
            count => format!("and after {}", counted(count, "test")),
        };
        self.screen
            .line("\nif it did fail before, it fails only sometimes, or for something that was other then")?;
        self.verdict(&paint::good(&format!("does not fail: {} passes by itself {after}", self.test)))?;
        Ok(EXIT_PASSED)
    }

    /// A trial ended without a verdict.
    pub(crate) fn give_up(&mut self, code: u8, why: &str) -> io::Result<()> {
        if !self.is_for_people {
            return self.result(code, json!({"smallest": null, "why": why}));
        }
        let word = if code == EXIT_INTERRUPTED { "INTERRUPTED" } else { "NO VERDICT" };
        self.screen.line("")?;
        self.verdict(&paint::doubtful(&format!("{word}: {why}")))
    }

    fn verdict(&mut self, verdict: &str) -> io::Result<()> {
        let trials = counted(self.trials, "trial");
        self.screen.line(&format!("{verdict}; {trials} on {} in {}", self.board, Took(self.began.elapsed())))
    }

    fn result(&mut self, code: u8, mut members: Value) -> io::Result<()> {
        members["event"] = "bisected".into();
        members["test"] = self.test.as_str().into();
        members["trials"] = self.trials.into();
        members["exit_code"] = code.into();
        self.object(&members)
    }

    fn object(&mut self, object: &Value) -> io::Result<()> {
        self.screen.line(&object.to_string())
    }
}
