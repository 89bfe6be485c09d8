//! The report for people: a line per test, the headlines of what goes wrong above it, and at the end the failures
//! with everything that explains them.

use super::account::{Account, Kind};
use super::attempt::Attempt;
use super::{Context, Screen, Tally, closing, evidence, numbers, paint, strays, words};
use crate::parameters;
use crate::session::{Identity, Notice, Status, Summary};
use crate::twin::Stray;
use crate::units::{Bytes, Took};
use std::io;
use std::time::Duration;

/// A report for people, being written.
#[derive(Debug)]
pub struct Text {
    context: Context,
    screen: Screen,
    /// What the board's loader said since the last line end.
    unfinished: Vec<u8>,
    /// Lines of it that are no text, shown as one when something else comes.
    noise: Vec<u8>,
    /// How many cores the board has, as it says itself.
    cores: u32,
    /// What came since the present test began; none between tests.
    attempt: Option<Attempt>,
    /// What the test that ends has measured.
    numbers: Vec<String>,
    /// What explains that earlier attempts at the test in turn failed.
    earlier: Vec<String>,
    failures: Vec<Vec<String>>,
}

impl Text {
    pub(super) fn new(context: Context, screen: Screen) -> Self {
        let (unfinished, noise) = (Vec::new(), Vec::new());
        let (numbers, earlier, failures) = (Vec::new(), Vec::new(), Vec::new());
        Self { context, screen, unfinished, noise, cores: 0, attempt: None, numbers, earlier, failures }
    }

    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.screen.line(&parameters::words(&self.context.parameters))?;
        self.screen.line(&format!("image sha-256 {}", self.context.kernel))
    }

    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.screen.settle()
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
            Notice::Panic(_) | Notice::Core(_) => self.account(notice),
            Notice::Inspected(text) => {
                self.inspected(text);
                Ok(())
            }
            Notice::Kept(text) => {
                self.kept(text);
                Ok(())
            }
            Notice::Strayed { count, described } => self.strayed(*count, described),
            Notice::Lost(_) | Notice::LogDropped { .. } | Notice::NumbersDropped { .. } => {
                words::missing(notice).map_or(Ok(()), |line| self.missing(&line))
            }
            Notice::Measured(measured) => {
                self.numbers = numbers::lines(measured);
                Ok(())
            }
            Notice::Ended { index, status, took } => self.ended(*index, status, *took),
            Notice::Failed { index, status, took } => self.failed(*index, status, *took),
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
        self.cores = identity.cores;
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
        self.attempt = Some(Attempt::default());
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
        let Some(line) = evidence::log(&self.context, core, bytes, verified) else { return Ok(()) };
        self.screen.one_of_many(format_args!("    {line}"))?;
        if let Some(attempt) = &mut self.attempt {
            attempt.add_log(line);
        }
        Ok(())
    }

    /// During a test the headline is enough, for the whole account stands with the failure. Between tests there
    /// is no other place for it.
    fn account(&mut self, notice: &Notice) -> io::Result<()> {
        let Some((core, account)) = Account::of(&self.context.symbols, notice) else { return Ok(()) };
        let Some(attempt) = &mut self.attempt else {
            return self.indented(&account.whole(&[core]));
        };
        attempt.add_account(core, account.clone());
        match account.kind() {
            Kind::Grave => self.indented(&account.short(core)),
            Kind::Busy | Kind::Idle | Kind::Silent => Ok(()),
        }
    }

    fn inspected(&mut self, text: &str) {
        if let Some(attempt) = &mut self.attempt {
            attempt.add_inspected(text);
        }
    }

    fn kept(&mut self, text: &str) {
        if let Some(attempt) = &mut self.attempt {
            attempt.add_kept(text);
        }
    }

    fn missing(&mut self, what: &str) -> io::Result<()> {
        let what = paint::doubtful(what);
        if let Some(attempt) = &mut self.attempt {
            attempt.add_missing(what.clone());
        }
        self.indented(&[what])
    }

    /// A run with one fails, whatever its test says: the line stands with the test that is under way, and by itself.
    fn strayed(&mut self, count: u64, described: &[Stray]) -> io::Result<()> {
        for line in strays::lines(&self.context.symbols, count, described) {
            self.missing(&line)?;
        }
        Ok(())
    }

    /// Shown whole, but no evidence about the test.
    fn unverified(&mut self, inner: &Notice) -> io::Result<()> {
        let doubt = "unverified, from a boot that is not yet known to be this run's:";
        self.indented(&[paint::doubtful(doubt)])?;
        let attempt = self.attempt.take();
        let shown = self.notice(inner);
        self.attempt = attempt;
        shown
    }

    fn indented(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| self.screen.line(&format!("    {line}")))
    }

    fn ended(&mut self, index: usize, status: &Status, took: Duration) -> io::Result<()> {
        let attempt = self.attempt.take().unwrap_or_default();
        let line = self.end_of_test(index, status, took);
        self.screen.step();
        self.screen.line(&line)?;
        for number in std::mem::take(&mut self.numbers) {
            self.screen.line(&format!("         {number}"))?;
        }
        let mut explanation = std::mem::take(&mut self.earlier);
        if Tally::of(status) == Tally::Failed {
            explanation.extend(attempt.explanation(status, self.cores));
            self.failures.push(self.failure(line, &explanation, index));
        }
        Ok(())
    }

    /// A failure that may turn out not to be one every time.
    fn failed(&mut self, index: usize, status: &Status, took: Duration) -> io::Result<()> {
        let attempt = self.attempt.take().unwrap_or_default();
        self.numbers.clear();
        let line = self.end_of_test(index, status, took);
        self.screen.line(&format!("{line}; it is run again"))?;
        let reason = words::reason(status).unwrap_or_default();
        self.earlier
            .push(format!("an earlier attempt: {} {reason}", words::in_colour(status, words::word(status))));
        let explanation = attempt.explanation(status, self.cores);
        self.earlier.extend(explanation.into_iter().map(|line| format!("  {line}")));
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

    fn failure(&self, title: String, explanation: &[String], index: usize) -> Vec<String> {
        let repeat = format!("    to repeat it: {}", self.context.repeat_of(index));
        let explanation = explanation.iter().map(|line| format!("    {line}"));
        std::iter::once(title).chain(explanation).chain([repeat]).collect()
    }

    /// A spoiled attempt is no failure, so this is the only place for what its cores said.
    fn retry(&mut self, index: usize, reason: &str) -> io::Result<()> {
        let attempt = self.attempt.take().unwrap_or_default();
        let name = self.context.test_name(index);
        self.screen.line(&format!("{}  {name}  {reason}", paint::doubtful("  again")))?;
        self.indented(&attempt.told())
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
