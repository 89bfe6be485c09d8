//! The report for programs: one JSON object a line, per ended test and for the whole run.

use super::{Context, Screen, words};
use crate::session::{Notice, Status, Summary};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// A report for programs, being written.
#[derive(Debug)]
pub struct Json {
    context: Context,
    screen: Screen,
}

impl Json {
    pub(super) fn new(context: Context, screen: Screen) -> Self {
        Self { context, screen }
    }

    pub(super) fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match notice {
            Notice::Ended { index, status, took } => {
                let line = self.test(*index, status, *took);
                self.screen.line(&line.to_string())
            }
            Notice::Finished(summary) => {
                let line = self.summary(summary);
                self.screen.line(&line.to_string())
            }
            _ => Ok(()),
        }
    }

    fn test(&self, index: usize, status: &Status, took: Duration) -> Value {
        json!({
            "event": "test",
            "name": self.context.test_name(index),
            "status": words::word(status).to_lowercase().replace(' ', "-"),
            "detail": status,
            "reason": words::reason(status),
            "took_us": micros(took),
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
            "recording": self.context.recording,
        })
    }
}

/// A run of half a million years would not fit.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
