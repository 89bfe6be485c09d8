//! Fastboot over TCP, the phone's side: the greeting and packets of a length and that many bytes.
//!
//! Both sides begin with `FB01`. Then every packet, in both directions, is a length of eight bytes, most significant first,
//! and its content (AOSP `fastboot/README.md`, "TCP Protocol v1").

use std::io::{Error, ErrorKind, Read, Result, Write};

/// What both sides say first: the protocol and its version.
pub(super) const GREETING: [u8; 4] = *b"FB01";

/// The longest command; what is longer is no command (AOSP `fastboot/constants.h`, `FB_COMMAND_SZ`, in its newer form).
const MAX_COMMAND: u64 = 4096;

/// A connection from a `fastboot` program.
#[derive(Debug)]
pub(super) struct Packets<S> {
    stream: S,
}

impl<S: Read + Write> Packets<S> {
    /// Exchanges greetings, ours being `greeting`.
    pub(super) fn begin(mut stream: S, greeting: [u8; 4]) -> Result<Self> {
        stream.write_all(&greeting)?;
        let mut theirs = [0; GREETING.len()];
        stream.read_exact(&mut theirs)?;
        if !theirs.starts_with(b"FB") {
            return Err(Error::new(ErrorKind::InvalidData, "a greeting that is none of fastboot's"));
        }
        Ok(Self { stream })
    }

    /// The next command; none at the end of the connection.
    pub(super) fn command(&mut self) -> Result<Option<String>> {
        let length = match self.length() {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            length => length?,
        };
        if length > MAX_COMMAND {
            return Err(Error::new(ErrorKind::InvalidData, format!("a command of {length} bytes")));
        }
        let mut command = Vec::new();
        self.take(length, &mut command)?;
        Ok(Some(String::from_utf8_lossy(&command).into_owned()))
    }

    /// Exactly `bytes` bytes of data, in however many packets they come.
    pub(super) fn data(&mut self, bytes: u64) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        while (data.len() as u64) < bytes {
            let length = self.length()?;
            if length > bytes - data.len() as u64 {
                return Err(Error::new(ErrorKind::InvalidData, "more data than was announced"));
            }
            self.take(length, &mut data)?;
        }
        Ok(data)
    }

    /// Answers: `OKAY`, `FAIL`, `INFO` or `DATA` and what belongs to it.
    pub(super) fn answer(&mut self, answer: &str) -> Result<()> {
        self.stream.write_all(&(answer.len() as u64).to_be_bytes())?;
        self.stream.write_all(answer.as_bytes())?;
        self.stream.flush()
    }

    /// The connection itself, to do with it what breaks the protocol.
    pub(super) const fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    fn length(&mut self) -> Result<u64> {
        let mut length = [0; 8];
        self.stream.read_exact(&mut length)?;
        Ok(u64::from_be_bytes(length))
    }

    /// Without believing the length before the bytes have come.
    fn take(&mut self, length: u64, into: &mut Vec<u8>) -> Result<()> {
        let got = (&mut self.stream).take(length).read_to_end(into)?;
        if got as u64 == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// What the program says; what is answered is kept.
    struct Script {
        said: Cursor<Vec<u8>>,
        answered: Vec<u8>,
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            self.said.read(buffer)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.answered.write(bytes)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn begin(said: &[&[u8]]) -> Result<Packets<Script>> {
        Packets::begin(Script { said: Cursor::new(said.concat()), answered: Vec::new() }, GREETING)
    }

    #[test]
    fn a_session_is_spoken_as_the_real_program_was_seen_to() {
        let said: [&[u8]; 6] = [
            b"FB01",
            b"\0\0\0\0\0\0\0\x11download:00000003",
            b"\0\0\0\0\0\0\0\x02ab",
            b"\0\0\0\0\0\0\0\x01c",
            b"\0\0\0\0\0\0\0\x04boot",
            b"",
        ];
        let mut packets = begin(&said).unwrap();
        assert_eq!(packets.command().unwrap().unwrap(), "download:00000003");
        packets.answer("DATA00000003").unwrap();
        assert_eq!(packets.data(3).unwrap(), b"abc");
        packets.answer("OKAY").unwrap();
        assert_eq!(packets.command().unwrap().unwrap(), "boot");
        assert_eq!(packets.command().unwrap(), None);
        assert_eq!(packets.stream().answered, b"FB01\0\0\0\0\0\0\0\x0cDATA00000003\0\0\0\0\0\0\0\x04OKAY");
    }

    #[test]
    fn lengths_are_not_believed() {
        assert!(begin(&[b"HTTP"]).is_err());
        let huge = [b"FB01".as_slice(), &[0xff; 8]];
        assert!(begin(&huge).unwrap().command().is_err());
        assert!(begin(&huge).unwrap().data(3).is_err());
        let cut = [b"FB01".as_slice(), b"\0\0\0\0\0\0\0\x09ab"];
        assert!(begin(&cut).unwrap().command().is_err());
        assert!(begin(&cut).unwrap().data(9).is_err());
    }
}
