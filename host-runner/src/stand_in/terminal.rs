//! A pseudo-terminal that stands for the debug adapter at a phone: what is written at one end of it is a serial port at
//! the other.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{read, ttyname, write};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a listener may take to make room before bytes are lost, as they are on a real line.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a terminal that nobody has open is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// The phone's end of a line. Dropping it is unplugging the adapter.
#[derive(Debug)]
pub struct Terminal {
    phone: OwnedFd,
    path: PathBuf,
}

impl Terminal {
    /// A new line. Nobody has its other end open yet.
    ///
    /// # Errors
    ///
    /// When the system has no pseudo-terminal to give.
    pub fn open() -> io::Result<Self> {
        let pair = openpty(None, None)?;
        // Until whoever opens it sets it up, nothing that the phone says may come back as an echo.
        let mut settings = tcgetattr(&pair.slave)?;
        cfmakeraw(&mut settings);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &settings)?;
        let path = ttyname(&pair.slave)?;
        fcntl(&pair.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        // The other end is closed again: a line that nobody has open loses what is said on it, and never fills up.
        Ok(Self { phone: pair.master, path })
    }

    /// What a runner opens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says `bytes`. They are lost if nobody listens.
    pub fn write(&self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match write(&self.phone, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::EAGAIN) if self.has_room(PATIENCE) => {}
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// What the other end has sent, waiting for it at most `within`.
    #[must_use]
    pub fn read(&self, within: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + within;
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // What was sent before the other end was closed still arrives.
            if self.wait(PollFlags::POLLIN, left).contains(PollFlags::POLLIN)
                && let Ok(length @ 1..) = read(&self.phone, &mut buffer)
            {
                return Some(buffer.get(..length).unwrap_or_default().to_vec());
            }
            if left.is_zero() {
                return None;
            }
            // Where nobody has the other end open, waiting ends at once.
            thread::sleep(GLANCE.min(left));
        }
    }

    /// Whether there is room for more. Where nobody listens there is none.
    fn has_room(&self, within: Duration) -> bool {
        let happened = self.wait(PollFlags::POLLOUT, within);
        happened.contains(PollFlags::POLLOUT) && !happened.contains(PollFlags::POLLHUP)
    }

    fn wait(&self, wanted: PollFlags, within: Duration) -> PollFlags {
        let mut ends = [PollFd::new(self.phone.as_fd(), wanted)];
        let within = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
        // An error is as nothing that happened: whoever waits tries again until its own time is over.
        let _ = poll(&mut ends, within);
        let [end] = ends;
        end.revents().unwrap_or(PollFlags::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_nobody_at_the_other_end_nothing_waits() {
        let terminal = Terminal::open().unwrap();
        let before = Instant::now();
        for _ in 0..100 {
            terminal.write(&[7; 4096]);
        }
        assert_eq!(terminal.read(Duration::ZERO), None);
        assert!(before.elapsed() < Duration::from_secs(60), "each write would have waited {PATIENCE:?}");
    }
}
