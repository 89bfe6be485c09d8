//! QEMU's control socket: one question, one answer, never a wait without an end.
//!
//! The protocol is a JSON object a line (QEMU `docs/interop/qmp-spec.rst`): a greeting, then `qmp_capabilities`
//! to leave the negotiation, then commands. Events may come in between.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// QEMU answers at once or not at all.
const DEADLINE: Duration = Duration::from_secs(1);

/// What QEMU's human monitor answers to `command`.
///
/// # Errors
///
/// When the socket is not there, or QEMU does not answer in time.
pub(super) fn monitor(socket: &Path, command: &str) -> Result<String> {
    let mut talk = Talk::begin(UnixStream::connect(socket)?)?;
    talk.ask(&json!({"execute": "qmp_capabilities"}))?;
    let answer =
        talk.ask(&json!({"execute": "human-monitor-command", "arguments": {"command-line": command}}))?;
    answer.as_str().map(str::to_owned).ok_or_else(|| Error::other(format!("unexpected answer {answer}")))
}

struct Talk {
    reader: BufReader<UnixStream>,
    deadline: Instant,
}

impl Talk {
    fn begin(stream: UnixStream) -> Result<Self> {
        let mut talk = Self { reader: BufReader::new(stream), deadline: Instant::now() + DEADLINE };
        talk.read()?;
        Ok(talk)
    }

    fn ask(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.reader.get_mut(), "{command}")?;
        loop {
            let mut answer = self.read()?;
            if let Some(result) = answer.get_mut("return") {
                return Ok(result.take());
            }
            if let Some(error) = answer.get("error") {
                return Err(Error::other(error.to_string()));
            }
        }
    }

    fn read(&mut self) -> Result<Value> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // A zero time-out would mean none at all.
        self.reader.get_ref().set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let mut line = String::new();
        match self.reader.read_line(&mut line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(serde_json::from_str(&line)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::thread;

    /// Asks a QEMU that says `lines`, whatever it is told.
    fn ask(lines: &'static str) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let listener = UnixListener::bind(&path).unwrap();
        let fake = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(lines.as_bytes()).unwrap();
            stream
        });
        let answer = monitor(&path, "info registers -a");
        drop(fake.join());
        answer
    }

    #[test]
    fn the_answer_is_found_between_events() {
        let answer =
            ask("{\"QMP\":{}}\n{\"return\":{}}\n{\"event\":\"STOP\"}\n{\"return\":\"PC=0\\r\\n\"}\n");
        assert_eq!(answer.unwrap(), "PC=0\r\n");
    }

    #[test]
    fn refusal_and_silence_are_errors_in_time() {
        assert!(ask("{\"QMP\":{}}\n{\"error\":{\"desc\":\"no\"}}\n").unwrap_err().to_string().contains("no"));
        let before = Instant::now();
        assert!(ask("{\"QMP\":{}}\n").is_err());
        assert!(before.elapsed() < DEADLINE * 3);
        assert!(monitor(Path::new("/nowhere/qmp"), "info").is_err());
    }
}
