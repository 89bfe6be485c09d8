//! The Pixel 6's twin as what is inside the stand-in.
//!
//! The boot loader's part of it is here: the image at its place, the device tree with what a phone's boot loader adds and the
//! header's words in `/chosen/bootargs`, and what comes up after the image has ended.

use super::inside::{Inside, Machine, Next, Started};
use crate::boot_image::BootImage;
use crate::loader::qemu::control_socket;
use crate::parameters::random;
use crate::processes::Group;
use crate::twin::phone::{Shape, at_rest};
use crate::twin::tree::{self, Patch};
use crate::twin::{Account, Twin, monitor};
use crate::units::parse_duration;
use crate::workspace::Workspace;
use clap::Args;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use twin::block::{End, Options, Record};

/// What SYSIP_DAT0 holds for a boot loader that is to stay (Linux, gs101.dtsi, `reboot-mode`, `mode-bootloader`).
const STAY_IN_BOOT_LOADER: u32 = 0xfc;

/// What is not as it should be with the phone, whatever its boot loader does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Troubles {
    /// After so many bytes of each start its serial port says and hears nothing any more
    #[arg(long, value_name = "BYTES")]
    pub silent_after: Option<u64>,
    /// Its boot loader leaves a watchdog running, which bites after this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub watchdog: Option<Duration>,
    /// Its console is off, and its boot loader says so
    #[arg(long)]
    pub console_off: bool,
}

/// The twin, to be started by a boot loader.
#[derive(Debug)]
pub struct InTwin {
    workspace: Workspace,
    shape: Shape,
    troubles: Troubles,
    witness: Witness,
}

/// What can be seen of the twin from outside, at any time.
#[derive(Clone, Debug)]
pub struct Witness {
    twin: Arc<Twin>,
    /// The control socket of the QEMU that runs.
    control: Arc<Mutex<Option<PathBuf>>>,
}

impl InTwin {
    /// A twin that was never started, with this one of the phone's device trees.
    ///
    /// # Errors
    ///
    /// When its monitor cannot be built, or there is no memory for it.
    pub fn new(workspace: &Workspace, shape: Shape) -> Result<Self> {
        let twin = Twin::new(monitor::build(workspace)?)
            .into_diagnostic()
            .wrap_err("there is no memory for the twin")?;
        let witness = Witness { twin: Arc::new(twin), control: Arc::default() };
        Ok(Self { workspace: workspace.clone(), shape, troubles: Troubles::default(), witness })
    }

    /// The same, with these troubles.
    #[must_use]
    pub fn with(self, troubles: Troubles) -> Self {
        Self { troubles, ..self }
    }

    /// To look at it from outside.
    #[must_use]
    pub fn witness(&self) -> Witness {
        self.witness.clone()
    }
}

impl InTwin {
    /// The boot image's words, and the boot loader's own.
    fn command_line(&self, image: &BootImage) -> String {
        let own = if self.troubles.console_off { " console=null" } else { "" };
        format!("{}{own}", image.command_line)
    }

    fn options(&self) -> std::result::Result<Options, String> {
        let mut options = at_rest(self.shape)?;
        options.uart_dies_after = self.troubles.silent_after.unwrap_or(options.uart_dies_after);
        let watchdog = self.troubles.watchdog.map(|time| time.as_millis());
        options.watchdog_ms = watchdog.map_or(0, |ms| u64::try_from(ms).unwrap_or(u64::MAX));
        Ok(options)
    }
}

impl Inside for InTwin {
    fn start(&mut self, image: &BootImage) -> std::result::Result<Started, String> {
        let patch = Patch { bootargs: Some(self.command_line(image)), seed: random(), ..Patch::default() };
        let tree = tree::compile(&self.workspace, self.shape, &patch).map_err(|error| error.to_string())?;
        let options = self.options()?;
        let twin = Arc::clone(&self.witness.twin);
        twin.place(&image.kernel, &tree, &options).map_err(|error| error.to_string())?;
        let control = control_socket()?;
        let mut command = twin.command(&control);
        // What QEMU complains about is for whoever runs the stand-in, and nothing that a phone would say.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).process_group(0);
        let mut qemu = command.spawn().map_err(|error| format!("QEMU does not start: {error}"))?;
        let group = Group::of(&qemu);
        let (Some(to_uart), Some(from_uart)) = (qemu.stdin.take(), qemu.stdout.take()) else {
            return Err("QEMU was started without its pipes".to_owned());
        };
        self.witness.set_control(Some(control));
        let machine = Running { group, qemu, witness: self.witness() };
        Ok(Started { from_uart: Box::new(from_uart), to_uart: Box::new(to_uart), machine: Box::new(machine) })
    }
}

impl Witness {
    /// What the monitor has noted since the last start.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.twin.record()
    }

    /// The same, for a session.
    #[must_use]
    pub fn account(&self) -> Option<Account> {
        self.record().map(Account::from)
    }

    /// The control socket of the QEMU that runs, if one does.
    #[must_use]
    pub fn control(&self) -> Option<PathBuf> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_control(&self, control: Option<PathBuf>) {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = control;
    }
}

/// A QEMU that is the twin.
#[derive(Debug)]
struct Running {
    group: Group,
    qemu: Child,
    witness: Witness,
}

impl Machine for Running {
    fn next(&mut self) -> Next {
        self.witness.twin.record().map_or(Next::Gone, |record| after(&record))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.witness.set_control(None);
        self.group.kill();
        let _ = self.qemu.wait();
    }
}

/// What a phone does when an image has ended so. One that was not told to stay in its boot loader boots what is installed.
fn after(record: &Record) -> Next {
    match record.end {
        Some(End::WarmReset | End::PsciReset | End::Watchdog(_))
            if record.boot_mode == STAY_IN_BOOT_LOADER =>
        {
            Next::BootLoader
        }
        _ => Next::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reset_that_asks_for_it_ends_in_the_boot_loader() {
        let after = |end, boot_mode| after(&Record { end, boot_mode, ..Record::default() });
        assert_eq!(after(Some(End::WarmReset), 0xfc), Next::BootLoader);
        assert_eq!(after(Some(End::Watchdog(0)), 0xfc), Next::BootLoader);
        assert_eq!(after(Some(End::WarmReset), 0), Next::Gone);
        assert_eq!(after(Some(End::PowerOff), 0xfc), Next::Gone);
        assert_eq!(after(None, 0xfc), Next::Gone);
    }
}
