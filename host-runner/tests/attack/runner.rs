//! Running the runner, and reading what it says.

use host_runner::{board::Board, firmware, workspace::Workspace};
use serde_json::Value;
use std::{
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Long enough for a machine that does much else.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A run of the runner that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// How each test ended, in order: `name` and `detail`.
    pub(crate) fn ends(&self) -> Vec<(String, Value)> {
        let tests = self.objects().into_iter().filter(|object| object["event"] == "test");
        tests.map(|test| (test["name"].as_str().unwrap().to_owned(), test["detail"].clone())).collect()
    }

    pub(crate) fn summary(&self) -> Value {
        let objects = self.objects();
        objects
            .last()
            .filter(|last| last["event"] == "summary")
            .unwrap_or_else(|| panic!("no summary in {self:?}"))
            .clone()
    }

    /// Every object that it has written.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

/// The runner with the given arguments, plain and without a terminal.
pub(crate) fn runner(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-runner"));
    command.args(arguments).env("CI", "true").stdin(Stdio::null());
    remove_wishes(&mut command);
    command
}

/// A program that is this text.
pub(crate) fn write_program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A search path that begins with this folder.
pub(crate) fn path_from(folder: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap()
}

/// The image of tests that go wrong, as a board has it.
pub(crate) fn misbehave(board: &str) -> PathBuf {
    let workspace = Workspace::find().unwrap();
    let board = Board::find(&workspace, board).unwrap();
    firmware::build(&workspace, &board, "misbehave", "info").unwrap()
}

/// A workspace with nothing but that board, called `name`, of which something else is said.
pub(crate) fn workspace_with(board: &str, name: &str, change: impl Fn(&str) -> String) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("boards").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../boards").join(board);
    for file in std::fs::read_dir(ours).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let file = folder.join("board.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(&format!("name = \"{board}\""), &format!("name = \"{name}\""));
    std::fs::write(&file, change(&text)).unwrap();
    std::fs::write(root.path().join("Cargo.toml"), "[workspace]\n").unwrap();
    root
}

/// Takes out of the environment what a desk or a CI system wants of every run.
fn remove_wishes(command: &mut Command) {
    let is_wish = |name: &str| name.starts_with("FRAMEKEEPER_") || name.starts_with("GITHUB_");
    let names = std::env::vars().map(|(name, _)| name);
    for name in names.filter(|name| is_wish(name)) {
        command.env_remove(name);
    }
}

/// Runs it with its results as JSON.
pub(crate) fn run_json(arguments: &[&str]) -> Run {
    finish(runner(&[&["--format", "json"], arguments].concat()))
}

pub(crate) fn finish(mut command: Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The same, told by an error and not by a signal where a file may not become longer.
pub(crate) fn told_of_full_disks(command: &Command) -> Command {
    by_shell(command, r#"trap '' XFSZ; exec "$0" "$@""#)
}

/// The same, which says all that it says on one stream.
pub(crate) fn with_errors(command: &Command) -> Command {
    by_shell(command, r#"exec "$0" "$@" 2>&1"#)
}

fn by_shell(command: &Command, script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

/// A run that goes on while the test looks at it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    seen: String,
}

impl Running {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// The same, with this for what it says beside its report.
    pub(crate) fn start_with(mut command: Command, stderr: impl Into<Stdio>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout, seen: String::new() }
    }

    /// Reads on until a line holds `text`.
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            let mut line = String::new();
            assert!(
                self.stdout.read_line(&mut line).unwrap() > 0,
                "it ended without {text:?}: {}",
                self.seen
            );
            self.seen.push_str(&line);
            if line.contains(text) {
                return;
            }
        }
    }

    pub(crate) fn interrupt(&self) {
        signal("-INT", self.child.id());
    }

    /// From now on no file of it can become longer than so many bytes: what is left of a disk that becomes full.
    pub(crate) fn leave_room_for(&self, bytes: u64) {
        let arguments = [format!("--pid={}", self.child.id()), format!("--fsize={bytes}")];
        assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
    }

    /// Where it keeps what it hears.
    pub(crate) fn recording(&self) -> PathBuf {
        self.line().expect("it records").parent().unwrap().to_owned()
    }

    /// Waits until its board has said so many bytes.
    pub(crate) fn wait_until_heard(&mut self, bytes: u64) {
        let heard = |line: PathBuf| std::fs::metadata(line).map_or(0, |file| file.len());
        let until = Instant::now() + LONG;
        while self.line().map_or(0, heard) < bytes {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.seen);
            assert!(Instant::now() < until, "it does not say {bytes} bytes: {}", self.seen);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The file of what it hears, once it has begun to.
    fn line(&self) -> Option<PathBuf> {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let mut files = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        files.find(|file| file.ends_with("line.bin"))
    }

    /// Ends it without a word.
    pub(crate) fn kill(self) -> Run {
        signal("-KILL", self.child.id());
        self.finish()
    }

    /// The emulators that it has started.
    pub(crate) fn emulators(&self) -> Vec<u32> {
        let arguments = ["-o", "pid=,comm=", "--ppid", &self.child.id().to_string()];
        let output = Command::new("ps").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let processes = said.lines().filter_map(|line| line.trim().split_once(' '));
        let emulators = processes.filter(|(_, name)| name.starts_with("qemu-system"));
        emulators.map(|(pid, _)| pid.parse().unwrap()).collect()
    }

    /// Makes sure that it ends before long. It is not to say much meanwhile.
    pub(crate) fn finish_soon(mut self) -> Run {
        let until = Instant::now() + LONG;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it does not end: {}", self.seen);
            std::thread::sleep(Duration::from_millis(5));
        }
        self.finish()
    }

    pub(crate) fn finish(mut self) -> Run {
        self.stdout.read_to_string(&mut self.seen).unwrap();
        let code = self.child.wait().unwrap().code();
        Run { code, stdout: std::mem::take(&mut self.seen), stderr: String::new() }
    }
}

/// Also where a test fails: nobody else would end a run of an hour.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// A folder with a `qemu-system-aarch64` that is this shell script.
pub(crate) struct FakeQemu(TempDir);

impl FakeQemu {
    pub(crate) fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qemu-system-aarch64");
        // `--version` is what the set-up asks for.
        let answer = r#"if [ "$1" = --version ]; then echo "QEMU emulator version 9.9.9 (fake)"; exit 0; fi"#;
        write_program(&path, &format!("#!/bin/sh\n{answer}\n{script}\n"));
        Self(folder)
    }

    /// The runner's search path with this folder first.
    pub(crate) fn path(&self) -> OsString {
        path_from(self.0.path())
    }
}

/// Where a program is found.
pub(crate) fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file());
    found.unwrap_or_else(|| {
        panic!("{program} is needed for this test: `cargo run -p host-runner -- doctor` tells how")
    })
}

/// The folder of the run that ended with this summary.
pub(crate) fn recording(run: &Run) -> PathBuf {
    workspace().join(run.summary()["recording"].as_str().unwrap())
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A search path with links to these programs and nothing else.
pub(crate) fn bare_path(programs: &[&str]) -> (TempDir, impl AsRef<OsStr>) {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        std::os::unix::fs::symlink(which(program), folder.path().join(program)).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}
