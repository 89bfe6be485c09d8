//! Boards that are a QEMU process, started for every boot. Its standard input and output are the line, or its debug server is.

use super::{BootCount, Incoming, inspect, qmp, ring};
use crate::board::{Link, QemuOptions};
use crate::dump::{Dump, Region};
use crate::gdb::Address;
use crate::image::Symbols;
use crate::link::DebugLine;
use crate::processes::{Group, folder};
use crate::session::Closed;
use crate::setup::how_to_install_qemu;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PROGRAM: &str = "qemu-system-aarch64";

/// How long a process whose output has ended may take to end itself.
const ENDING: Duration = Duration::from_secs(2);

/// Starts QEMU.
#[derive(Debug)]
pub struct Qemu {
    options: QemuOptions,
    line: LineKind,
    kernel: PathBuf,
    symbols: Rc<Symbols>,
}

/// How the board inside is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    Serial,
    /// By the ring at this address of its memory.
    Ring(u64),
}

/// The way to a board that runs.
#[derive(Debug)]
enum Line {
    Serial(Sender<Vec<u8>>),
    Debug(DebugLine),
}

/// One QEMU.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Group,
    line: Line,
    complaints: Option<JoinHandle<String>>,
    /// The control socket. In the system's folder for temporary files, because a socket's path may have 107 bytes and a
    /// run's folder lies deep.
    control: PathBuf,
    symbols: Rc<Symbols>,
}

impl LineKind {
    /// What `link` is for this image.
    pub(super) fn new(link: &Link, symbols: &Symbols) -> miette::Result<Self> {
        match link {
            Link::Gdb => ring(symbols).map(Self::Ring),
            Link::QemuSerial | Link::Serial(_) => Ok(Self::Serial),
        }
    }
}

impl Qemu {
    pub(super) fn new(options: QemuOptions, line: LineKind, kernel: PathBuf, symbols: Rc<Symbols>) -> Self {
        Self { options, line, kernel, symbols }
    }

    pub(super) fn boot(&self, boot: BootCount, inbox: Sender<Incoming>) -> Result<Process, String> {
        let control = control_socket()?;
        let command = self.command(&control);
        start(command, self.line, control, Rc::clone(&self.symbols), boot, inbox)
    }

    fn command(&self, control: &Path) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments(&self.options)).arg("-kernel").arg(&self.kernel);
        command.arg("-qmp").arg(listening_at(control));
        match self.line {
            LineKind::Serial => command.args(STDIO_LINE),
            LineKind::Ring(_) => command
                .args(["-serial", "none", "-append", wire::RAM_LINK, "-gdb"])
                .arg(listening_at(&debug_socket(control))),
        };
        command
    }
}

fn listening_at(socket: &Path) -> String {
    format!("unix:{},server=on,wait=off", socket.display())
}

/// Where the debug server of the QEMU with this control socket listens.
fn debug_socket(control: &Path) -> PathBuf {
    control.with_extension("gdb")
}

/// Starts a QEMU whose control socket is `control`.
fn start(
    mut command: Command,
    line: LineKind,
    control: PathBuf,
    symbols: Rc<Symbols>,
    boot: BootCount,
    inbox: Sender<Incoming>,
) -> Result<Process, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| cannot_start(&error))?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err("QEMU was started without its pipes".to_owned());
    };
    let group = Group::of(&child);
    let line = match line {
        LineKind::Serial => Line::Serial(serial_line(stdin)),
        LineKind::Ring(ring) => {
            let server = Address::Socket(debug_socket(&control));
            // Relaxed: it is only looked whether to go on.
            let connect = move |over: &AtomicBool| server.connect(|| over.load(Ordering::Relaxed));
            Line::Debug(DebugLine::open(connect, ring, boot, inbox.clone()))
        }
    };
    // It ends when QEMU does, whatever the line is.
    thread::spawn(move || read_line(stdout, boot, &inbox));
    let complaints = Some(thread::spawn(move || read_complaints(stderr)));
    Ok(Process { child, group, line, complaints, control, symbols })
}

fn serial_line(stdin: ChildStdin) -> Sender<Vec<u8>> {
    let (outbox, orders) = channel();
    thread::spawn(move || write_orders(stdin, &orders));
    outbox
}

/// A place for the control socket of another QEMU.
pub(crate) fn control_socket() -> Result<PathBuf, String> {
    static SOCKETS: AtomicU32 = AtomicU32::new(0);
    // Relaxed: that numbers differ is all that matters.
    Ok(folder()?.join(format!("qmp{}", SOCKETS.fetch_add(1, Ordering::Relaxed))))
}

/// What does not depend on the board. Semihosting stays off: the firmware answers its own semihosting calls, and a QEMU
/// that answered them would hide a fault there.
pub(crate) const FIXED: [&str; 6] =
    ["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"];

/// The board's first serial port is QEMU's standard input and output.
pub(crate) const STDIO_LINE: [&str; 4] = ["-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line"];

fn arguments(options: &QemuOptions) -> Vec<String> {
    let level = if options.virtualization { ",virtualization=on" } else { "" };
    let machine = format!("{}{level}", options.machine);
    let (cores, memory) = (options.cores.to_string(), format!("{}M", options.memory >> 20));
    let varying = ["-machine", &machine, "-cpu", &options.cpu, "-smp", &cores, "-m", &memory];
    let counting: &[&str] = if options.counts_instructions { &["-icount", "shift=0"] } else { &[] };
    [varying.as_slice(), &FIXED, counting].concat().into_iter().map(str::to_owned).collect()
}

fn cannot_start(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{PROGRAM} is not installed; {}", how_to_install_qemu()),
        _ => format!("cannot start {PROGRAM}: {error}"),
    }
}

impl Process {
    pub(super) fn send(&self, bytes: Vec<u8>) {
        match &self.line {
            // The writer is gone when QEMU is, and that is told by the end of its output.
            Line::Serial(outbox) => drop(outbox.send(bytes)),
            Line::Debug(line) => line.send(bytes),
        }
    }

    pub(super) fn inspect(&self) -> Option<String> {
        if let Line::Debug(line) = &self.line {
            return Some(inspect::describe_cores(&line.cores()?, &self.symbols));
        }
        let registers = qmp::monitor(&self.control, "info registers -a").ok()?;
        Some(inspect::describe(&registers, &self.symbols))
    }

    pub(super) fn dump(&self, regions: &[Region]) -> Option<Vec<Dump>> {
        match &self.line {
            Line::Debug(line) => line.dump(regions),
            Line::Serial(_) => None,
        }
    }

    pub(super) fn why_ended(&mut self) -> Closed {
        let deadline = Instant::now() + ENDING;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return self.closed(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        match &self.line {
            Line::Debug(line) => line.why_ended(),
            Line::Serial(_) => Closed::Lost("QEMU closed its output and did not end".to_owned()),
        }
    }

    fn closed(&mut self, status: ExitStatus) -> Closed {
        // Whatever it started may still hold its output open; what it said by now is all there is to know.
        self.group.kill();
        let complaints = self.complaints.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        if status.success() { Closed::PoweredOff } else { Closed::Lost(ended_badly(status, &complaints)) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
        let _ = self.child.wait();
    }
}

fn ended_badly(status: ExitStatus, complaints: &str) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("QEMU ended with exit code {code}"),
        (None, Some(signal)) => format!("QEMU was killed by signal {signal}"),
        (None, None) => format!("QEMU ended: {status}"),
    };
    if complaints.is_empty() { how } else { format!("{how}: {complaints}") }
}

fn write_orders(mut stdin: ChildStdin, orders: &Receiver<Vec<u8>>) {
    for bytes in orders {
        if stdin.write_all(&bytes).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_line(mut stdout: ChildStdout, boot: BootCount, inbox: &Sender<Incoming>) {
    let mut buffer = [0; 16 << 10];
    loop {
        let bytes = match stdout.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => buffer.get(..length).unwrap_or_default().to_vec(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if inbox.send(Incoming::Bytes { boot, at: Instant::now(), bytes }).is_err() {
            return;
        }
    }
    // Nobody listens any more when the run is over.
    let _ = inbox.send(Incoming::Ended(boot));
}

/// The last lines of what a program complained about, on one line.
pub(super) fn read_complaints(mut stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let _ = stderr.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Board, Load};
    use crate::workspace::Workspace;

    fn options(board: &str) -> QemuOptions {
        match Board::find(&Workspace::find().unwrap(), board).unwrap().load {
            Load::Qemu(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_machine_is_the_boards() {
        let line = arguments(&options("qemu-virt")).join(" ");
        assert!(line.starts_with("-machine virt,gic-version=3 -cpu cortex-a72 -smp 8 -m 8192M"), "{line}");
        assert!(!line.contains("semihosting"));
        let line = arguments(&options("qemu-virt-el2")).join(" ");
        assert!(line.contains("virt,gic-version=3,virtualization=on"), "{line}");
    }

    #[test]
    fn a_bad_end_says_how_and_why() {
        let failed = ExitStatus::from_raw(1 << 8);
        assert_eq!(ended_badly(failed, "no room; no hope"), "QEMU ended with exit code 1: no room; no hope");
        assert_eq!(ended_badly(ExitStatus::from_raw(11), ""), "QEMU was killed by signal 11");
    }

    #[test]
    fn a_missing_program_says_how_to_install_it() {
        let error = std::io::Error::from(ErrorKind::NotFound);
        assert!(cannot_start(&error).contains("install"), "{}", cannot_start(&error));
    }
}
