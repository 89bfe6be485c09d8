//! A board of a farm: the twin, offered by a real labgrid exporter at a place of a real coordinator, all on this machine.
//!
//! labgrid is needed, in the search path or where `--yes` installs it; without it these tests fail.

use crate::runner::{
    LONG, Run, Running, bare_path, finish, misbehave, path_from, runner, which, workspace_with, write_program,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::mpsc::channel,
    time::Instant,
};
use tempfile::TempDir;

/// The board, and the place that its file names.
const BOARD: &str = "pixel6-twin-farm";
const PLACE: &str = "pixel6-twin";

/// A test that passes, and one that shows signs of life for longer than anybody looks.
const PASSES: [&str; 5] = ["--image", "misbehave", "run", "--exact", "verdicts::passes"];
const HANGS: [&str; 7] =
    ["--image", "misbehave", "--budget", "1h", "run", "--exact", "hangs::with_interrupts_on"];

/// What belongs to the place that has the twin.
const MATCH: &str = "[{exporter: lab, group: pixel6-twin, cls: '*', name: null, rename: null}]";

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
struct Farm {
    // Dropped in this order.
    exporter: Option<Beside>,
    _coordinator: Beside,
    twin: Option<Beside>,
    address: String,
    folder: TempDir,
}

impl Farm {
    /// With nothing at its place.
    fn empty(place: &str) -> Self {
        Self::with_place(place, "[]")
    }

    fn with_place(place: &str, matches: &str) -> Self {
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
    fn with_twin() -> Self {
        let mut farm = Self::with_place(PLACE, MATCH);
        let file = farm.file();
        farm.twin = Some(farm.start_twin(&["--exporter", file.to_str().unwrap()]).0);
        farm.export(&[], 3);
        farm
    }

    /// With the twin at its place, its console at a serial port of the exporter's machine.
    fn with_serial_port() -> Self {
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
    fn client_after(&self, before: &str) -> TempDir {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let program = format!("#!/bin/sh\n{before}\nexec '{}' \"$@\"\n", labgrid("client").display());
        write_program(&folder.path().join("labgrid-client"), &program);
        folder
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("exporter.yaml")
    }

    fn until(&self, is_so: impl Fn(&Self) -> bool, what: &str) {
        let until = Instant::now() + LONG;
        while !is_so(self) {
            assert!(Instant::now() < until, "there is no {what}: {:?}", self.client(&["-p", PLACE, "show"]));
        }
    }

    /// What labgrid's own client says.
    fn client(&self, arguments: &[&str]) -> Output {
        self.client_as("lab", "me", arguments)
    }

    fn client_as(&self, host: &str, user: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(labgrid("client"));
        let me = [("LG_COORDINATOR", self.address.as_str()), ("LG_HOSTNAME", host), ("LG_USERNAME", user)];
        command.envs(me).args(arguments).output().unwrap()
    }

    /// Who has a place.
    fn user_of(&self, place: &str) -> Option<String> {
        let shown = said(&self.client(&["-p", place, "show"]));
        let user = shown.lines().find_map(|line| line.trim().strip_prefix("acquired: "));
        let user = user.unwrap_or_else(|| panic!("labgrid does not say who has {place}: {shown}"));
        (user != "None").then(|| user.to_owned())
    }

    /// Cuts the supply of the board, as somebody might who has no use for it.
    fn switch_off(&self) {
        self.switch("0");
    }

    fn switch(&self, to: &str) {
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
    fn boot_loader(&self) -> String {
        let exported = std::fs::read_to_string(self.file()).unwrap();
        let phone = exported.split_once("AndroidNetFastboot").unwrap().1;
        let port = phone.lines().find_map(|line| line.trim().strip_prefix("port: ")).unwrap();
        format!("tcp:127.0.0.1:{port}")
    }

    fn runner(&self, arguments: &[&str]) -> Command {
        runner_at(&self.address, arguments)
    }
}

/// The runner, on the board of a farm with this coordinator.
fn runner_at(coordinator: &str, arguments: &[&str]) -> Command {
    let mut command = runner(&[["--board", BOARD].as_slice(), arguments].concat());
    for name in ["LG_ENV", "LG_PLACE", "LG_TOKEN", "LG_PROXY"] {
        command.env_remove(name);
    }
    command.env("LG_COORDINATOR", coordinator).env("LG_HOSTNAME", "lab").env("LG_USERNAME", "me");
    command
}

/// One of labgrid's programs, from where the runner takes its client.
fn labgrid(name: &str) -> PathBuf {
    let name = format!("labgrid-{name}");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/labgrid/bin").join(&name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |folder: PathBuf| folder.join("labgrid-client").is_file();
    if std::env::split_paths(&path).any(is_there) || !own.is_file() { which(&name) } else { own }
}

/// A workspace with that board and nothing else; `more` is said of its place.
fn workspace(more: &str) -> TempDir {
    workspace_with(BOARD, BOARD, |text| text.replace("[labgrid]\n", &format!("[labgrid]\n{more}")))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A run whose results are objects.
fn run(mut command: Command) -> Run {
    command.args(["--format", "json"]);
    finish(command)
}

/// Why a run had no verdict.
fn cut_short(run: &Run) -> String {
    assert_eq!((run.code, run.summary()["pass"].as_u64()), (Some(2), Some(0)), "{run:?}");
    run.summary()["cut_short"].to_string()
}

/// Its supply is off, so that only the place's switch can bring it to its boot loader.
#[test]
fn a_board_of_a_farm_is_switched_on_runs_its_tests_and_is_given_back() {
    let farm = Farm::with_twin();
    farm.switch_off();
    let passed = run(farm.runner(&["run", "boot::"]));
    let passes = passed.ends().len();
    assert!(passes > 10, "{passed:?}");
    assert_eq!(
        (passed.code, passed.summary()["pass"].as_u64()),
        (Some(0), Some(passes as u64)),
        "{passed:?}"
    );
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn a_place_is_given_back_after_tests_that_fail() {
    let farm = Farm::with_twin();
    let failed = run(farm.runner(&["--image", "misbehave", "run", "--exact", "verdicts::panics"]));
    assert_eq!((failed.code, failed.summary()["fail"].as_u64()), (Some(1), Some(1)), "{failed:?}");
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn ctrl_c_gives_the_place_back() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("lab/me"));
    running.interrupt();
    let run = running.finish();
    assert_eq!(run.code, Some(130), "{}", run.stdout);
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn a_place_is_given_back_for_a_runner_that_was_killed() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    running.kill();
    farm.until(|farm| farm.user_of(PLACE).is_none(), "end to its time");
}

/// Until its keeper has come to that, the place looks like one that this user has acquired by hand.
#[test]
fn a_run_after_one_that_was_killed_waits_until_the_place_was_given_back() {
    let farm = Farm::with_twin();
    let (gate, calls) = (farm.folder.path().join("gate"), farm.folder.path().join("calls"));
    let (at, here) = (gate.display(), farm.folder.path().display());
    let wait = format!("while [ -d '{here}' ] && ! [ -e '{at}' ]; do sleep 0.1; done");
    let late = format!("if [ \"$1\" = release-from ]; then {wait}; fi");
    let told = format!("echo \"$1\" >> '{}'", calls.display());
    let [late, told] = [late, told].map(|before| farm.client_after(&before));
    let by = |client: &TempDir, arguments: &[&str]| {
        let mut command = farm.runner(arguments);
        command.env("PATH", path_from(client.path()));
        Running::start(command)
    };
    let mut first = by(&late, &HANGS);
    first.wait_for("usable RAM");
    first.kill();
    let second = by(&told, &PASSES);
    let looks = |calls: &String| calls.lines().filter(|call| *call == "show").count();
    farm.until(
        |_| std::fs::read_to_string(&calls).as_ref().is_ok_and(|calls| looks(calls) > 1),
        "second look",
    );
    std::fs::write(&gate, "").unwrap();
    let passed = second.finish();
    assert_eq!(passed.code, Some(0), "{}", passed.stdout);
    let calls = std::fs::read_to_string(&calls).unwrap();
    assert!(calls.lines().any(|call| call == "acquire"), "{calls}");
    assert_eq!(farm.user_of(PLACE), None);
}

/// What an exporter makes of one speaks telnet, for which not every byte is data.
#[test]
fn a_serial_port_of_the_exporters_machine_is_a_console() {
    let farm = Farm::with_serial_port();
    let every_byte = "line::sends_random_bytes_and_passes";
    let passed =
        run(farm.runner(&["--image", "misbehave", "run", "--exact", "verdicts::passes", every_byte]));
    assert_eq!((passed.code, passed.summary()["pass"].as_u64()), (Some(0), Some(2)), "{passed:?}");
    assert_eq!(farm.user_of(PLACE), None);
}

/// Whoever has it now has switched it off.
#[test]
fn the_silence_of_a_board_that_was_taken_away_is_no_failure() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "release", "--kick"]).status.success());
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    farm.switch_off();
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("the place pixel6-twin was taken away from this run"), "{}", run.stdout);
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("desk-2/jane"));
}

/// The board takes its nonce from whoever hears it first.
#[test]
fn whoever_takes_the_board_and_starts_the_same_image_is_no_tests_fault() {
    let farm = Farm::with_twin();
    let mut running = Running::start(farm.runner(&HANGS));
    running.wait_for("usable RAM");
    let image = running.recording().join("boot.img");
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "release", "--kick"]).status.success());
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    farm.switch("0");
    farm.switch("1");
    let device = farm.boot_loader();
    let started = Command::new("fastboot").args(["-s", &device, "boot"]).arg(image).output().unwrap();
    assert!(started.status.success(), "{started:?}");
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("the place pixel6-twin was taken away from this run"), "{}", run.stdout);
}

/// For labgrid, all runs of one user on one machine are one.
#[test]
fn another_run_on_this_machine_is_turned_away_and_disturbs_nothing() {
    let farm = Farm::with_twin();
    let mut first = Running::start(farm.runner(&HANGS));
    first.wait_for("usable RAM");
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("place pixel6-twin of ") && told.contains("is in use by"), "{told}");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("lab/me"));
    first.interrupt();
    assert_eq!(first.finish().code, Some(130));
}

/// Who has acquired it by hand may have more to do with it.
#[test]
fn a_place_that_is_this_users_already_is_used_and_stays_so() {
    let farm = Farm::with_twin();
    assert!(farm.client(&["-p", PLACE, "acquire"]).status.success());
    let passed = run(farm.runner(&PASSES));
    assert_eq!((passed.code, passed.summary()["pass"].as_u64()), (Some(0), Some(1)), "{passed:?}");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("lab/me"));
}

#[test]
fn a_place_that_somebody_else_has_is_told_with_who_has_it() {
    let farm = Farm::empty(PLACE);
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("the place pixel6-twin is in use by desk-2/jane"), "{told}");
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("desk-2/jane"));
}

/// A run that waits for a place which Jane has, and the workspace that says so.
fn waiting(farm: &Farm) -> (TempDir, Running) {
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    let root = workspace("wait = \"10min\"\n");
    let mut command =
        farm.runner(&["--elf", misbehave(BOARD).to_str().unwrap(), "run", "--exact", "verdicts::passes"]);
    // What is installed for this workspace is not for that one.
    command.current_dir(root.path()).env("PATH", path_from(labgrid("client").parent().unwrap()));
    let running = Running::start(command);
    farm.until(|farm| said(&farm.client(&["reservations"])).contains("name=pixel6-twin"), "reservation");
    (root, running)
}

#[test]
fn ctrl_c_ends_the_wait_for_a_place() {
    let farm = Farm::empty(PLACE);
    let (_root, running) = waiting(&farm);
    running.interrupt();
    let run = running.finish();
    assert_eq!(run.code, Some(130), "{}", run.stdout);
    assert_eq!(farm.user_of(PLACE).as_deref(), Some("desk-2/jane"));
    assert_eq!(said(&farm.client(&["reservations"])), "");
}

#[test]
fn a_place_that_somebody_else_has_is_waited_for_where_the_boards_file_says_so() {
    let farm = Farm::empty(PLACE);
    let (_root, running) = waiting(&farm);
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "release"]).status.success());
    // That it got the place is seen by what it then says of it.
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(run.stdout.contains("the place pixel6-twin has no AndroidNetFastboot"), "{}", run.stdout);
    assert_eq!((farm.user_of(PLACE), said(&farm.client(&["reservations"])).as_str()), (None, ""));
}

#[test]
fn a_place_whose_exporter_is_not_there_is_told_and_not_taken() {
    let farm = Farm::with_place(PLACE, MATCH);
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("the place pixel6-twin has no board at present"), "{told}");
    assert_eq!(farm.user_of(PLACE), None);
}

#[test]
fn the_boards_are_listed_with_who_has_their_places() {
    let farm = Farm::empty(PLACE);
    let listed = |arguments: &[&str]| {
        let run = finish(farm.runner(&[["boards"].as_slice(), arguments].concat()));
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stdout
    };
    let key = format!("place pixel6-twin of {}", farm.address);
    assert!(listed(&[]).contains(&format!("{key}: free")), "{}", listed(&[]));
    assert!(farm.client_as("desk-2", "jane", &["-p", PLACE, "acquire"]).status.success());
    assert!(listed(&[]).contains(&format!("{key}: in use by desk-2/jane")), "{}", listed(&[]));
    let other = listed(&["--place", "shelf"]);
    assert!(other.contains("labgrid knows no place called `shelf`"), "{other}");
}

#[test]
fn a_place_without_a_board_says_what_it_lacks_and_is_given_back() {
    let farm = Farm::empty(PLACE);
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("the place pixel6-twin has no AndroidNetFastboot"), "{told}");
    assert_eq!(farm.user_of(PLACE), None);
}

/// For labgrid's client a part of a name is a name.
#[test]
fn a_place_of_a_longer_name_is_not_taken_for_it() {
    let farm = Farm::empty("pixel6-twin-2");
    let told = cut_short(&run(farm.runner(&PASSES)));
    assert!(told.contains("labgrid knows no place called `pixel6-twin`"), "{told}");
    assert_eq!(farm.user_of("pixel6-twin-2"), None);
}

#[test]
fn a_coordinator_that_is_not_there_is_told_with_its_address() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let told = cut_short(&run(runner_at(&free, &PASSES)));
    assert!(told.contains(&format!("no labgrid coordinator answers at {free}")), "{told}");
    assert!(told.contains("LG_COORDINATOR"), "{told}");
}

#[test]
fn a_client_that_is_not_installed_is_named_with_the_command_that_installs_it() {
    let (folder, path) = bare_path(&["cargo", "rustc", "rustup", "fastboot"]);
    write_program(&folder.path().join("python3"), "#!/bin/sh\n");
    let root = workspace("");
    let mut command = runner(&["--board", BOARD, "doctor"]);
    command.current_dir(root.path()).env("PATH", path.as_ref());
    let run = finish(command);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stdout.contains("MISSING  labgrid-client"), "{run:?}");
    assert!(run.stdout.contains("install labgrid==26.0.1"), "{run:?}");
}
