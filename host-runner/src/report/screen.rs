//! Where a report goes, and the progress bar below it while a person watches.

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;

/// Lines above, perhaps a bar below.
pub struct Screen {
    out: Box<dyn Write>,
    bar: Option<ProgressBar>,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("bar", &self.bar.is_some()).finish_non_exhaustive()
    }
}

impl Screen {
    /// Lines into `out`, and no bar.
    #[must_use]
    pub fn plain(out: impl Write + 'static) -> Self {
        Self { out: Box::new(out), bar: None }
    }

    /// Standard output, and no bar.
    #[must_use]
    pub fn stdout() -> Self {
        Self { out: stdout(), bar: None }
    }

    /// Standard output; with a bar for `tests` if a person watches: it is a terminal, and no CI job's.
    #[must_use]
    pub fn live(tests: usize) -> Self {
        let watched = io::stdout().is_terminal() && io::stderr().is_terminal();
        let bar = (watched && std::env::var_os("CI").is_none()).then(|| new_bar(tests));
        Self { out: stdout(), bar }
    }

    /// Writes one line.
    ///
    /// # Errors
    ///
    /// When that is not possible.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        let out = &mut self.out;
        let mut write = || writeln!(out, "{line}").and_then(|()| out.flush());
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Writes one line of many: it may not be seen before [`Self::settle`], or another line.
    ///
    /// # Errors
    ///
    /// As [`Self::line`].
    pub(super) fn one_of_many(&mut self, line: fmt::Arguments<'_>) -> io::Result<()> {
        match &self.bar {
            Some(_) => self.line(&line.to_string()),
            None => writeln!(self.out, "{line}"),
        }
    }

    /// All that was written can be seen.
    ///
    /// # Errors
    ///
    /// As [`Self::line`].
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Says below the lines what is going on.
    pub(super) fn doing(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// One test is done.
    pub(super) fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// The bar is no longer wanted.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Standard output, with colours where they are wanted. What is written waits until it is flushed: a call of the system for each
/// line would be a third of the time that a line takes.
fn stdout() -> Box<dyn Write> {
    let colours = AutoStream::choice(&io::stdout());
    let lines: Box<dyn Write> = Box::new(BufWriter::with_capacity(1 << 16, io::stdout()));
    Box::new(AutoStream::new(lines, colours))
}

fn new_bar(tests: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(tests as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} [{bar:30}] {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
