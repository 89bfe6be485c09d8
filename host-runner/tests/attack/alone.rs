//! A board whose serial port must not be touched, or that nobody answers there: it boots, runs the tests that its command
//! line names, and notes what became of them in memory that outlives a reset; a host that comes later is told.

use crate::{
    kept::{lines_noted, lines_on_screen},
    qemu_tree::QemuTree,
    runner::{FakeQemu, finish, runner, which},
};
use host_runner::{board::Board, firmware, image::Image, workspace::Workspace};
use std::{
    fs::File,
    io::Read,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const GIB: u64 = 1 << 30;
/// Where `qemu-virt` has its RAM, and the notes in it.
const RAM: u64 = GIB;
const NOTES: u64 = 6 * GIB;
const NOTES_SIZE: usize = 0x1_0000;

/// And a screen, whose rows have more room than pixels.
const SCREEN: u64 = NOTES + 2 * NOTES_SIZE as u64;
const WIDTH: usize = 1080;
const HEIGHT: usize = 480;
const STRIDE: usize = 4352;
const SCREEN_SIZE: u64 = 0x20_0000;

/// Tests of which each spoils for the other what a restart does not make anew.
const TESTS: [&str; 2] =
    ["boot::restart::statics_are_fresh_for_one_test", "boot::restart::statics_are_fresh_for_the_next_test"];

const NO_HOST: &str = "no host; the tests begin by themselves";

/// A machine whose RAM is a file, so that it is there when QEMU is not.
struct Kept {
    folder: TempDir,
    kernel: PathBuf,
    entries: Vec<u64>,
}

impl Kept {
    fn new() -> Self {
        Self::of("suite", &TESTS)
    }

    /// With these tests of an image.
    fn of(image: &str, tests: &[&str]) -> Self {
        let workspace = Workspace::find().unwrap();
        let board = Board::find(&workspace, "qemu-virt").unwrap();
        let elf = firmware::build(&workspace, &board, image, "info").unwrap();
        let image = Image::open(&elf, workspace.root()).unwrap();
        let entry = |name: &&str| image.plan.tests.iter().find(|test| test.name == **name).unwrap().entry;
        let entries = tests.iter().map(entry).collect();
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("Image");
        std::fs::write(&kernel, &image.kernel).unwrap();
        let mut tree = QemuTree::dump();
        tree.reserved_memory(|tree| {
            tree.node("ramoops@180000000", |tree| tree.range("reg", NOTES, 2 * NOTES_SIZE as u64));
            tree.no_map("screen@180020000", SCREEN, SCREEN_SIZE);
        });
        tree.node("framebuffer@180020000", |tree| {
            tree.property("compatible", b"simple-framebuffer\0");
            tree.range("reg", SCREEN, SCREEN_SIZE);
            for (name, value) in [("width", WIDTH), ("height", HEIGHT), ("stride", STRIDE)] {
                tree.property(name, &(value as u32).to_be_bytes());
            }
            tree.property("format", b"a8r8g8b8\0");
        });
        std::fs::write(folder.path().join("dtb"), tree.blob()).unwrap();
        Self { folder, kernel, entries }
    }

    fn ram(&self) -> PathBuf {
        self.folder.path().join("ram")
    }

    /// What makes QEMU's RAM that file, and its tree that one.
    fn options(&self) -> [String; 6] {
        let backend =
            format!("memory-backend-file,id=kept,size=8G,share=on,mem-path={}", self.ram().display());
        let tree = self.folder.path().join("dtb").display().to_string();
        ["-machine", "memory-backend=kept", "-object", &backend, "-dtb", &tree].map(str::to_owned)
    }

    /// Boots with this command line until a note is the last one; what came over the serial port.
    fn run_alone(&self, arguments: &str, last: &str) -> Vec<u8> {
        let mut qemu = Command::new(which("qemu-system-aarch64"))
            .args(["-machine", "virt,gic-version=3", "-cpu", "cortex-a72", "-smp", "8", "-m", "8G"])
            .args(["-nodefaults", "-display", "none", "-serial", "stdio"])
            .args(self.options())
            .arg("-kernel")
            .arg(&self.kernel)
            .args(["-append", arguments])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while self.notes().last().is_none_or(|note| note != last)
            && began.elapsed() < Duration::from_secs(100)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        qemu.kill().unwrap();
        qemu.wait().unwrap();
        let mut said = Vec::new();
        qemu.stdout.take().unwrap().read_to_end(&mut said).unwrap();
        said
    }

    /// The lines of text on the screen.
    fn screen(&self) -> Vec<String> {
        let mut pixels = vec![0; HEIGHT * STRIDE];
        File::open(self.ram()).unwrap().read_exact_at(&mut pixels, SCREEN - RAM).unwrap();
        lines_on_screen(&pixels, WIDTH, STRIDE)
    }

    /// The tests, as the command line has them.
    fn tests(&self) -> String {
        let tests: Vec<String> = self.entries.iter().map(|entry| format!("{entry:x}")).collect();
        tests.join(",")
    }

    /// What is noted of all of them.
    fn series(&self) -> Vec<String> {
        let each = self.entries.iter().zip(1..).flat_map(|(entry, number)| {
            [format!("test {number} at {entry:#x} begins"), format!("test {number}: Passed, lost cores 0x0")]
        });
        each.chain(["all 2 tests have ended".to_owned()]).collect()
    }

    /// A run on the machine, with these options as well, passes its test, tells these notes, and leaves none.
    fn is_told(&self, notes: &[String], options: &[&str]) {
        let options = self.options().into_iter().chain(options.iter().map(|&option| option.to_owned()));
        let options: Vec<String> = options.map(|option| format!("'{option}'")).collect();
        let qemu = which("qemu-system-aarch64");
        let fake = FakeQemu::new(&format!("exec '{}' \"$@\" {}", qemu.display(), options.join(" ")));
        let mut command = runner(&["run", "--exact", TESTS[0]]);
        command.env("PATH", fake.path());
        let run = finish(command);
        assert_eq!(run.code, Some(0), "{run:?}");
        for note in notes {
            assert!(
                run.stdout.contains(&format!("noted while nobody heard: {note}")),
                "{note}: {}",
                run.stdout
            );
        }
        assert_eq!(self.notes(), [""; 0], "told once");
    }

    fn notes(&self) -> Vec<String> {
        read_notes(&self.ram()).unwrap_or_default()
    }
}

/// The notes in a file of RAM, if it is there yet.
fn read_notes(ram: &Path) -> Option<Vec<String>> {
    let mut bytes = vec![0; NOTES_SIZE];
    File::open(ram).ok()?.read_exact_at(&mut bytes, NOTES - RAM).ok()?;
    Some(lines_noted(&bytes))
}

#[test]
fn a_board_that_nobody_hears_notes_what_became_of_its_tests_and_the_next_boot_tells_it() {
    let kept = Kept::new();
    let arguments = format!("quiet console=null framekeeper.tests={} framekeeper.seed=5", kept.tests());
    let said = kept.run_alone(&arguments, "all 2 tests have ended");
    let expected = kept.series();
    assert_eq!(kept.notes(), expected);
    assert_eq!(said, [0_u8; 0], "the port was touched");
    let lines = kept.screen();
    assert_eq!(lines[..expected.len()], expected);
    assert!(lines[expected.len()..].iter().all(String::is_empty), "{lines:?}");

    kept.is_told(&expected, &[]);
}

#[test]
fn a_board_that_nobody_hears_goes_on_after_a_test_that_panics() {
    let kept = Kept::of("misbehave", &["verdicts::panics", "verdicts::passes"]);
    kept.run_alone(&format!("console=null framekeeper.tests={}", kept.tests()), "all 2 tests have ended");
    let notes = kept.notes();
    let ends: Vec<_> = notes.iter().filter(|note| note.contains("lost cores")).collect();
    assert_eq!(ends, ["test 1: Panicked, lost cores 0x0", "test 2: Passed, lost cores 0x0"], "{notes:?}");
    assert!(notes.iter().any(|note| note.ends_with("on purpose: 42")), "{notes:?}");
}

/// The port is there, and takes what is sent, and nobody answers.
#[test]
fn a_board_that_no_host_answers_runs_its_tests_by_itself() {
    let kept = Kept::new();
    let arguments = format!("framekeeper.alone_after=200 framekeeper.tests={}", kept.tests());
    let said = kept.run_alone(&arguments, "all 2 tests have ended");
    let expected = [vec![NO_HOST.to_owned()], kept.series()].concat();
    assert_eq!(kept.notes(), expected);
    assert!(!said.is_empty(), "it has told who would listen that it is there");
    let lines = kept.screen();
    assert_eq!(lines[..expected.len() - 1], expected[1..]);
    kept.is_told(&expected, &[]);
}

/// A host that comes when the board has begun without it is told, and has its tests run.
#[test]
fn a_board_that_has_begun_without_a_host_serves_one_that_comes_late() {
    let kept = Kept::new();
    let arguments = format!("framekeeper.alone_after=0 framekeeper.tests={}", kept.tests());
    kept.is_told(&[NO_HOST.to_owned()], &["-append", &arguments]);
}
