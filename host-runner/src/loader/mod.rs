//! Getting an image onto a board and the board started.
//!
//! A [`Machine`] is one boot of one board: made by [`Loader::boot`], over when dropped. Its bytes come through the
//! channel that the loader was given, marked with the boot they belong to, so that bytes of a machine that is gone
//! are told from those of its successor.

mod debugged;
mod held;
mod inspect;
mod phone;
pub(crate) mod qemu;
mod qmp;

use crate::board::{Board, Link, Load};
use crate::dump::{Dump, Region};
use crate::image::Symbols;
use crate::labgrid::Tenancy;
use crate::session::Closed;
use crate::stand_in::InTwin;
use crate::twin::Account;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Which start of the board something belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootCount(pub u32);

/// What happens outside, in the order in which it happened.
#[derive(Debug)]
pub enum Incoming {
    /// The board said something.
    Bytes {
        /// Which boot.
        boot: BootCount,
        /// When.
        at: Instant,
        /// What.
        bytes: Vec<u8>,
    },
    /// The line of this boot has ended.
    Ended(BootCount),
    /// The user wants the run to end.
    Interrupted,
}

/// What a board is to do, as far as it matters before it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// What the image finds on its kernel command line, where a boot loader passes that on.
    pub command_line: String,
    /// How long the run may take.
    pub total: Duration,
}

/// Starts boards of one kind with one image.
#[derive(Debug)]
pub enum Loader {
    /// A QEMU that is started for every boot.
    Qemu(qemu::Qemu),
    /// A phone that stays where it is.
    Phone(Box<phone::Phone>),
    /// A board behind a debug server.
    Debugged(Box<debugged::Debugged>),
}

/// One boot of a board. Dropping it ends the boot as far as that can be done from here.
#[derive(Debug)]
pub enum Machine {
    /// A QEMU process.
    Qemu(qemu::Process),
    /// A phone that was given an image.
    Phone(phone::RunningPhone),
    /// A board that a debug server has loaded.
    Debugged(debugged::DebuggedBoard),
}

impl Loader {
    /// The loader that `board` names, for the arm64 `Image` at `kernel`.
    ///
    /// # Errors
    ///
    /// When what the board needs beside the image cannot be made.
    pub fn new(
        workspace: &Workspace,
        board: &Board,
        kernel: PathBuf,
        symbols: Rc<Symbols>,
        task: &Task,
    ) -> miette::Result<Self> {
        Ok(match (&board.load, &board.link) {
            (Load::Qemu(options), link) => {
                let line = qemu::LineKind::new(link, &symbols)?;
                Self::Qemu(qemu::Qemu::new(options.clone(), line, kernel, symbols))
            }
            (Load::Fastboot(load), Link::Serial(link)) => Self::Phone(Box::new(match &board.labgrid {
                Some(place) => {
                    let tenancy = Tenancy::new(workspace, place);
                    phone::Phone::at_place(board, load, link, tenancy, &kernel, task)?
                }
                None => phone::Phone::new(board, load, link, &kernel, task)?,
            })),
            (Load::StandIn(load), Link::Serial(link)) => {
                let inside = InTwin::new(workspace, load.tree)?;
                let phone = phone::Phone::beside(board, load, link, inside, &kernel, task, symbols)?;
                Self::Phone(Box::new(phone))
            }
            (Load::Gdb(load), _) => Self::Debugged(Box::new(debugged::Debugged::new(
                workspace, board, load, &kernel, symbols, task,
            )?)),
            (Load::Fastboot(_) | Load::StandIn(_), Link::QemuSerial | Link::Gdb) => {
                miette::bail!("bug: a phone was given a line of QEMU's")
            }
        })
    }

    /// What a witness of the machine's accesses has seen since the last start; none where there is no witness, or it did not
    /// get as far.
    #[must_use]
    pub fn account(&self) -> Option<Account> {
        match self {
            Self::Qemu(_) | Self::Debugged(_) => None,
            Self::Phone(phone) => phone.account(),
        }
    }

    /// Waits until the board can be had, where its file says how long. Whether it can, the first boot tells.
    pub fn prepare(&self) {
        match self {
            Self::Qemu(_) | Self::Debugged(_) => {}
            Self::Phone(phone) => phone.prepare(),
        }
    }

    /// Why the board may be somebody else's by now; none where nothing speaks for that.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        match self {
            Self::Qemu(_) | Self::Debugged(_) => None,
            Self::Phone(phone) => phone.lost(),
        }
    }

    /// Starts the board; what it says goes to `inbox`.
    ///
    /// # Errors
    ///
    /// When it cannot be started: why, and what to do about it.
    pub fn boot(&self, boot: BootCount, inbox: Sender<Incoming>) -> Result<Machine, String> {
        match self {
            Self::Qemu(qemu) => qemu.boot(boot, inbox).map(Machine::Qemu),
            Self::Phone(phone) => phone.boot(boot, inbox).map(Machine::Phone),
            Self::Debugged(board) => board.boot(boot, inbox).map(Machine::Debugged),
        }
    }
}

impl Machine {
    /// Sends `bytes`, without waiting for the board to take them.
    pub fn send(&self, bytes: Vec<u8>) {
        match self {
            Self::Qemu(process) => process.send(bytes),
            Self::Phone(phone) => phone.send(bytes),
            Self::Debugged(board) => board.send(bytes),
        }
    }

    /// What the cores are doing, as a debugger sees it; none if it does not say so in time.
    #[must_use]
    pub fn inspect(&self) -> Option<String> {
        match self {
            Self::Qemu(process) => process.inspect(),
            Self::Phone(phone) => phone.inspect(),
            Self::Debugged(board) => board.inspect(),
        }
    }

    /// What these pieces of memory hold; none without a debug link, or if it ends over that.
    #[must_use]
    pub fn dump(&self, regions: &[Region]) -> Option<Vec<Dump>> {
        match self {
            Self::Qemu(process) => process.dump(regions),
            Self::Phone(_) => None,
            Self::Debugged(board) => board.dump(regions),
        }
    }

    /// Why the line has ended.
    pub fn why_ended(&mut self) -> Closed {
        match self {
            Self::Qemu(process) => process.why_ended(),
            Self::Phone(phone) => phone.why_ended(),
            Self::Debugged(board) => board.why_ended(),
        }
    }
}

/// Where the image has its ring for debuggers.
fn ring(symbols: &Symbols) -> miette::Result<u64> {
    let missing = || {
        let symbol = wire::ram::SYMBOL;
        miette::miette!(
            help = "the firmware's images have one; was the ELF file stripped?",
            "the image has no ring for debuggers: the symbol {symbol} is missing"
        )
    };
    symbols.ring().ok_or_else(missing)
}
