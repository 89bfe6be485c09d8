//! Where a server listens, and the way there.

use super::client::{Client, Stream};
use super::error::GdbError;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to listen.
const STARTING: Duration = Duration::from_secs(20);
/// How often it is looked whether it does.
const GLANCE: Duration = Duration::from_millis(2);

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// At a socket of the file system.
    Socket(PathBuf),
    /// At `host:port`.
    Port(String),
}

impl Address {
    /// Connects to a server that is being started, unless `is_over` before it listens.
    ///
    /// # Errors
    ///
    /// When it does not listen in time, or is no server.
    pub fn connect(&self, mut is_over: impl FnMut() -> bool) -> Result<Client, GdbError> {
        let deadline = Instant::now() + STARTING;
        loop {
            match self.open() {
                Ok(stream) => return Client::connect(stream),
                Err(error) if is_early(&error) && Instant::now() < deadline && !is_over() => {
                    thread::sleep(GLANCE);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The address itself; with port 0, a port of this machine that is free now.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn settled(self) -> io::Result<Self> {
        match self {
            Self::Port(address) if address.ends_with(":0") => {
                let free = TcpListener::bind(address)?.local_addr()?;
                Ok(Self::Port(free.to_string()))
            }
            other => Ok(other),
        }
    }

    /// Its port, if it has one.
    #[must_use]
    pub fn port(&self) -> Option<&str> {
        match self {
            Self::Socket(_) => None,
            Self::Port(address) => address.rsplit_once(':').map(|(_, port)| port),
        }
    }

    fn open(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Socket(path) => Box::new(UnixStream::connect(path)?),
            Self::Port(address) => {
                let stream = TcpStream::connect(address)?;
                // A request is one write, and waits for its answer.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        })
    }
}

/// Whether the server may just not have come as far as listening.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_server_that_will_never_listen_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Socket(folder.path().join("nobody"));
        let mut looks = 0;
        let is_over = || {
            looks += 1;
            looks == 3
        };
        let error = address.connect(is_over).unwrap_err();
        assert!(matches!(error, GdbError::Broken(_)), "{error}");
        assert_eq!(looks, 3);
    }

    #[test]
    fn a_server_that_listens_late_is_met() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late");
        let address = Address::Socket(path.clone());
        let mut listener = None;
        let mut begin = || {
            let accept = |listener: UnixListener| thread::spawn(move || drop(listener.accept()));
            listener.get_or_insert_with(|| accept(UnixListener::bind(&path).unwrap()));
            false
        };
        let error = address.connect(&mut begin).unwrap_err();
        assert!(matches!(error, GdbError::Closed | GdbError::Broken(_)), "it was met, and went: {error}");
        assert!(listener.is_some());
    }
}
