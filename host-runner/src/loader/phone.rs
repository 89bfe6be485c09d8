//! Boards that are a phone: an image goes in by `fastboot boot`, and its console is a serial port.
//!
//! A phone cannot be switched off by pulling a cable, so a boot begins wherever the last one has left it. If it is not in
//! its boot loader, the board's reset hook is asked to bring it there; without one a person is, and has a while.
//!
//! Before anything is done to a phone it is made this runner's own (`held`). One at a place of a farm is acquired there, and its
//! supply brings it back.

use super::held::{Held, Reach};
use super::{BootCount, Incoming, Task, inspect, qmp};
use crate::board::{Board, FastbootOptions, Hooks, SerialOptions, StandInOptions};
use crate::boot_image::BootImage;
use crate::fastboot::{Fastboot, FastbootError, Phone as Found};
use crate::hooks;
use crate::image::Symbols;
use crate::interrupt;
use crate::labgrid::{LabgridError, Named, Tenancy};
use crate::lease;
use crate::link::{Port, Serial, SerialLine};
use crate::session::Closed;
use crate::stand_in::{Adapter, Button, Fault, InTwin, Settings, StandIn, Witness};
use crate::twin::Account;
use miette::{IntoDiagnostic, WrapErr};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How long a phone that may be in its boot loader already is looked for before anything is done to it.
const GLANCE: Duration = Duration::from_secs(2);

/// The same for one that this runner has told to go there: it resets itself first.
const RETURN: Duration = Duration::from_secs(15);

/// How long a phone that its last user could not bring back is waited for: if nobody has seen to it since, nobody will now.
const WEDGED: Duration = Duration::from_secs(10);

/// Starts an image on a phone.
#[derive(Debug)]
pub struct Phone {
    board: String,
    /// How it is reached, as far as its board's file says.
    named: Way,
    link: SerialOptions,
    hooks: Hooks,
    /// The boot image, beside the kernel in it.
    image: PathBuf,
    bytes: u64,
    /// Dropped before what is held: whoever on this machine may take the board next finds its place given back.
    site: Site,
    /// Where the console of its place was last.
    console: RefCell<Option<(Port, Rc<Serial>)>>,
    held: RefCell<Held>,
}

/// How a phone is reached.
#[derive(Clone, Debug)]
struct Way {
    fastboot: Fastboot,
    serial: Rc<Serial>,
}

/// Where a phone is, and so what brings it back.
#[derive(Debug)]
enum Site {
    /// On a desk: a person presses its buttons.
    Desk,
    /// In this program.
    Beside(Beside),
    /// At a place of a farm.
    Farm(RefCell<Tenancy>),
}

/// A phone that this program brings with it: its buttons are within reach, and it can be looked into.
#[derive(Debug)]
struct Beside {
    stand_in: StandIn,
    witness: Witness,
    symbols: Rc<Symbols>,
}

/// A phone that runs an image, as far as it is known here: a line.
#[derive(Debug)]
pub struct RunningPhone {
    line: SerialLine,
    /// How to look into it. A retail phone has no debug port that answers.
    view: Option<(Witness, Rc<Symbols>)>,
}

impl Phone {
    pub(super) fn new(
        board: &Board,
        load: &FastbootOptions,
        link: &SerialOptions,
        kernel: &Path,
        task: &Task,
    ) -> miette::Result<Self> {
        let FastbootOptions { product, device, find, send, .. } = load.clone();
        let reach = Reach::new(&board.name, &board.hooks, device.as_deref());
        let (image, bytes) =
            write_image(kernel, &task.command_line).map_err(|reason| miette::miette!("{reason}"))?;
        Ok(Self {
            board: board.name.clone(),
            named: Way {
                fastboot: Fastboot { device, product, find, send },
                serial: Rc::new(Serial::new(link.clone())),
            },
            link: link.clone(),
            hooks: board.hooks.clone(),
            image,
            bytes,
            site: Site::Desk,
            console: RefCell::new(None),
            held: RefCell::new(Held::shared(lease::shared_folder(), task.total + find + send, reach)),
        })
    }

    /// The phone at a place of a farm.
    pub(super) fn at_place(
        board: &Board,
        load: &FastbootOptions,
        link: &SerialOptions,
        tenancy: Tenancy,
        kernel: &Path,
        task: &Task,
    ) -> miette::Result<Self> {
        let mut phone = Self::new(board, load, link, kernel, task)?;
        // What its commands reach is told by the place.
        let reach = Reach::new(&board.name, &Hooks::default(), Some(&tenancy.key()));
        let total = task.total + load.find + load.send;
        phone.held = RefCell::new(Held::shared(lease::shared_folder(), total, reach));
        phone.site = Site::Farm(RefCell::new(tenancy));
        Ok(phone)
    }

    /// The twin, behind a stand-in for the phone's boot loader.
    pub(super) fn beside(
        board: &Board,
        load: &StandInOptions,
        link: &SerialOptions,
        inside: InTwin,
        kernel: &Path,
        task: &Task,
        symbols: Rc<Symbols>,
    ) -> miette::Result<Self> {
        let witness = inside.witness();
        let (product, fault) = (load.product.clone(), Fault::None);
        let settings = Settings { product, fault, port: 0, adapter: Adapter::Here, inside: Box::new(inside) };
        let stand_in = StandIn::begin(settings)
            .into_diagnostic()
            .wrap_err("the stand-in for the phone does not start")?;
        let link = SerialOptions::at(stand_in.port().clone(), link.bauds.clone());
        let mut phone = Self::new(board, &load.fastboot(stand_in.device()), &link, kernel, task)?;
        phone.held = RefCell::new(Held::alone(task.total));
        phone.site = Site::Beside(Beside { stand_in, witness, symbols });
        Ok(phone)
    }

    /// What a witness of the phone's accesses has seen since the last start.
    pub(super) fn account(&self) -> Option<Account> {
        self.inside()?.witness.account()
    }

    /// Why the phone may be somebody else's by now. A lease cannot be taken away, a place can.
    pub(super) fn lost(&self) -> Option<String> {
        match &self.site {
            Site::Farm(tenancy) => tenancy.borrow().check().err().map(|error| in_words(&error)),
            Site::Desk | Site::Beside(_) => None,
        }
    }

    pub(super) fn boot(&self, boot: BootCount, inbox: Sender<Incoming>) -> Result<RunningPhone, String> {
        let way = self.hold()?;
        let started = self.start(&way, boot, inbox);
        let mut held = self.held.borrow_mut();
        match &started {
            // It was not given the time that it may take to come.
            Err(Failure::Fastboot(error)) if error.is_absence() && interrupt::is_wanted() => {}
            Err(Failure::Fastboot(error))
                if held.started || matches!(error, FastbootError::Stalled { .. }) =>
            {
                held.mark(Some(&error.to_string()));
            }
            Err(Failure::Hook(reason)) if held.started => held.mark(Some(reason)),
            // One that was never seen is not there, rather than unwell: nothing new is known of it.
            Err(_) => {}
            Ok(_) => held.mark(None),
        }
        held.started |= started.is_ok();
        let left = held.left.take();
        started.map_err(|failure| failure.in_words(left))
    }

    /// Waits for a place that somebody else has.
    pub(super) fn prepare(&self) {
        let Site::Farm(tenancy) = &self.site else { return };
        let mut tenancy = tenancy.borrow_mut();
        let deadline = Instant::now() + tenancy.patience();
        let mut held = self.held.borrow_mut();
        if held.hold_within(&tenancy.key(), tenancy.patience()).is_ok() {
            if held.abandoned {
                tenancy.outlast_keeper();
            }
            tenancy.wait_until(deadline);
        }
    }

    /// Makes the phone this runner's, or makes sure that it still is, and says how it is reached.
    fn hold(&self) -> Result<Way, String> {
        let mut held = self.held.borrow_mut();
        let Site::Farm(tenancy) = &self.site else {
            held.hold(self.named.fastboot.device.as_deref().unwrap_or(&self.board))?;
            return Ok(self.named.clone());
        };
        let mut tenancy = tenancy.borrow_mut();
        // First of all: for labgrid, all runs of one user are one.
        held.hold(&tenancy.key())?;
        let named = Named { device: self.named.fastboot.device.as_deref(), console: self.link.port.as_ref() };
        let found = tenancy.hold(named).map_err(|error| in_words(&error))?;
        Ok(Way {
            fastboot: Fastboot { device: Some(found.device), ..self.named.fastboot.clone() },
            serial: if self.link.port.is_some() {
                Rc::clone(&self.named.serial)
            } else {
                self.serial_at(found.console)
            },
        })
    }

    /// The console there; the one of the last boot, which knows its speed, where it has not moved.
    fn serial_at(&self, console: Port) -> Rc<Serial> {
        let mut last = self.console.borrow_mut();
        if let Some((_, serial)) = last.as_ref().filter(|(port, _)| *port == console) {
            return Rc::clone(serial);
        }
        let serial = Rc::new(Serial::new(SerialOptions::at(console.clone(), self.link.bauds.clone())));
        *last = Some((console, Rc::clone(&serial)));
        serial
    }

    fn start(&self, way: &Way, boot: BootCount, inbox: Sender<Incoming>) -> Result<RunningPhone, Failure> {
        let phone = self.bring_to_boot_loader(way)?;
        // Before the image starts: its first words are not to be missed, nor those of the boot loader.
        let line = way.serial.open(boot, inbox).map_err(Failure::Told)?;
        way.fastboot.boot(&phone, &self.image)?;
        let view = self.inside().map(|beside| (beside.witness.clone(), Rc::clone(&beside.symbols)));
        Ok(RunningPhone { line, view })
    }

    fn bring_to_boot_loader(&self, way: &Way) -> Result<Found, Failure> {
        match self.find(way, self.until_something_is_done()) {
            // That it is not waited for any longer does not mean that it is not on its way.
            Err(Failure::Fastboot(error)) if error.is_absence() && !interrupt::is_wanted() => {}
            found => return found,
        }
        let left = self.held.borrow().left.is_some();
        match (&self.hooks.reset, &self.site) {
            (_, Site::Beside(beside)) => beside.stand_in.press(Button::BootLoader),
            (Some(command), Site::Desk | Site::Farm(_)) => self.run(command).map_err(Failure::Hook)?,
            (None, Site::Farm(tenancy)) => {
                tenancy.borrow().cycle_power().map_err(|error| Failure::Hook(in_words(&error)))?;
            }
            (None, Site::Desk) if left => return self.find(way, WEDGED),
            (None, Site::Desk) => self.ask_a_person(),
        }
        self.find(way, way.fastboot.find)
    }

    fn find(&self, way: &Way, patience: Duration) -> Result<Found, Failure> {
        let (known, find) = (self.held.borrow().device.clone(), patience.min(way.fastboot.find));
        let device = known.or_else(|| way.fastboot.device.clone());
        let fastboot = Fastboot { device, find, ..way.fastboot.clone() };
        let seen = fastboot.discover()?;
        let mut held = self.held.borrow_mut();
        let is_new = held.device.is_none();
        held.see(&seen).map_err(Failure::Told)?;
        let phone = fastboot.examine(&seen.device, self.bytes)?;
        held.recognise(&phone).map_err(Failure::Told)?;
        if let Some(doubt) = held.doubt(&phone).filter(|_| is_new) {
            anstream::eprintln!("{doubt}");
        }
        Ok(phone)
    }

    /// Neither buttons nor a supply are to meet a phone that is on its way. A phone beside this program minds nothing.
    fn until_something_is_done(&self) -> Duration {
        let is_on_its_way = self.held.borrow().started && self.inside().is_none();
        if is_on_its_way { RETURN } else { GLANCE }
    }

    /// By its name, where it has one: others that run may be on the same desk.
    fn ask_a_person(&self) {
        let device = self.named.fastboot.device.clone();
        let name = device.as_ref().map(|device| format!(" {device}")).unwrap_or_default();
        let how = FastbootError::NoDevice { device, within: self.named.fastboot.find }.advice();
        anstream::eprintln!("waiting for the phone{name}: {how}");
    }

    /// Runs one of the board's own commands.
    fn run(&self, command: &str) -> Result<(), String> {
        match &self.site {
            Site::Farm(tenancy) => hooks::run(command, &self.board, &tenancy.borrow().environment()),
            Site::Desk | Site::Beside(_) => hooks::run(command, &self.board, &[]),
        }
    }

    /// What is beside this program, and can be looked into.
    const fn inside(&self) -> Option<&Beside> {
        match &self.site {
            Site::Beside(beside) => Some(beside),
            Site::Desk | Site::Farm(_) => None,
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if let (Some(command), true) = (&self.hooks.power_off, self.held.borrow().may_switch_off())
            && self.lost().is_none()
            && let Err(reason) = self.run(command)
        {
            anstream::eprintln!("{reason}");
        }
    }
}

/// Why a phone was not started.
enum Failure {
    /// It does not answer, or said no.
    Fastboot(FastbootError),
    /// What was to bring it back did not, in words.
    Hook(String),
    /// Something else, in words.
    Told(String),
}

impl From<FastbootError> for Failure {
    fn from(error: FastbootError) -> Self {
        Self::Fastboot(error)
    }
}

impl Failure {
    fn in_words(self, left: Option<String>) -> String {
        let words = match self {
            Self::Fastboot(error) => format!("{error}; {}", error.advice()),
            Self::Hook(words) | Self::Told(words) => words,
        };
        match left {
            Some(left) => format!("{words}; {left}"),
            None => words,
        }
    }
}

/// What went wrong with a phone's place, and what to do about it.
fn in_words(error: &LabgridError) -> String {
    format!("{error}; {}", error.advice())
}

impl RunningPhone {
    pub(super) fn send(&self, bytes: Vec<u8>) {
        self.line.send(bytes);
    }

    pub(super) fn inspect(&self) -> Option<String> {
        let (witness, symbols) = self.view.as_ref()?;
        let registers = qmp::monitor(&witness.control()?, "info registers -a").ok()?;
        Some(inspect::describe(&registers, symbols))
    }

    pub(super) fn why_ended(&self) -> Closed {
        Closed::Lost(self.line.why_ended())
    }
}

/// Writes the boot image beside `kernel`.
fn write_image(kernel: &Path, command_line: &str) -> Result<(PathBuf, u64), String> {
    let failed = |error: std::io::Error| format!("the boot image cannot be made: {error}");
    let kernel_bytes = fs::read(kernel).map_err(failed)?;
    let image = BootImage { command_line: command_line.to_owned(), kernel: kernel_bytes };
    let bytes = image.write().map_err(|error| format!("the boot image cannot be made: {error}"))?;
    let path = kernel.with_file_name("boot.img");
    fs::write(&path, &bytes).map_err(failed)?;
    Ok((path, bytes.len() as u64))
}
