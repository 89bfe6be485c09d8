//! A phone's line passed on over TCP, as a farm does with its boards' adapters: whoever connects hears all that is said from
//! then on, and what anybody sends is heard by the phone.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a listener may take to make room before it is no longer waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether somebody has sent something.
const GLANCE: Duration = Duration::from_millis(2);

/// The phone's end of a line that anybody may connect to. Dropping it takes the line away.
#[derive(Debug)]
pub(super) struct Network {
    listener: TcpListener,
    address: SocketAddr,
    /// Who is connected. Nobody waits for the lock longer than it takes to say something to all of them.
    ends: Mutex<Vec<TcpStream>>,
}

impl Network {
    /// A line at a port of this machine that is free.
    pub(super) fn open() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self { address: listener.local_addr()?, listener, ends: Mutex::default() })
    }

    /// Where to connect to.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says `bytes` to all who are connected, and loses them if nobody is.
    pub(super) fn write(&self, bytes: &[u8]) {
        self.ends().retain_mut(|end| say(end, bytes));
    }

    /// What was sent, waiting for it at most `within`.
    pub(super) fn read(&self, within: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + within;
        loop {
            let mut heard = Vec::new();
            self.ends().retain_mut(|end| hear(end, &mut heard));
            if !heard.is_empty() {
                return Some(heard);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            thread::sleep(GLANCE.min(left));
        }
    }

    /// All who are connected by now: who was before something is said hears it.
    fn ends(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok((end, _)) = self.listener.accept() {
            if end.set_nonblocking(true).and_then(|()| end.set_nodelay(true)).is_ok() {
                ends.push(end);
            }
        }
        ends
    }
}

/// Whether the end is still there. One that makes no room is given up.
fn say(end: &mut TcpStream, bytes: &[u8]) -> bool {
    let (mut rest, deadline) = (bytes, Instant::now() + PATIENCE);
    while !rest.is_empty() {
        match end.write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(GLANCE);
            }
            Err(_) => return false,
        }
    }
    true
}

/// Takes what the end has sent; whether it is still there.
fn hear(end: &mut TcpStream, heard: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    match end.read(&mut buffer) {
        Ok(0) => false,
        Ok(length) => {
            heard.extend_from_slice(buffer.get(..length).unwrap_or_default());
            true
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn connect(line: &Network) -> TcpStream {
        let end = TcpStream::connect(line.address()).unwrap();
        end.set_read_timeout(Some(LONG)).unwrap();
        end
    }

    #[test]
    fn all_who_are_connected_hear_and_are_heard() {
        let line = Network::open().unwrap();
        line.write(b"to nobody");
        let mut ends = [connect(&line), connect(&line)];
        line.write(b"hello");
        for end in &mut ends {
            let mut heard = [0; 5];
            end.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"hello");
            end.write_all(b"!").unwrap();
            assert_eq!(line.read(LONG).as_deref(), Some(b"!".as_slice()));
        }
    }

    #[test]
    fn one_who_goes_keeps_nobody_from_hearing() {
        let line = Network::open().unwrap();
        drop(connect(&line));
        let mut end = connect(&line);
        end.write_all(b"?").unwrap();
        assert_eq!(line.read(LONG).as_deref(), Some(b"?".as_slice()));
        line.write(b"ok");
        let mut heard = [0; 2];
        end.read_exact(&mut heard).unwrap();
        assert_eq!((&heard, line.ends().len()), (b"ok", 1));
    }
}
