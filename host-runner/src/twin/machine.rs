//! Starting the twin.

use super::ram::Ram;
use crate::loader::qemu::{FIXED, STDIO_LINE};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use twin::block::{Options, Record};
use twin::{CORES, TIMER_HZ};

/// A phone that can be started, again and again with the same RAM.
#[derive(Debug)]
pub struct Twin {
    monitor: PathBuf,
    ram: Ram,
}

impl Twin {
    /// A phone that was never started, with this monitor.
    ///
    /// # Errors
    ///
    /// When there is no RAM for it.
    pub fn new(monitor: PathBuf) -> io::Result<Self> {
        Ok(Self { monitor, ram: Ram::new()? })
    }

    /// Puts the image and the device tree where the options say, for the next start.
    ///
    /// # Errors
    ///
    /// When one of them does not fit into RAM.
    pub fn place(&self, image: &[u8], tree: &[u8], options: &Options) -> io::Result<()> {
        self.ram.write(options.entry, image)?;
        self.ram.write(options.device_tree, tree)?;
        self.ram.set_options(options)
    }

    /// QEMU with what was placed. Its standard input and output are the serial port, and it ends when the phone is
    /// reset: [`Self::record`] tells why.
    #[must_use]
    pub fn command(&self, control: &Path) -> Command {
        let bytes = Ram::size();
        let ram = format!(
            "memory-backend-file,id=ram,size={bytes},share=on,mem-path={}",
            self.ram.path().display()
        );
        let mut command = Command::new("qemu-system-aarch64");
        command
            .args(["-machine", "virt,gic-version=3,virtualization=on,memory-backend=ram"])
            .args(["-object", &ram])
            .args(["-m", &format!("{}M", bytes >> 20)])
            .args(["-cpu", &format!("cortex-a76,cntfrq={TIMER_HZ}")])
            .args(["-smp", &CORES.to_string()])
            .args(FIXED)
            .args(STDIO_LINE)
            .args(["-no-reboot", "-kernel"])
            .arg(&self.monitor)
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", control.display()));
        command
    }

    /// What the monitor has noted since the last start; none if it did not get as far.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.ram.record()
    }

    /// The RAM.
    #[must_use]
    pub const fn ram(&self) -> &Ram {
        &self.ram
    }
}
