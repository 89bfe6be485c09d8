//! Writes a recording while its run goes on.

use super::{EVENTS_FILE, Entry, Error, HEADER_FILE, Header, LINE_FILE, SENT_FILE, What};
use crate::session::{Answer, Event};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Writes a recording. Every call leaves a readable one behind.
#[derive(Debug)]
pub struct Recorder {
    directory: PathBuf,
    events: Output,
    line: Output,
    sent: Output,
}

impl Recorder {
    /// Begins a recording in `directory`, which is made if it is not there. An older recording in it is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when the directory or a file cannot be made.
    pub fn create(directory: &Path, header: &Header) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(at(directory))?;
        let path = directory.join(HEADER_FILE);
        let text = serde_json::to_vec_pretty(header)
            .map_err(|source| Error::Header { path: path.clone(), source })?;
        fs::write(&path, text).map_err(at(&path))?;
        let output = |name| Output::create(directory.join(name));
        let (events, line, sent) = (output(EVENTS_FILE)?, output(LINE_FILE)?, output(SENT_FILE)?);
        Ok(Self { directory: directory.to_owned(), events, line, sent })
    }

    /// The session was started.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be written.
    pub fn start(&mut self, now: Duration) -> Result<(), Error> {
        self.note(now, What::Start)
    }

    /// The session was given this event.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be written.
    pub fn event(&mut self, event: &Event, now: Duration) -> Result<(), Error> {
        let what = match event {
            Event::Bytes(bytes) => {
                self.line.write(bytes)?;
                What::Bytes { length: bytes.len() }
            }
            Event::Closed(why) => What::Closed { why: why.clone() },
            Event::LoadFailed(reason) => What::LoadFailed { reason: reason.clone() },
            Event::Ours => What::Ours,
            Event::Lost(reason) => What::Lost { reason: reason.clone() },
            Event::Inspected(report) => What::Inspected { report: report.clone() },
            Event::Kept(report) => What::Kept { report: report.clone() },
            Event::Account(account) => What::Account { account: account.clone() },
            Event::Tick => What::Tick,
            Event::Interrupted => What::Interrupted,
        };
        self.note(now, what)
    }

    /// These bytes were sent to the board.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when they cannot be written.
    pub fn sent(&mut self, bytes: &[u8], now: Duration) -> Result<(), Error> {
        self.sent.write(bytes)?;
        self.note(now, What::Sent { length: bytes.len() })
    }

    /// The host answered this.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be written.
    pub fn answer(&mut self, answer: &Answer, now: Duration) -> Result<(), Error> {
        self.note(now, What::Answer { answer: answer.clone() })
    }

    /// Keeps `bytes` of the board's memory beside the recording, in a file of that name.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when they cannot be written.
    pub fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.directory.join(name);
        fs::write(&path, bytes).map_err(at(&path))
    }

    fn note(&mut self, now: Duration, what: What) -> Result<(), Error> {
        let at_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let mut line = serde_json::to_vec(&Entry { at_us, what })
            .map_err(|source| Error::Header { path: self.events.path.clone(), source })?;
        line.push(b'\n');
        self.events.write(&line)
    }
}

/// A file that is only appended to, without a buffer.
#[derive(Debug)]
struct Output {
    path: PathBuf,
    file: File,
}

impl Output {
    fn create(path: PathBuf) -> Result<Self, Error> {
        let file = File::create(&path).map_err(at(&path))?;
        Ok(Self { path, file })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(at(&self.path))
    }
}

pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}
