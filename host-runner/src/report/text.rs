//! The report for people: a line per test, live evidence above it, the failures again at the end.

use super::{Context, Screen, Tally, closing, evidence, paint, words};
use crate::session::{Identity, Notice, Status, Summary};
use crate::units::{Bytes, Took};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// The last log lines that are repeated with a failure.
const LAST_LOGS: usize = 12;

/// A report for people, being written.
#[derive(Debug)]
pub struct Text {
    context: Context,
    screen: Screen,
    /// What the board's loader said since the last line end.
    unfinished: Vec<u8>,
    /// Lines of it that are no text, shown as one when something else comes.
    noise: Vec<u8>,
    /// What came since the present test began.
    attempt: Attempt,
    failures: Vec<Vec<String>>,
}

#[derive(Debug, Default)]
struct Attempt {
    evidence: Vec<String>,
    logs: VecDeque<String>,
}

impl Text {
    pub(super) fn new(context: Context, screen: Screen) -> Self {
        let (unfinished, noise) = (Vec::new(), Vec::new());
        Self { context, screen, unfinished, noise, attempt: Attempt::default(), failures: Vec::new() }
    }

    pub(super) fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        if !matches!(notice, Notice::Text(_)) {
            self.end_line()?;
        }
        match notice {
            Notice::Booting { count, reason } => self.booting(*count, reason),
            Notice::Ready(identity) => self.ready(identity),
            Notice::Began { index, attempt } => self.began(*index, *attempt),
            Notice::Text(bytes) => self.foreign_text(bytes),
            Notice::Log { core, bytes, verified } => self.log(*core, bytes, *verified),
            Notice::Unverified(inner) => self.unverified(inner),
            Notice::Panic(note) => self.evidence(evidence::panic(&self.context, note)),
            Notice::Core(report) => self.evidence(evidence::core(&self.context, report)),
            Notice::Inspected(text) => self.inspected(text),
            Notice::Lost(frames) => self.missing(&format!("{frames} frames were lost on the line")),
            Notice::LogDropped { core, records } => {
                self.missing(&format!("core {core} could not keep {records} log records"))
            }
            Notice::Ended { index, status, took } => self.ended(*index, status, *took),
            Notice::Retry { index, reason } => self.retry(*index, reason),
            Notice::Finished(summary) => self.finished(summary),
        }
    }

    fn booting(&mut self, count: u32, reason: &str) -> io::Result<()> {
        self.screen.doing("booting");
        let board = &self.context.board;
        let line = match reason {
            "" => format!("booting {board}"),
            reason => format!("booting {board} again (boot {count}): {reason}"),
        };
        self.screen.line(&line)
    }

    fn ready(&mut self, identity: &Identity) -> io::Result<()> {
        // Every warm restart says so too; that the board is the right one is news only once a boot.
        if identity.restarts > 0 {
            return Ok(());
        }
        self.screen.line(&format!(
            "{}: {} cores, {} usable RAM, entered at EL{}, loaded at {:#x}",
            identity.machine,
            identity.cores,
            Bytes(identity.ram_bytes),
            identity.entry_level,
            identity.load_address
        ))
    }

    fn began(&mut self, index: usize, _attempt: u32) -> io::Result<()> {
        self.attempt = Attempt::default();
        self.screen.doing(self.context.test_name(index));
        Ok(())
    }

    fn foreign_text(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unfinished.extend_from_slice(bytes);
        while let Some(end) = self.unfinished.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=end).collect();
            self.foreign_line(line.strip_suffix(b"\n").unwrap_or_default())?;
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.unfinished) {
            line if line.is_empty() => {}
            line => self.foreign_line(&line)?,
        }
        self.end_noise()
    }

    fn foreign_line(&mut self, line: &[u8]) -> io::Result<()> {
        if evidence::is_noise(line) {
            self.noise.extend_from_slice(line);
            return Ok(());
        }
        self.end_noise()?;
        self.screen.line(&paint::dim(&format!("  | {}", evidence::printable(line))))
    }

    fn end_noise(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.noise) {
            noise if noise.is_empty() => Ok(()),
            noise => self.screen.line(&paint::dim(&format!("  | {}", evidence::noise(&noise)))),
        }
    }

    fn log(&mut self, core: u32, bytes: &[u8], verified: bool) -> io::Result<()> {
        let line = evidence::log(&self.context, core, bytes, verified);
        self.screen.line(&format!("    {line}"))?;
        self.attempt.logs.push_back(line);
        if self.attempt.logs.len() > LAST_LOGS {
            self.attempt.logs.pop_front();
        }
        Ok(())
    }

    fn inspected(&mut self, text: &str) -> io::Result<()> {
        let title = "what the cores are doing, as the loader sees it:".to_owned();
        let lines = text.lines().map(|line| format!("  {line}"));
        self.evidence(std::iter::once(title).chain(lines).collect())
    }

    fn missing(&mut self, what: &str) -> io::Result<()> {
        self.evidence(vec![paint::doubtful(what)])
    }

    fn unverified(&mut self, inner: &Notice) -> io::Result<()> {
        let before = self.attempt.evidence.len();
        self.missing("unverified, from a boot that is not yet known to be this run's:")?;
        self.notice(inner)?;
        // Shown, but no evidence about the test.
        self.attempt.evidence.truncate(before);
        Ok(())
    }

    fn evidence(&mut self, lines: Vec<String>) -> io::Result<()> {
        for line in &lines {
            self.screen.line(&format!("    {line}"))?;
        }
        self.attempt.evidence.extend(lines);
        Ok(())
    }

    fn ended(&mut self, index: usize, status: &Status, took: Duration) -> io::Result<()> {
        let attempt = std::mem::take(&mut self.attempt);
        let line = self.end_of_test(index, status, took);
        self.screen.step();
        self.screen.line(&line)?;
        if Tally::of(status) == Tally::Failed {
            self.failures.push(self.failure(line, &attempt, index));
        }
        Ok(())
    }

    fn end_of_test(&self, index: usize, status: &Status, took: Duration) -> String {
        let name = self.context.test_name(index);
        let took = match status {
            Status::Ignored | Status::NotRun(_) => String::new(),
            _ => format!("  {}", paint::dim(&Took(took).to_string())),
        };
        let reason = words::reason(status).map(|reason| format!("  {reason}")).unwrap_or_default();
        format!("{}  {name}{took}{reason}", words::painted(status))
    }

    fn failure(&self, title: String, attempt: &Attempt, index: usize) -> Vec<String> {
        let mut lines = vec![title];
        lines.extend(attempt.evidence.iter().map(|line| format!("    {line}")));
        if !attempt.logs.is_empty() {
            lines.push("    the last log lines:".to_owned());
            lines.extend(attempt.logs.iter().map(|line| format!("      {line}")));
        }
        lines.push(format!("    to repeat it: {} {}", self.context.repeat, self.context.test_name(index)));
        lines
    }

    fn retry(&mut self, index: usize, reason: &str) -> io::Result<()> {
        self.attempt = Attempt::default();
        let name = self.context.test_name(index);
        self.screen.line(&format!("{}  {name}  {reason}", paint::doubtful("  again")))
    }

    fn finished(&mut self, summary: &Summary) -> io::Result<()> {
        self.screen.end();
        if !self.failures.is_empty() {
            self.screen.line("\nfailures:")?;
        }
        for line in std::mem::take(&mut self.failures).into_iter().flatten() {
            self.screen.line(&line)?;
        }
        self.screen.line("")?;
        for line in closing::lines(&self.context, summary) {
            self.screen.line(&line)?;
        }
        Ok(())
    }
}
