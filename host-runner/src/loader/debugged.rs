//! Boards that a debug server loads: it is started for every boot, stops the board, writes image and device tree into its
//! memory, and has it begin. It is this run's alone from its first boot to the run's end, unless it is an emulator's.

use super::held::{Held, Reach};
use super::qemu::read_complaints;
use super::{BootCount, Incoming, Task, inspect, ring};
use crate::board::{Board, GdbOptions, Hooks};
use crate::dump::{Dump, Region};
use crate::gdb::{Address, Client, GdbError, Loading};
use crate::image::Symbols;
use crate::interrupt;
use crate::lease;
use crate::link::DebugLine;
use crate::processes::{Group, folder};
use crate::session::Closed;
use crate::twin::tree::{escaped, flatten};
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, WrapErr};
use std::cell::RefCell;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

/// Starts an image by a debug server.
#[derive(Debug)]
pub struct Debugged {
    board: String,
    held: RefCell<Held>,
    /// The board's.
    folder: PathBuf,
    options: GdbOptions,
    loading: Loading,
    ring: u64,
    symbols: Rc<Symbols>,
}

/// A board that runs an image, and the server that watches it.
#[derive(Debug)]
pub struct DebuggedBoard {
    // First: the connection ends before the server does.
    line: DebugLine,
    _server: Server,
    symbols: Rc<Symbols>,
}

/// A server that was started. Dropping it ends it.
#[derive(Debug)]
struct Server {
    child: Child,
    group: Group,
    complaints: Option<JoinHandle<String>>,
}

impl Debugged {
    pub(super) fn new(
        workspace: &Workspace,
        board: &Board,
        options: &GdbOptions,
        kernel: &Path,
        symbols: Rc<Symbols>,
        task: &Task,
    ) -> miette::Result<Self> {
        let ring = ring(&symbols)?;
        let image = std::fs::read(kernel).into_diagnostic().wrap_err("the image cannot be read")?;
        let folder = workspace.boards().join(&board.name);
        let source = folder.join(&options.source);
        let shown = workspace.relative(&source).display().to_string();
        let source = std::fs::read_to_string(&source).into_diagnostic().wrap_err(shown)?;
        let words = escaped(&format!("{} {}", wire::RAM_LINK, task.command_line));
        let tree = flatten(&format!("{source}\n/ {{ chosen {{ bootargs = \"{words}\"; }}; }};\n"))?;
        let loading = Loading {
            monitor: options.monitor.clone(),
            image: (options.image, image),
            tree: (options.tree, tree),
        };
        let held = match options.is_emulated() {
            true => Held::alone(task.total),
            false => {
                let reach = Reach::new(&board.name, &Hooks::default(), None);
                Held::shared(lease::shared_folder(), task.total + board.budgets.boot, reach)
            }
        };
        let (board, held) = (board.name.clone(), RefCell::new(held));
        Ok(Self { board, held, folder, options: options.clone(), loading, ring, symbols })
    }

    pub(super) fn boot(&self, boot: BootCount, inbox: Sender<Incoming>) -> Result<DebuggedBoard, String> {
        let mut held = self.held.borrow_mut();
        held.hold(&self.board)?;
        let socket = socket()?;
        let address = self.options.address.clone().unwrap_or_else(|| Address::Socket(socket.clone()));
        let address = address.settled().map_err(|error| format!("no port is free: {error}"))?;
        let mut server = Server::start(&self.options.server, &self.folder, &socket, &address)?;
        let connected = address.connect(|| server.has_ended() || interrupt::is_wanted());
        let client = connected.and_then(|client| self.load(client)).map_err(|error| server.failed(&error))?;
        // It answers, whatever became of whoever had it last.
        held.mark(None);
        let line = DebugLine::open(|_| Ok(client), self.ring, boot, inbox);
        Ok(DebuggedBoard { line, _server: server, symbols: Rc::clone(&self.symbols) })
    }

    fn load(&self, mut client: Client) -> Result<Client, GdbError> {
        client.load(&self.loading)?;
        Ok(client)
    }
}

impl Server {
    /// In the board's folder, so that what lies there needs no path.
    fn start(command: &str, folder: &Path, socket: &Path, address: &Address) -> Result<Self, String> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(folder).env("FRAMEKEEPER_GDB", socket);
        if let Some(port) = address.port() {
            shell.env("FRAMEKEEPER_GDB_PORT", port);
        }
        if let Ok(runner) = std::env::current_exe() {
            shell.env("FRAMEKEEPER_RUNNER", runner);
        }
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let mut child = shell.spawn().map_err(|error| format!("cannot start sh: {error}"))?;
        let group = Group::of(&child);
        let complaints = child.stderr.take().map(|stderr| thread::spawn(move || read_complaints(stderr)));
        Ok(Self { child, group, complaints })
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Why the board was not started, with what the server had to say.
    fn failed(&mut self, error: &GdbError) -> String {
        self.group.kill();
        let said = self.complaints.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        match said.as_str() {
            "" => format!("the board was not loaded: {error}"),
            said => format!("the board was not loaded: {error}; the debug server said: {said}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.group.kill();
        let _ = self.child.wait();
    }
}

impl DebuggedBoard {
    pub(super) fn send(&self, bytes: Vec<u8>) {
        self.line.send(bytes);
    }

    pub(super) fn inspect(&self) -> Option<String> {
        Some(inspect::describe_cores(&self.line.cores()?, &self.symbols))
    }

    pub(super) fn dump(&self, regions: &[Region]) -> Option<Vec<Dump>> {
        self.line.dump(regions)
    }

    pub(super) fn why_ended(&self) -> Closed {
        self.line.why_ended()
    }
}

/// A socket at which the server of another boot may listen.
fn socket() -> Result<PathBuf, String> {
    static SOCKETS: AtomicU32 = AtomicU32::new(0);
    // Relaxed: that numbers differ is all that matters.
    Ok(folder()?.join(format!("gdb{}", SOCKETS.fetch_add(1, Ordering::Relaxed))))
}
