//! Running the runner, and reading what it says.

use serde_json::Value;
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

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
    let mut told = Command::new("sh");
    told.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#]);
    told.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => told.env(name, value),
            None => told.env_remove(name),
        };
    }
    told
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
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let files = open.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        let line = files.into_iter().find(|file| file.ends_with("line.bin")).expect("it records");
        line.parent().unwrap().to_owned()
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

    pub(crate) fn finish(mut self) -> Run {
        self.stdout.read_to_string(&mut self.seen).unwrap();
        Run { code: self.child.wait().unwrap().code(), stdout: self.seen, stderr: String::new() }
    }
}

pub(crate) fn signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// A folder with a `qemu-system-aarch64` that is this shell script.
pub(crate) struct FakeQemu(tempfile::TempDir);

impl FakeQemu {
    pub(crate) fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qemu-system-aarch64");
        // `--version` is what the set-up asks for.
        let answer = r#"if [ "$1" = --version ]; then echo "QEMU emulator version 9.9.9 (fake)"; exit 0; fi"#;
        std::fs::write(&path, format!("#!/bin/sh\n{answer}\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// The runner's search path with this folder first.
    pub(crate) fn path(&self) -> std::ffi::OsString {
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.0.path().to_owned()).chain(std::env::split_paths(&rest));
        std::env::join_paths(folders).unwrap()
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
pub(crate) fn bare_path(programs: &[&str]) -> (tempfile::TempDir, impl AsRef<OsStr>) {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        std::os::unix::fs::symlink(which(program), folder.path().join(program)).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}
