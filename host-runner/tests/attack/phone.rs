//! The phone's image on the twin, where the phone is not as it should be: no serial port, a watchdog that runs. And what
//! the phone's own ways of resetting it do.

use crate::{
    kept::{lines_noted, lines_on_screen},
    orders::Line,
};
use host_runner::{
    board::Board,
    firmware,
    image::Image,
    twin::{
        Twin, monitor,
        phone::{DEVICE_TREE, IMAGE, SPLASH, Shape, carve_outs},
        tree::{self, Patch},
    },
    workspace::Workspace,
};
use std::{
    io::{Read, Write},
    process::{Child, Stdio},
    sync::mpsc::channel,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use twin::block::{End, Options};
use wire::{Nonce, ResetInto, ToBoard};

/// Where the notes are, in the region that only the stock tree names.
const NOTES: u64 = 0xfd3f_f000;
const WIDTH: usize = 1080;
const STRIDE: usize = 4320;

/// Long enough for a host that has much else to do.
const PATIENCE: Duration = Duration::from_secs(100);

/// A watchdog that waits longer than any test.
const NEVER_MS: u64 = 3_600_000;

/// A phone with the suite in it.
struct Phone {
    twin: Twin,
    image: Image,
    shape: Shape,
}

/// One start of it.
struct Started {
    process: Child,
    _control: TempDir,
}

impl Phone {
    fn new(shape: Shape) -> Self {
        let workspace = Workspace::find().unwrap();
        let board = Board::find(&workspace, "pixel6-twin").unwrap();
        let elf = firmware::build(&workspace, &board, "suite", "info").unwrap();
        let image = Image::open(&elf, workspace.root()).unwrap();
        Self { twin: Twin::new(monitor::build(&workspace).unwrap()).unwrap(), image, shape }
    }

    /// The words that have it run these tests by itself.
    fn tests(&self, names: &[&str]) -> String {
        let entry =
            |name: &&str| self.image.plan.tests.iter().find(|test| test.name == **name).unwrap().entry;
        let entries: Vec<String> = names.iter().map(|name| format!("{:x}", entry(name))).collect();
        format!("framekeeper.tests={}", entries.join(","))
    }

    fn start(&self, patch: &Patch, watchdog_ms: u64) -> Started {
        let mut options = Options::new(IMAGE, DEVICE_TREE);
        options.watchdog_ms = watchdog_ms;
        assert!(carve_outs(self.shape).into_iter().all(|range| options.carve_out(range)));
        let tree = tree::compile(&Workspace::find().unwrap(), self.shape, patch).unwrap();
        self.twin.place(&self.image.kernel, &tree, &options).unwrap();
        let control = tempfile::tempdir().unwrap();
        let mut command = self.twin.command(&control.path().join("qmp"));
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Started { process, _control: control }
    }

    fn notes(&self) -> Vec<String> {
        let mut bytes = vec![0; 0x1_0000];
        self.twin.ram().read(NOTES, &mut bytes).unwrap();
        lines_noted(&bytes)
    }

    fn screen(&self) -> Vec<String> {
        let mut pixels = vec![0; (SPLASH.end - SPLASH.start) as usize];
        self.twin.ram().read(SPLASH.start, &mut pixels).unwrap();
        lines_on_screen(&pixels, WIDTH, STRIDE)
    }

    /// Waits until a note is the last one, or the phone has ended.
    fn wait_for_note(&self, started: &mut Started, last: &str) {
        let began = Instant::now();
        while self.notes().last().is_none_or(|note| note != last) {
            assert!(started.process.try_wait().unwrap().is_none(), "it ended: {:?}", self.twin.record());
            assert!(began.elapsed() < PATIENCE, "{:?}, {:?}", self.notes(), self.twin.record());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Switches it off, also where a test fails: whoever reads the test's output would wait for it.
impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Started {
    fn line(&mut self) -> Line {
        let mut said = self.process.stdout.take().unwrap();
        let stdin = self.process.stdin.take().unwrap();
        let (bytes, inbox) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = said.read(&mut buffer) {
                if bytes.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Line::new(Box::new(move |order| (&stdin).write_all(&order).unwrap()), inbox)
    }
}

const TWO: [&str; 2] =
    ["boot::restart::statics_are_fresh_for_one_test", "boot::restart::statics_are_fresh_for_the_next_test"];

/// Boots and has it run tests that nobody orders; what is noted is what is shown, and the port was left alone.
fn runs_alone(shape: Shape, off: &str, more: &str) {
    let phone = Phone::new(shape);
    let bootargs = Some(format!("{off} {}", phone.tests(&TWO)));
    let patch = Patch { bootargs, more: more.to_owned(), ..Patch::default() };
    let mut started = phone.start(&patch, 0);
    phone.wait_for_note(&mut started, "all 2 tests have ended");
    // The last line is noted before it is shown.
    let began = Instant::now();
    while phone.screen()[4].is_empty() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(started);
    let (notes, lines, record) = (phone.notes(), phone.screen(), phone.twin.record().unwrap());
    assert_eq!(
        notes.iter().filter(|note| note.ends_with(": Passed, lost cores 0x0")).count(),
        2,
        "{notes:?}"
    );
    assert_eq!(lines[..5], notes[..]);
    assert!(lines[5..].iter().all(String::is_empty), "{lines:?}");
    assert_eq!((record.sent, record.taken, record.strays, record.end), (0, 0, 0, None), "{record:?}");
}

#[test]
fn a_phone_whose_console_is_null_runs_alone() {
    runs_alone(Shape::Oriole, "console=null tcpci_max77759.conf_sbu=0", "");
}

#[test]
fn a_phone_whose_port_is_disabled_runs_alone() {
    let more = "/ { uart@10A00000 { status = \"disabled\"; }; };";
    runs_alone(Shape::OrioleStock, "console=ttySAC0,115200", more);
}

/// Long before it would bite, so that only the firmware can have stopped it.
#[test]
fn a_watchdog_that_the_boot_loader_left_running_is_stopped() {
    for shape in [Shape::Oriole, Shape::OrioleStock] {
        let phone = Phone::new(shape);
        let bootargs = Some(format!("console=null {}", phone.tests(&TWO)));
        let mut started = phone.start(&Patch { bootargs, ..Patch::default() }, NEVER_MS);
        phone.wait_for_note(&mut started, "all 2 tests have ended");
        let began = Instant::now();
        while phone.twin.record().unwrap().watchdogs != 0 {
            assert!(began.elapsed() < PATIENCE, "it counts: {:?}", phone.twin.record());
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(started);
        assert_eq!(phone.twin.record().unwrap().end, None);
    }
}

#[test]
fn the_power_management_unit_resets_it_into_what_was_ordered() {
    for (shape, into, mode) in [
        (Shape::Oriole, ResetInto::System, 0),
        (Shape::Oriole, ResetInto::BootLoader, 0xfc),
        (Shape::OrioleStock, ResetInto::BootLoader, 0xfc),
    ] {
        let phone = Phone::new(shape);
        let mut started = phone.start(&Patch::default(), 0);
        let mut line = started.line();
        let boot = line.wait_for_boot();
        line.bind(boot, Nonce(5));
        line.order(Nonce(5), &ToBoard::Reset { into });
        let began = Instant::now();
        while started.process.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
        let record = phone.twin.record().unwrap();
        assert_eq!(
            (record.end, record.boot_mode, record.strays),
            (Some(End::WarmReset), mode, 0),
            "{record:?}"
        );
    }
}
