//! The report for programs: one JSON object a line. First how the tests run; then each number that a test has measured,
//! before the test's own end; at last the whole run.

use super::{Context, Screen, Tally, hex as hex_digits, words};
use crate::session::{Measured, Notice, Status, Summary};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// A report for programs, being written.
#[derive(Debug)]
pub struct Json {
    context: Context,
    screen: Screen,
    /// What the test that ends has measured: its name comes with its end.
    numbers: Vec<Measured>,
}

impl Json {
    pub(super) fn new(context: Context, screen: Screen) -> Self {
        Self { context, screen, numbers: Vec::new() }
    }

    pub(super) fn begin(&mut self) -> io::Result<()> {
        let Context { board, parameters, kernel, .. } = &self.context;
        let line =
            json!({"event": "run", "board": board, "parameters": parameters, "image": {"sha256": kernel}});
        self.screen.line(&line.to_string())
    }

    pub(super) fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match notice {
            Notice::Measured(numbers) => {
                self.numbers.clone_from(numbers);
                Ok(())
            }
            Notice::Ended { index, status, took } => {
                for number in std::mem::take(&mut self.numbers) {
                    let line = self.number(*index, &number);
                    self.screen.line(&line.to_string())?;
                }
                let line = self.test(*index, status, *took);
                self.screen.line(&line.to_string())
            }
            Notice::Failed { index, status, took } => {
                self.numbers.clear();
                let mut line = self.test(*index, status, *took);
                line["event"] = "attempt".into();
                self.screen.line(&line.to_string())
            }
            Notice::Finished(summary) => {
                let line = self.summary(summary);
                self.screen.line(&line.to_string())
            }
            Notice::Strayed { count, described } => {
                let line = json!({"event": "stray", "count": count, "described": described});
                self.screen.line(&line.to_string())
            }
            _ => Ok(()),
        }
    }

    /// Digests are text: not every program reads a number of 64 bits whole.
    fn number(&self, index: usize, number: &Measured) -> Value {
        let hex = |value: u64| format!("{value:#018x}");
        let (kind, mut line) = match number {
            Measured::Digest { scenario, value, expected } => {
                let (value, expected) = (hex(*value), expected.map(hex));
                ("digest", json!({"scenario": scenario, "value": value, "expected": expected}))
            }
            Measured::Value { name, unit, value } => {
                ("value", json!({"name": name, "unit": unit, "value": value}))
            }
            Measured::Spread(spread) => ("spread", json!(spread)),
            Measured::Point { series, at, value } => {
                ("point", json!({"series": series, "at": at, "value": value}))
            }
            Measured::Map { name, at, bytes } => {
                ("map", json!({"name": name, "at": at, "bytes": hex_digits(bytes)}))
            }
        };
        line["event"] = "number".into();
        line["test"] = self.context.test_name(index).into();
        line["kind"] = kind.into();
        line
    }

    fn test(&self, index: usize, status: &Status, took: Duration) -> Value {
        json!({
            "event": "test",
            "name": self.context.test_name(index),
            "status": words::word(status).to_lowercase().replace(' ', "-"),
            "detail": status,
            "reason": words::reason(status),
            "took_us": micros(took),
            "repeat": (Tally::of(status) == Tally::Failed).then(|| self.context.repeat_of(index)),
        })
    }

    fn summary(&self, summary: &Summary) -> Value {
        let count = |wanted: &str| {
            summary.ends.iter().filter(|(_, status)| words::word(status).eq_ignore_ascii_case(wanted)).count()
        };
        json!({
            "event": "summary",
            "board": self.context.board,
            "exit_code": summary.exit_code(),
            "pass": count("pass"),
            "fail": count("fail"),
            "crash": count("crash"),
            "timeout": count("timeout"),
            "flaky": count("flaky"),
            "known": count("known"),
            "ignored": count("ignored"),
            "not_run": count("not run"),
            "infra": count("infra"),
            "cut_short": summary.cut_short,
            "first_verdict_us": summary.first_verdict.map(micros),
            "took_us": micros(summary.took),
            "boots": summary.boots,
            "stale_frames": summary.stale_frames,
            "noise_chunks": summary.noise_chunks,
            "repeated_frames": summary.repeated_frames,
            "lost_frames": summary.lost_frames,
            "unreadable_numbers": summary.unreadable_numbers,
            "strays": summary.strays,
            "recording": self.context.recording,
        })
    }
}

/// A run of half a million years would not fit.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
