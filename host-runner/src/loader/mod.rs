//! Getting an image onto a board and the board started.
//!
//! A [`Machine`] is one boot of one board: made by [`Loader::boot`], over when dropped. Its bytes come through the
//! channel that the loader was given, marked with the boot they belong to, so that bytes of a machine that is gone
//! are told from those of its successor.

mod inspect;
mod qemu;
mod qmp;

use crate::board::{Board, Load};
use crate::image::Symbols;
use crate::session::Closed;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::Instant;

pub use qemu::kill_all;

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

/// Starts boards of one kind with one image.
#[derive(Debug)]
pub enum Loader {
    /// A QEMU that is started for every boot.
    Qemu(qemu::Qemu),
}

/// One boot of a board. Dropping it switches the board off.
#[derive(Debug)]
pub enum Machine {
    /// A QEMU process.
    Qemu(qemu::Process),
}

impl Loader {
    /// The loader that `board` names, for the arm64 `Image` at `kernel`.
    #[must_use]
    pub fn new(board: &Board, kernel: PathBuf, symbols: Rc<Symbols>) -> Self {
        match &board.load {
            Load::Qemu(options) => Self::Qemu(qemu::Qemu::new(options.clone(), kernel, symbols)),
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
        }
    }
}

impl Machine {
    /// Sends `bytes`, without waiting for the board to take them.
    pub fn send(&self, bytes: Vec<u8>) {
        match self {
            Self::Qemu(process) => process.send(bytes),
        }
    }

    /// What the cores are doing, as a debugger sees it; none if it does not say so in time.
    #[must_use]
    pub fn inspect(&self) -> Option<String> {
        match self {
            Self::Qemu(process) => process.inspect(),
        }
    }

    /// Why the line has ended.
    pub fn why_ended(&mut self) -> Closed {
        match self {
            Self::Qemu(process) => process.why_ended(),
        }
    }
}
