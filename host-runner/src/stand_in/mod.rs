//! A stand-in for a phone and its boot loader, for the real `fastboot` program and a real serial port.
//!
//! While it is in its boot loader it listens for fastboot over TCP ([`StandIn::address`]). `fastboot boot` starts the image
//! on the machine inside ([`Inside`]); from then on nobody listens at the address, as a phone that runs an image is not
//! at the USB. Its UART is a pseudo-terminal, or a port of TCP ([`StandIn::port`]), which stays from boot to boot as an adapter does.
//! When the image leaves for the boot loader, or [`StandIn::press`] presses the buttons, it listens again.
//!
//! So everything that stands between the runner and a phone is the code that the phone gets, and each way in which a
//! phone can fail is a [`Fault`] with a name.

mod boot_loader;
mod console;
mod faults;
mod inside;
mod network;
mod packets;
mod phone;
mod power;
mod terminal;
mod twin;

pub use console::Adapter;
pub use faults::Fault;
pub use inside::{Hears, Inside, Machine, Next, Started, Uart};
pub use phone::{Button, Settings, StandIn};
pub use power::PowerSwitch;
pub use terminal::Terminal;
pub use twin::{InTwin, Troubles, Witness};
