//! A farm on this machine: labgrid's own coordinator and exporter, and the twin between them.

use crate::runner::{LONG, path_from, runner, which, workspace_with, write_program};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::mpsc::channel,
    time::Instant,
};
use tempfile::TempDir;

/// The board, and the place that its file names.
pub(super) const BOARD: &str = "pixel6-twin-farm";
pub(super) const PLACE: &str = "pixel6-twin";

/// What belongs to the place that has the twin.
pub(super) const MATCH: &str = "[{exporter: lab, group: pixel6-twin, cls: '*', name: null, rename: null}]";

/// The line that says where a twin is.
const TWIN: &str = "a Pixel 6 in its boot loader";

/// A program that runs beside a test, and ends with it, however that ends.
struct Beside {
    program: Child,
    /// Its end is the program's.
    end: Option<ChildStdin>,
}

impl Beside {
    /// Starts a program, and waits until it has said a line with `ready`; that line.
    fn start(program: &Path, arguments: &[&str], folder: &Path, ready: &str) -> (Self, String) {
        // Ctrl-C reaches the shell, too.
        let script = r#"trap '' INT; "$@" 2>&1 & program=$!; exec >&-; cat > /dev/null; kill $program; wait"#;
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(program).args(arguments).current_dir(folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (end, said) = (child.stdin.take(), child.stdout.take().unwrap());
        let beside = Self { program: child, end };
        let line = wait_for(said, ready);
        (beside, line)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.end = None;
        let _ = self.program.wait();
    }
}

/// The first line with `ready`. What comes after it is read, and lost: who says it is not to wait.
fn wait_for(said: impl Read + Send + 'static, ready: &str) -> String {
    let (lines, heard) = channel();
    std::thread::spawn(move || {
        let said = BufReader::new(said).lines().map_while(Result::ok);
        said.for_each(|line| drop(lines.send(line)));
    });
    let (until, mut before) = (Instant::now() + LONG, String::new());
    loop {
        let line = heard.recv_timeout(until.saturating_duration_since(Instant::now()));
        let line = line.unwrap_or_else(|error| panic!("no {ready:?}, {error}: {before}"));
        if line.contains(ready) {
            return line;
        }
        before += &(line + "\n");
    }
}

/// A coordinator that knows one place, at which there may be a board.
pub(super) struct Farm {
    // Dropped in this order.
    exporter: Option<Beside>,
    _coordinator: Beside,
    twin: Option<Beside>,
    pub(super) address: String,
    pub(super) folder: TempDir,
}

impl Farm {
    /// With nothing at its place.
    pub(super) fn empty(place: &str) -> Self {
        Self::with_place(place, "[]")
    }

    pub(super) fn with_place(place: &str, matches: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words = "aliases: []\n  comment: ''\n  tags: {}\n  created: 0\n  changed: 0\n";
        // What a coordinator remembers from before.
        let places = format!("{place}:\n  {words}  matches: {matches}\n");
        std::fs::write(folder.path().join("places.yaml"), places).unwrap();
        let listen = ["--listen", "127.0.0.1:0"];
        let (coordinator, line) =
            Beside::start(&labgrid("coordinator"), &listen, folder.path(), "listening on");
        let address = line.rsplit(' ').next().unwrap().to_owned();
        Self { exporter: None, _coordinator: coordinator, twin: None, address, folder }
    }

    /// With the twin at its place, all of it on TCP.
    pub(super) fn with_twin() -> Self {
        let mut farm = Self::with_place(PLACE, MATCH);
        let file = farm.file();
        farm.twin = Some(farm.start_twin(&["--exporter", file.to_str().unwrap()]).0);
        farm.export(&[], 3);
        farm
    }

    /// With the twin at its place, its console at a serial port of the exporter's machine.
    pub(super) fn with_serial_port() -> Self {
        let mut farm = Self::with_place(PLACE, MATCH);
        let (twin, line) = farm.start_twin(&[]);
        farm.twin = Some(twin);
        let (_, at) = line.split_once("at tcp:127.0.0.1:").unwrap();
        let (port, console) = at.split_once(", its console at ").unwrap();
        let phone =
            format!("AndroidNetFastboot:\n    address: 127.0.0.1\n    port: {port}\n    protocol: tcp");
        let serial = format!("RawSerialPort:\n    port: {console}\n    speed: 115200");
        std::fs::write(farm.file(), format!("{PLACE}:\n  {phone}\n  {serial}\n")).unwrap();
        let programs = farm.with_ser2net();
        farm.export(&["env".to_owned(), format!("PATH={}", programs.display())], 2);
        farm
    }

    fn start_twin(&self, arguments: &[&str]) -> (Beside, String) {
        let program = Path::new(env!("CARGO_BIN_EXE_host-runner"));
        let arguments = [["twin", "--listen", "0"].as_slice(), arguments].concat();
        Beside::start(program, &arguments, self.folder.path(), TWIN)
    }

    /// Has an exporter offer so many resources. What is `before` stands before its command.
    fn export(&mut self, before: &[String], count: usize) {
        let (program, file) = (labgrid("exporter"), self.file());
        let before = before.iter().map(String::as_str);
        let [program, file] = [&program, &file].map(|path| path.to_str().unwrap());
        let own = [program, "-c", &self.address, "-n", "lab", "--hostname", "127.0.0.1", file];
        let words: Vec<_> = before.chain(own).collect();
        let (exporter, _) =
            Beside::start(Path::new(words[0]), &words[1..], self.folder.path(), "Exporter ready");
        self.exporter = Some(exporter);
        self.until(|farm| said(&farm.client(&["resources"])).lines().count() == count, "resource");
    }

    /// A search path that begins with a `ser2net` of pyserial's, run by the Python that labgrid runs in.
    fn with_ser2net(&self) -> PathBuf {
        let exporter = std::fs::read_to_string(labgrid("exporter")).unwrap();
        let python = exporter.lines().next().unwrap();
        let program = format!("{python}\n{}", include_str!("ser2net.py"));
        write_program(&self.folder.path().join("ser2net"), &program);
        path_from(self.folder.path()).into()
    }

    /// A folder with labgrid's own client, before which something else is done.
    pub(super) fn client_after(&self, before: &str) -> TempDir {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let program = format!("#!/bin/sh\n{before}\nexec '{}' \"$@\"\n", labgrid("client").display());
        write_program(&folder.path().join("labgrid-client"), &program);
        folder
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("exporter.yaml")
    }

    pub(super) fn until(&self, is_so: impl Fn(&Self) -> bool, what: &str) {
        let until = Instant::now() + LONG;
        while !is_so(self) {
            assert!(Instant::now() < until, "there is no {what}: {:?}", self.client(&["-p", PLACE, "show"]));
        }
    }

    /// What labgrid's own client says.
    pub(super) fn client(&self, arguments: &[&str]) -> Output {
        self.client_as("lab", "me", arguments)
    }

    pub(super) fn client_as(&self, host: &str, user: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(labgrid("client"));
        let me = [("LG_COORDINATOR", self.address.as_str()), ("LG_HOSTNAME", host), ("LG_USERNAME", user)];
        command.envs(me).args(arguments).output().unwrap()
    }

    /// Who has a place.
    pub(super) fn user_of(&self, place: &str) -> Option<String> {
        let shown = said(&self.client(&["-p", place, "show"]));
        let user = shown.lines().find_map(|line| line.trim().strip_prefix("acquired: "));
        let user = user.unwrap_or_else(|| panic!("labgrid does not say who has {place}: {shown}"));
        (user != "None").then(|| user.to_owned())
    }

    /// Cuts the supply of the board, as somebody might who has no use for it.
    pub(super) fn switch_off(&self) {
        self.switch("0");
    }

    pub(super) fn switch(&self, to: &str) {
        let exported = std::fs::read_to_string(self.file()).unwrap();
        let (_, url) = exported.split_once("http://").unwrap();
        let (address, _) = url.split_once('/').unwrap();
        let mut switch = TcpStream::connect(address).unwrap();
        write!(switch, "PUT /power HTTP/1.1\r\nContent-Length: 1\r\n\r\n{to}").unwrap();
        let mut answer = String::new();
        switch.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    /// Where the board's boot loader is, as the exporter's file says.
    pub(super) fn boot_loader(&self) -> String {
        let exported = std::fs::read_to_string(self.file()).unwrap();
        let phone = exported.split_once("AndroidNetFastboot").unwrap().1;
        let port = phone.lines().find_map(|line| line.trim().strip_prefix("port: ")).unwrap();
        format!("tcp:127.0.0.1:{port}")
    }

    pub(super) fn runner(&self, arguments: &[&str]) -> Command {
        runner_at(&self.address, arguments)
    }
}

/// The runner, on the board of a farm with this coordinator.
pub(super) fn runner_at(coordinator: &str, arguments: &[&str]) -> Command {
    let mut command = runner(&[["--board", BOARD].as_slice(), arguments].concat());
    for name in ["LG_ENV", "LG_PLACE", "LG_TOKEN", "LG_PROXY"] {
        command.env_remove(name);
    }
    command.env("LG_COORDINATOR", coordinator).env("LG_HOSTNAME", "lab").env("LG_USERNAME", "me");
    command
}

/// One of labgrid's programs, from where the runner takes its client.
pub(super) fn labgrid(name: &str) -> PathBuf {
    let name = format!("labgrid-{name}");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/labgrid/bin").join(&name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |folder: PathBuf| folder.join("labgrid-client").is_file();
    if std::env::split_paths(&path).any(is_there) || !own.is_file() { which(&name) } else { own }
}

/// A workspace with that board and nothing else; `more` is said of its place.
pub(super) fn workspace(more: &str) -> TempDir {
    workspace_with(BOARD, BOARD, |text| text.replace("[labgrid]\n", &format!("[labgrid]\n{more}")))
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
