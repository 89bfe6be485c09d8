//! A Pixel 6 in QEMU: every boot is one by a boot loader that puts the image and the device tree into RAM.

use super::{BootCount, Incoming, qemu};
use crate::board::TwinOptions;
use crate::image::Symbols;
use crate::parameters::random;
use crate::session::Closed;
use crate::twin::phone::at_rest;
use crate::twin::tree::{self, Patch};
use crate::twin::{Account, Twin, monitor};
use crate::workspace::Workspace;
use miette::{IntoDiagnostic, WrapErr};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use twin::block::{End, Options};

/// Starts the twin.
#[derive(Debug)]
pub struct PhoneInQemu {
    twin: Rc<Twin>,
    image: Vec<u8>,
    tree: Vec<u8>,
    options: Options,
    symbols: Rc<Symbols>,
}

/// One start of it.
#[derive(Debug)]
pub struct Process {
    pub(super) process: qemu::Process,
    twin: Rc<Twin>,
}

impl PhoneInQemu {
    pub(super) fn new(
        workspace: &Workspace,
        options: &TwinOptions,
        kernel: &Path,
        symbols: Rc<Symbols>,
    ) -> miette::Result<Self> {
        let image = std::fs::read(kernel).into_diagnostic().wrap_err("the image cannot be read")?;
        let tree = tree::compile(workspace, options.tree, &Patch { seed: random(), ..Patch::default() })?;
        let monitor = monitor::build(workspace)?;
        let twin = Twin::new(monitor).into_diagnostic().wrap_err("there is no memory for the twin")?;
        Ok(Self {
            twin: Rc::new(twin),
            image,
            tree,
            options: at_rest(options.tree).map_err(|bug| miette::miette!("{bug}"))?,
            symbols,
        })
    }

    pub(super) fn boot(&self, boot: BootCount, inbox: Sender<Incoming>) -> Result<Process, String> {
        let control = qemu::control_socket()?;
        self.twin.place(&self.image, &self.tree, &self.options).map_err(|error| error.to_string())?;
        let command = self.twin.command(&control);
        let process = qemu::start(command, control, Rc::clone(&self.symbols), boot, inbox)?;
        Ok(Process { process, twin: Rc::clone(&self.twin) })
    }

    pub(super) fn account(&self) -> Option<Account> {
        self.twin.record().map(Account::from)
    }
}

impl Process {
    pub(super) fn why_ended(&mut self) -> Closed {
        let closed = self.process.why_ended();
        match (self.twin.record().and_then(|record| record.end), closed) {
            (Some(end), Closed::PoweredOff) => told(end),
            (_, closed) => closed,
        }
    }
}

/// What a machine's end is to a session.
fn told(end: End) -> Closed {
    match end {
        End::PsciOff | End::PowerOff => Closed::PoweredOff,
        End::PsciReset => Closed::Reset("it asked for a reset".to_owned()),
        End::WarmReset => Closed::Reset("it asked the power management unit for a reset".to_owned()),
        End::Watchdog(number) => Closed::Reset(format!("watchdog {number} was not fed")),
        End::Monitor => Closed::Lost("bug: the twin's monitor could not go on".to_owned()),
    }
}
