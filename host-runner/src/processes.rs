//! Other programs, none of which may outlive this one or keep it waiting without end.
//!
//! Each gets a process group of its own, which is killed whole: a wrapper script would otherwise leave its child behind,
//! and the terminal's Ctrl-C would reach the child before this program could ask it what it was doing. What outlives this
//! program although it was killed is ended by its keeper (`keeper`).

mod errand;
mod keeper;

pub(crate) use errand::Errand;

use keeper::Keeper;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a process is asked whether it has ended.
const GLANCE: Duration = Duration::from_millis(5);

/// How long the last words of a program that has ended may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// This program's keeper, from the first process on.
static KEEPER: LazyLock<io::Result<Mutex<Keeper>>> = LazyLock::new(|| Keeper::start().map(Mutex::new));

/// A group of processes that was started here. Dropping it kills all of them.
#[derive(Debug)]
pub(crate) struct Group(Pid);

impl Group {
    /// The group of `child`, which was started with `process_group(0)`.
    pub(crate) fn of(child: &Child) -> Self {
        // A process id fits: the kernel's own type for it is signed and 32 bits wide.
        let group = Pid::from_raw(child.id().cast_signed());
        with_keeper(|keeper| keeper.kill(group));
        Self(group)
    }

    /// Kills all of it.
    pub(crate) fn kill(&self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        with_keeper(|keeper| keeper.spare(self.0));
    }
}

/// A folder of this program's own, which goes when it has ended.
pub(crate) fn folder() -> Result<PathBuf, String> {
    let keeper =
        KEEPER.as_ref().map_err(|error| format!("there is no folder for temporary files: {error}"))?;
    Ok(keeper.lock().unwrap_or_else(PoisonError::into_inner).folder().to_owned())
}

fn with_keeper(tell: impl FnOnce(&mut Keeper)) {
    if let Ok(keeper) = KEEPER.as_ref() {
        tell(&mut keeper.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How a program that was given a deadline came to its end.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How it ended; none if it had to be killed.
    pub(crate) status: Option<ExitStatus>,
    /// What it said, on both of its streams, in the order in which it arrived.
    pub(crate) said: String,
}

impl Outcome {
    /// Whether it ended by itself, and well.
    pub(crate) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs `command` for at most `within`. It is killed earlier where what it has said is `hopeless`.
pub(crate) fn run_within(
    command: &mut Command,
    within: Duration,
    hopeless: impl Fn(&str) -> bool,
) -> io::Result<Outcome> {
    let deadline = Instant::now() + within;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let group = Group::of(&child);
    let said = Arc::new(Mutex::new(Vec::new()));
    let readers = [
        child.stdout.take().map(|stream| collect(stream, &said)),
        child.stderr.take().map(|stream| collect(stream, &said)),
    ];
    let so_far = || String::from_utf8_lossy(&lock(&said)).into_owned();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() >= deadline || hopeless(&so_far()) {
            break None;
        }
        thread::sleep(GLANCE);
    };
    // Whatever it started may still hold its output open, and the readers wait for the end of that.
    drop(group);
    child.wait()?;
    // What has left the group is out of reach, and may hold the output open for ever: a connection that `ssh` keeps.
    let deadline = Instant::now() + LAST_WORDS;
    while readers.iter().flatten().any(|reader| !reader.is_finished()) && Instant::now() < deadline {
        thread::sleep(GLANCE);
    }
    Ok(Outcome { status, said: so_far() })
}

fn collect(mut stream: impl Read + Send + 'static, said: &Arc<Mutex<Vec<u8>>>) -> thread::JoinHandle<()> {
    let said = Arc::clone(said);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            lock(&said).extend_from_slice(buffer.get(..length).unwrap_or_default());
        }
    })
}

fn lock(said: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str, within: Duration, hopeless: impl Fn(&str) -> bool) -> Outcome {
        run_within(Command::new("sh").args(["-c", script]), within, hopeless).unwrap()
    }

    #[test]
    fn what_is_said_and_how_it_ends_is_kept() {
        let outcome = shell("echo out; echo err >&2; exit 3", LONG, |_| false);
        assert_eq!(outcome.status.and_then(|status| status.code()), Some(3));
        assert!(outcome.said.contains("out\n") && outcome.said.contains("err\n"), "{outcome:?}");
        assert!(!outcome.succeeded());
        assert!(shell("true", LONG, |_| false).succeeded());
    }

    #[test]
    fn a_program_that_waits_for_ever_is_ended_with_its_children() {
        let outcome = shell("echo begun; sleep 1000 & sleep 1000", Duration::from_millis(200), |_| false);
        assert!(outcome.status.is_none());
    }

    #[test]
    fn a_hopeless_word_ends_it_at_once() {
        let before = Instant::now();
        let outcome = shell("echo no hope; sleep 1000", LONG, |said| said.contains("no hope"));
        assert!(outcome.status.is_none() && before.elapsed() < LONG, "{outcome:?}");
    }

    #[test]
    fn a_child_that_holds_the_output_open_keeps_nobody_waiting() {
        assert!(shell("sleep 1000 & exit 0", LONG, |_| false).succeeded());
    }

    #[test]
    fn a_child_that_has_left_the_group_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("left");
        let left = left.display();
        let script =
            format!("setsid sh -c 'echo $$ > {left}; exec sleep 60' & while ! [ -s {left} ]; do :; done");
        let before = Instant::now();
        assert!(shell(&script, LONG, |_| false).succeeded());
        let elapsed = before.elapsed();
        assert!(shell(&format!("kill $(cat {left})"), LONG, |_| false).succeeded(), "it is still there");
        assert!(elapsed < LONG, "{elapsed:?}");
    }

    #[test]
    fn a_missing_program_is_an_error() {
        assert!(run_within(&mut Command::new("/nowhere/at/all"), LONG, |_| false).is_err());
    }
}
