//! Reads a recording, as far as it goes, and no more of it at a time than an event: a long run's has gigabytes.

use super::writer::at;
use super::{EVENTS_FILE, Entry, Error, FORMAT, HEADER_FILE, Header, LINE_FILE, What};
use crate::session::{Answer, Event};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What was to be run, and how.
    pub header: Header,
    /// When the session was started, unless the runner was killed before that.
    pub start: Option<Duration>,
    /// What the host answered when the session asked it, in turn.
    pub answers: Vec<Answer>,
    directory: PathBuf,
    /// How many entries there were: the run may go on.
    count: usize,
}

impl Recording {
    /// Looks through the recording in `directory`. What its end lacks, because the runner was killed, is left out.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or holds something else than a recording.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let header = read_header(directory)?;
        let directory = directory.to_owned();
        let mut recording = Self { header, start: None, answers: Vec::new(), directory, count: usize::MAX };
        let mut entries = recording.entries()?;
        while let Some(Entry { at_us, what }) = entries.next()? {
            match what {
                What::Start => recording.start = Some(Duration::from_micros(at_us)),
                What::Answer { answer } => recording.answers.push(answer),
                _ => {}
            }
        }
        recording.count = entries.taken;
        Ok(recording)
    }

    /// What the session was given, and when.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn events(&self) -> Result<Events, Error> {
        let path = self.directory.join(LINE_FILE);
        let line = BufReader::new(File::open(&path).map_err(at(&path))?);
        Ok(Events { entries: self.entries()?, line, path })
    }

    fn entries(&self) -> Result<Entries, Error> {
        let path = self.directory.join(EVENTS_FILE);
        let events = BufReader::new(File::open(&path).map_err(at(&path))?);
        let path_of_line = self.directory.join(LINE_FILE);
        let bytes = fs::metadata(&path_of_line).map_err(at(&path_of_line))?.len();
        Ok(Entries { events, path, text: Vec::new(), taken: 0, count: self.count, bytes })
    }
}

/// The entries of a recording whose bytes are there.
#[derive(Debug)]
struct Entries {
    events: BufReader<File>,
    path: PathBuf,
    text: Vec<u8>,
    taken: usize,
    /// How many there are at most.
    count: usize,
    /// How many of the line's bytes no entry so far has counted.
    bytes: u64,
}

impl Entries {
    fn next(&mut self) -> Result<Option<Entry>, Error> {
        if self.taken == self.count {
            return Ok(None);
        }
        self.text.clear();
        self.events.read_until(b'\n', &mut self.text).map_err(at(&self.path))?;
        // A line without an end was not written as a whole.
        let Some(text) = self.text.strip_suffix(b"\n") else { return Ok(None) };
        let entry = serde_json::from_slice::<Entry>(text).map_err(|source| Error::Event {
            path: self.path.clone(),
            line: self.taken + 1,
            source,
        })?;
        let counted = if let What::Bytes { length } = entry.what { length as u64 } else { 0 };
        let Some(rest) = self.bytes.checked_sub(counted) else { return Ok(None) };
        (self.bytes, self.taken) = (rest, self.taken + 1);
        Ok(Some(entry))
    }
}

/// What a session was given, read while it goes on.
#[derive(Debug)]
pub struct Events {
    entries: Entries,
    line: BufReader<File>,
    path: PathBuf,
}

impl Events {
    fn read(&mut self) -> Result<Option<(Duration, Event)>, Error> {
        while let Some(Entry { at_us, what }) = self.entries.next()? {
            let event = match what {
                What::Start | What::Answer { .. } | What::Sent { .. } => continue,
                What::Bytes { length } => {
                    let mut bytes = vec![0; length];
                    self.line.read_exact(&mut bytes).map_err(at(&self.path))?;
                    Event::Bytes(bytes)
                }
                What::Closed { why } => Event::Closed(why),
                What::LoadFailed { reason } => Event::LoadFailed(reason),
                What::Ours => Event::Ours,
                What::Lost { reason } => Event::Lost(reason),
                What::Inspected { report } => Event::Inspected(report),
                What::Kept { report } => Event::Kept(report),
                What::Account { account } => Event::Account(account),
                What::Tick => Event::Tick,
                What::Interrupted => Event::Interrupted,
            };
            return Ok(Some((Duration::from_micros(at_us), event)));
        }
        Ok(None)
    }
}

impl Iterator for Events {
    type Item = Result<(Duration, Event), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn read_header(directory: &Path) -> Result<Header, Error> {
    /// Read first: the rest of another version's header may not be readable.
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let path = directory.join(HEADER_FILE);
    let text = fs::read(&path).map_err(at(&path))?;
    let broken = |source| Error::Header { path: path.clone(), source };
    let Version { format: found } = serde_json::from_slice(&text).map_err(broken)?;
    if found != FORMAT {
        return Err(Error::Format { path, found });
    }
    serde_json::from_slice(&text).map_err(broken)
}
