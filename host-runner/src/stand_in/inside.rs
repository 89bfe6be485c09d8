//! What is inside the stand-in: the machine that the boot loader starts an image on.

use crate::boot_image::BootImage;
use std::fmt::Debug;
use std::io::{Read, Write};

/// Starts images as the phone behind the boot loader does.
pub trait Inside: Debug + Send {
    /// Starts `image`.
    ///
    /// # Errors
    ///
    /// When it cannot be started, in words: the boot loader prints them on the line and stays in fastboot.
    fn start(&mut self, image: &BootImage) -> Result<Started, String>;
}

/// A machine that runs an image.
#[derive(Debug)]
pub struct Started {
    /// What the UART says. Its end is the end of the machine.
    pub from_uart: Box<dyn Uart>,
    /// What the UART hears.
    pub to_uart: Box<dyn Hears>,
    /// Dropped, it switches the machine off; asked, it says how the machine ended.
    pub machine: Box<dyn Machine>,
}

/// The UART's way out.
pub trait Uart: Read + Debug + Send {}
impl<T: Read + Debug + Send> Uart for T {}

/// The UART's way in.
pub trait Hears: Write + Debug + Send {}
impl<T: Write + Debug + Send> Hears for T {}

/// A machine that runs. Dropping it switches it off.
pub trait Machine: Debug + Send {
    /// What the phone does next, once the UART has ended.
    fn next(&mut self) -> Next;
}

/// What a phone does when an image has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is in its boot loader again.
    BootLoader,
    /// It is off, or boots what is installed on it: only its buttons bring it back.
    Gone,
}
