//! The real `fastboot` program: asked one thing at a time, under a deadline, and its words understood.
//!
//! The program waits for ever where no device is there, and where a connection is lost before a device has answered. It
//! ends well where a device refuses a question. So neither its patience nor its exit code is relied on: each call has a
//! deadline, and what it says is read (`words`). What went wrong comes out as an error with advice (`error`).

mod error;
mod words;

pub use error::FastbootError;
pub use words::{Seen, Sighting};

use crate::interrupt;
use crate::processes::{Outcome, run_within};
use crate::setup::how_to_install_fastboot;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = "fastboot";

/// How often the bus is looked at for a phone that is not there yet.
const GLANCE: Duration = Duration::from_millis(250);

/// How long a phone that is there may take to answer a question.
const ANSWER: Duration = Duration::from_secs(10);

/// A phone in its boot loader, as the `fastboot` program reaches it.
#[derive(Clone, Debug)]
pub struct Fastboot {
    /// `-s`: a serial number, `usb:PATH`, or `tcp:HOST:PORT`; none for the only one there is.
    pub device: Option<String>,
    /// What the phone must call itself.
    pub product: String,
    /// How long to wait for the phone.
    pub find: Duration,
    /// How long sending and starting an image may take.
    pub send: Duration,
}

/// A phone that was found to be the right one, in its boot loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Which it is: what `-s` takes.
    pub device: String,
    /// The serial number that it tells, whatever `-s` was given; none if it tells none.
    pub serial: Option<String>,
}

impl Fastboot {
    /// Waits for the phone to come to its boot loader, or for Ctrl-C, and says which it is. Nothing is said to it yet, and
    /// nothing can be seen of one with an address.
    ///
    /// # Errors
    ///
    /// When there is none, more than one, or one that may not be opened.
    pub fn discover(&self) -> Result<Seen, FastbootError> {
        if let Some(address) = self.device.as_ref().filter(|device| is_address(device)) {
            return Ok(Seen { device: address.clone(), path: None });
        }
        let deadline = Instant::now() + self.find;
        let goes_on = || Instant::now() < deadline && !interrupt::is_wanted();
        loop {
            let seen = Self::sightings()?;
            match words::choose(&seen, self.device.as_deref()) {
                Ok(Some(seen)) => return Ok(seen),
                // A phone that has just come may still get its permissions.
                Ok(None) | Err(FastbootError::NoPermission { .. }) if goes_on() => {}
                Ok(None) => {
                    return Err(FastbootError::NoDevice { device: self.device.clone(), within: self.find });
                }
                Err(error) => return Err(error),
            }
            thread::sleep(GLANCE);
        }
    }

    /// Makes sure that `device` is the right phone and takes an image of `bytes` bytes.
    ///
    /// # Errors
    ///
    /// When it does not answer, is another one, or would not take the image.
    pub fn examine(&self, device: &str, bytes: u64) -> Result<Phone, FastbootError> {
        let found = self.product(device)?;
        if found != self.product {
            return Err(FastbootError::WrongProduct { expected: self.product.clone(), found });
        }
        if variable(device, "unlocked")?.as_deref() == Some("no") {
            return Err(FastbootError::Locked);
        }
        if variable(device, "is-userspace")?.as_deref() == Some("yes") {
            return Err(FastbootError::Userspace);
        }
        let most = variable(device, "max-download-size")?.and_then(|size| words::size(&size));
        if let Some(most) = most.filter(|most| bytes > *most) {
            return Err(FastbootError::TooLarge { bytes, most });
        }
        let serial = variable(device, "serialno")?.filter(|serial| !serial.is_empty());
        Ok(Phone { device: device.to_owned(), serial })
    }

    /// Sends the boot image at `path` to `phone` and starts it.
    ///
    /// # Errors
    ///
    /// When the phone refuses, stops answering, or goes away before it has said that it starts the image.
    pub fn boot(&self, phone: &Phone, path: &Path) -> Result<(), FastbootError> {
        let path = path.to_string_lossy();
        let outcome = call(Some(&phone.device), &["boot", &path], self.send)?;
        words::booted(&outcome, self.send)
    }

    /// Which phones in their boot loaders are at this machine's USB; an address is not looked for.
    ///
    /// # Errors
    ///
    /// When the program does not start.
    pub fn sightings() -> Result<Vec<Sighting>, FastbootError> {
        Ok(words::sightings(&call(None, &["devices", "-l"], ANSWER)?.said))
    }

    /// What `device` calls itself: the first question. At an address the program itself waits for the phone. One that is there
    /// has time to answer, however short a time it is looked for.
    ///
    /// # Errors
    ///
    /// When it does not answer, or does not say.
    pub fn product(&self, device: &str) -> Result<String, FastbootError> {
        let (begun, patience) = (Instant::now(), if is_address(device) { self.find } else { ANSWER });
        let is_over = || begun.elapsed() >= patience || interrupt::is_wanted();
        let gone = |said: &str| words::is_waiting(said) && is_over();
        let outcome = call_unless(Some(device), &["getvar", "product"], patience.max(ANSWER), gone)?;
        let patience = if words::is_waiting(&outcome.said) { patience } else { patience.max(ANSWER) };
        words::variable(&outcome, "product", device, patience)?.ok_or_else(|| FastbootError::WrongProduct {
            expected: self.product.clone(),
            found: "(it does not say)".to_owned(),
        })
    }
}

fn variable(device: &str, name: &str) -> Result<Option<String>, FastbootError> {
    let outcome = call(Some(device), &["getvar", name], ANSWER)?;
    words::variable(&outcome, name, device, ANSWER)
}

/// Whether `-s` takes this as an address rather than looking for it at the USB.
#[must_use]
pub fn is_address(device: &str) -> bool {
    device.starts_with("tcp:") || device.starts_with("udp:")
}

fn call(device: Option<&str>, arguments: &[&str], within: Duration) -> Result<Outcome, FastbootError> {
    call_unless(device, arguments, within, |_| false)
}

/// The same, given up earlier where by what it says it is of no use.
fn call_unless(
    device: Option<&str>,
    arguments: &[&str],
    within: Duration,
    useless: impl Fn(&str) -> bool,
) -> Result<Outcome, FastbootError> {
    let mut command = Command::new(PROGRAM);
    if let Some(device) = device {
        command.args(["-s", device]);
    }
    let given_up = |said: &str| words::is_hopeless(said) || useless(said);
    run_within(command.args(arguments), within, given_up).map_err(|error| match error.kind() {
        ErrorKind::NotFound => FastbootError::NotInstalled { remedy: how_to_install_fastboot() },
        _ => FastbootError::NotStarted { reason: error.to_string() },
    })
}
