//! The loader of a phone with everything behind it: fastboot, the serial port, a machine that runs.

use super::insides::{Echo, Starts, Virt};
use super::{LONG, SHORT, kernel, stand_in_with};
use host_runner::board::{Board, Link, Load};
use host_runner::image::Symbols;
use host_runner::lease::{Before, Place};
use host_runner::loader::{BootCount, Incoming, Loader, Machine, Task};
use host_runner::session::Closed;
use host_runner::stand_in::{Button, Fault, Inside, StandIn};
use host_runner::workspace::Workspace;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const COMMAND_LINE: &str = "framekeeper.seed=7";

/// A phone and the runner's way to it.
struct Desk {
    // Gives the phone back before that is taken away.
    loader: Loader,
    stand_in: StandIn,
    boots: u32,
    folder: TempDir,
}

impl Desk {
    fn new(inside: impl Inside + 'static, fault: Fault, kernel: &[u8], patience: Duration) -> Self {
        Self::with_reset(inside, fault, kernel, patience, None)
    }

    fn with_reset(
        inside: impl Inside + 'static,
        fault: Fault,
        kernel: &[u8],
        patience: Duration,
        reset: Option<&str>,
    ) -> Self {
        let stand_in = stand_in_with(inside, fault);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Image"), kernel).unwrap();
        let loader = loader(&stand_in, folder.path(), patience, reset);
        Self { loader, stand_in, boots: 0, folder }
    }

    fn echo(fault: Fault, patience: Duration) -> (Self, Starts) {
        let (inside, starts) = Echo::new();
        (Self::new(inside, fault, &kernel(), patience), starts)
    }

    fn boot(&mut self) -> Result<(Machine, Receiver<Incoming>), String> {
        let (outside, inbox) = channel();
        self.boots += 1;
        Ok((self.loader.boot(BootCount(self.boots), outside)?, inbox))
    }
}

/// A phone's board, with this phone in it.
pub(super) fn board(stand_in: &StandIn, patience: Duration, reset: Option<&str>) -> Board {
    let mut board = Board::find(&Workspace::find().unwrap(), "pixel6").unwrap();
    board.reach(Some(&stand_in.device()), Some(stand_in.port()), reset);
    // Of its own: a run with a reset command has its board to itself.
    board.name = format!("pixel6 at {}", stand_in.device());
    let Load::Fastboot(load) = &mut board.load else { panic!("no phone") };
    (load.find, load.send) = (patience, patience);
    assert!(matches!(board.link, Link::Serial(_)));
    board
}

/// A runner's way to the phone; `folder` holds the kernel.
fn loader(stand_in: &StandIn, folder: &Path, patience: Duration, reset: Option<&str>) -> Loader {
    loader_of(&board(stand_in, patience, reset), folder)
}

fn loader_of(board: &Board, folder: &Path) -> Loader {
    let workspace = Workspace::find().unwrap();
    let symbols = Rc::new(Symbols::none());
    let task = Task { command_line: COMMAND_LINE.to_owned(), total: LONG };
    Loader::new(&workspace, board, folder.join("Image"), symbols, &task).unwrap()
}

/// What arrives until it ends with `enough`, or until the line ends.
fn listen(inbox: &Receiver<Incoming>, enough: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !heard.ends_with(enough) {
        match inbox.recv_timeout(LONG).expect("the board says nothing") {
            Incoming::Bytes { bytes, .. } => heard.extend(bytes),
            Incoming::Ended(_) | Incoming::Interrupted => break,
        }
    }
    heard
}

#[test]
fn what_is_said_passes_both_ways() {
    let (mut desk, starts) = Desk::echo(Fault::None, LONG);
    let (machine, inbox) = desk.boot().unwrap();
    assert_eq!(listen(&inbox, b"up\n"), b"up\n");
    machine.send(b"hello".to_vec());
    assert_eq!(listen(&inbox, b"hello"), b"hello");
    assert_eq!(machine.inspect(), None);
    let started = starts.take();
    assert_eq!(started[0].kernel, kernel());
    assert_eq!(started[0].command_line, COMMAND_LINE);
}

#[test]
fn a_phone_that_left_for_its_boot_loader_is_loaded_again() {
    let (mut desk, starts) = Desk::echo(Fault::None, LONG);
    let (machine, inbox) = desk.boot().unwrap();
    listen(&inbox, b"up\n");
    machine.send(b"leave".to_vec());
    drop(machine);
    let (_machine, inbox) = desk.boot().unwrap();
    assert_eq!(listen(&inbox, b"up\n"), b"up\n");
    assert_eq!(starts.take().len(), 2);
}

#[test]
fn a_phone_that_hangs_is_an_error_until_its_buttons_are_pressed() {
    let (mut desk, _starts) = Desk::echo(Fault::None, SHORT);
    // Under load even a phone that is there may take longer than this test waits for one that is not.
    let (machine, inbox) = desk.boot().expect("it is in its boot loader");
    listen(&inbox, b"up\n");
    drop(machine);
    let error = desk.boot().unwrap_err();
    assert!(error.contains("no phone") && error.contains("host-runner twin"), "{error}");
    desk.stand_in.press(Button::BootLoader);
    desk.boot().expect("the buttons brought it back");
}

#[test]
fn the_reset_hook_brings_a_phone_that_hangs_back() {
    let folder = tempfile::tempdir().unwrap();
    let pressed = folder.path().join("pressed");
    let hook = format!("touch {}", pressed.display());
    let (inside, starts) = Echo::new();
    let mut desk = Desk::with_reset(inside, Fault::None, &kernel(), LONG, Some(&hook));
    drop(desk.boot().unwrap());
    let (stand_in, loader, over) = (&desk.stand_in, &desk.loader, &AtomicBool::new(false));
    let booted = thread::scope(|scope| {
        scope.spawn(move || {
            while !pressed.exists() && !over.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            stand_in.press(Button::BootLoader);
        });
        let booted = loader.boot(BootCount(9), channel().0);
        over.store(true, Ordering::Relaxed);
        booted
    });
    booted.expect("the hook was run");
    assert_eq!(starts.take().len(), 2);
}

#[test]
fn a_reset_hook_that_fails_is_told() {
    let (inside, _starts) = Echo::new();
    // Nobody else on this machine has the same command.
    let hook = format!("echo no relay; false # {}", std::process::id());
    let mut desk = Desk::with_reset(inside, Fault::None, &kernel(), LONG, Some(&hook));
    drop(desk.boot().unwrap());
    let error = desk.boot().unwrap_err();
    assert!(error.contains("no relay"), "{error}");
    let next = loader(&desk.stand_in, desk.folder.path(), SHORT, None);
    let Desk { stand_in, loader: first, .. } = desk;
    drop(first);
    let place = Place::of(&stand_in.device());
    let wedged = place.look().unwrap();
    assert!(matches!(wedged, Before::Wedged(_)));
    let error = next.boot(BootCount(1), channel().0).unwrap_err();
    assert!(error.contains("was marked as wedged: the board's command"), "{error}");
    drop(next);
    assert_eq!(place.look().unwrap(), wedged, "who found nobody knows nothing better");
    // The mark goes with the phone.
    drop(stand_in);
    assert_eq!(place.look(), Ok(Before::Free));
}

#[test]
fn two_runners_do_not_share_a_phone() {
    let (mut desk, starts) = Desk::echo(Fault::None, LONG);
    drop(desk.boot().unwrap());
    let other = loader(&desk.stand_in, desk.folder.path(), LONG, None);
    let refused = other.boot(BootCount(1), channel().0).unwrap_err();
    assert!(refused.contains("is in use by"), "{refused}");
    let Desk { stand_in, loader: first, .. } = desk;
    drop(first);
    stand_in.press(Button::BootLoader);
    other.boot(BootCount(2), channel().0).expect("it was given back");
    assert_eq!(starts.take().len(), 2);
}

#[test]
fn two_runners_that_know_a_phone_by_different_names_do_not_share_it() {
    let (mut desk, starts) = Desk::echo(Fault::None, LONG);
    let (machine, inbox) = desk.boot().unwrap();
    listen(&inbox, b"up\n");
    // It is in its boot loader again, and would do what anybody asks of it.
    machine.send(b"leave".to_vec());
    let mut same = board(&desk.stand_in, LONG, None);
    same.reach(Some(&desk.stand_in.device().replace("127.0.0.1", "127.1")), None, None);
    let other = loader_of(&same, desk.folder.path());
    let refused = other.boot(BootCount(1), channel().0).unwrap_err();
    assert!(refused.contains("is in use by"), "{refused}");
    assert_eq!(starts.take().len(), 1);
}

#[test]
fn a_phone_that_tells_no_serial_number_is_used_nevertheless() {
    let (mut desk, starts) = Desk::echo(Fault::Nameless, LONG);
    drop(desk.boot().unwrap());
    assert_eq!(starts.take().len(), 1);
}

#[test]
fn a_phone_that_was_left_wedged_is_told_to_the_next_runner() {
    let (mut desk, _starts) = Desk::echo(Fault::None, SHORT);
    drop(desk.boot().expect("it is in its boot loader"));
    desk.boot().unwrap_err();
    let next = loader(&desk.stand_in, desk.folder.path(), SHORT, None);
    let Desk { stand_in, loader: first, .. } = desk;
    drop(first);
    let error = next.boot(BootCount(1), channel().0).unwrap_err();
    assert!(error.contains("was marked as wedged: no phone"), "{error}");
    stand_in.press(Button::BootLoader);
    next.boot(BootCount(2), channel().0).expect("the mark does not keep one from trying");
}

#[test]
fn a_phone_that_vanishes_ends_the_line() {
    let (mut desk, _starts) = Desk::echo(Fault::None, LONG);
    let (mut machine, inbox) = desk.boot().unwrap();
    listen(&inbox, b"up\n");
    desk.stand_in.press(Button::Unplug);
    listen(&inbox, b"(never)");
    let Closed::Lost(why) = machine.why_ended() else { panic!("it was not switched off") };
    assert!(why.contains("unplugged"), "{why}");
}

#[test]
fn errors_come_with_advice() {
    let (mut desk, starts) = Desk::echo(Fault::Locked, LONG);
    let error = desk.boot().unwrap_err();
    assert!(error.starts_with("the phone is locked; unlocking wipes"), "{error}");
    assert_eq!(starts.take(), []);
}

#[test]
fn a_kernel_boots_on_a_machine() {
    // `movz x1, #0x900, lsl #16`, QEMU's UART; then `movz w2, #character; strb w2, [x1]` twice; then `b .`
    let code: [u32; 6] = [0xd2a1_2001, 0x5280_09e2, 0x3900_0022, 0x5280_0962, 0x3900_0022, 0x1400_0000];
    let mut kernel = vec![0; 64];
    // `b .+64`
    kernel[..4].copy_from_slice(&0x1400_0010_u32.to_le_bytes());
    kernel[16..24].copy_from_slice(&0x1000_u64.to_le_bytes());
    kernel[56..60].copy_from_slice(b"ARM\x64");
    kernel.extend(code.iter().flat_map(|instruction| instruction.to_le_bytes()));
    let mut desk = Desk::new(Virt, Fault::None, &kernel, LONG);
    let (_machine, inbox) = desk.boot().unwrap();
    assert_eq!(listen(&inbox, b"OK"), b"OK");
}
