//! Reads a recording, as far as it goes.

use super::writer::at;
use super::{EVENTS_FILE, Entry, Error, FORMAT, HEADER_FILE, Header, LINE_FILE, What};
use crate::session::{Answer, Event};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What was to be run, and how.
    pub header: Header,
    /// When the session was started, unless the runner was killed before that.
    pub start: Option<Duration>,
    /// What the session was given, and when.
    pub events: Vec<(Duration, Event)>,
    /// What the host answered when the session asked it, in turn.
    pub answers: Vec<Answer>,
}

impl Recording {
    /// Reads the recording in `directory`. What its end lacks, because the runner was killed, is left out.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or holds something else than a recording.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let header = read_header(directory)?;
        let path = directory.join(EVENTS_FILE);
        let text = fs::read(&path).map_err(at(&path))?;
        let path_of_line = directory.join(LINE_FILE);
        let line = fs::read(&path_of_line).map_err(at(&path_of_line))?;
        let mut recording = Self { header, start: None, events: Vec::new(), answers: Vec::new() };
        let mut rest = line.as_slice();
        for (number, entry) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            // A line without an end was not written as a whole.
            let Some(entry) = entry.strip_suffix(b"\n") else { break };
            let entry = serde_json::from_slice::<Entry>(entry).map_err(|source| Error::Event {
                path: path.clone(),
                line: number + 1,
                source,
            })?;
            if recording.take(entry, &mut rest).is_none() {
                break;
            }
        }
        Ok(recording)
    }

    /// Adds an entry; `None` if bytes that it counts are not there.
    fn take(&mut self, entry: Entry, line: &mut &[u8]) -> Option<()> {
        let at = Duration::from_micros(entry.at_us);
        let event = match entry.what {
            What::Start => {
                self.start = Some(at);
                return Some(());
            }
            What::Answer { answer } => {
                self.answers.push(answer);
                return Some(());
            }
            What::Sent { .. } => return Some(()),
            What::Bytes { length } => Event::Bytes(line.split_off(..length)?.to_vec()),
            What::Closed { why } => Event::Closed(why),
            What::LoadFailed { reason } => Event::LoadFailed(reason),
            What::Inspected { report } => Event::Inspected(report),
            What::Account { account } => Event::Account(account),
            What::Tick => Event::Tick,
            What::Interrupted => Event::Interrupted,
        };
        self.events.push((at, event));
        Some(())
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
