//! What the device tree says about the machine: its memory, cores, interrupt controller, timer, serial port, watchdogs,
//! and what resets it.
//!
//! Nothing else in the firmware reads the device tree, and nothing that a device tree can say is a constant anywhere.
//! The blob's structure is checked once, by whoever makes the [`Tree`]; everything here reads that one tree. What a tree
//! does not say although it is so is in [`Soc`], by system on chip, with its source.
//!
//! A crate of its own, because it touches no device: the host tests it with the trees of machines that are not at hand.
//!
//! Two shapes of tree are met on a Pixel 6, and both are read: the upstream kernel's, with its devices in `/soc@0`, one
//! cell for a core's number and four for an interrupt, and the stock one, with its devices at the root, two cells and
//! three.
//!
//! [`Tree`]: framekeeper::devicetree::Tree

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![no_std]

mod arguments;
mod description;
mod error;
mod memory;
mod name;
mod nodes;
mod notes;
mod processor;
mod screen;
mod serial;
mod soc;
mod watchdog;

pub use arguments::arguments;
pub use description::{MAX_CORES, Machine, seed};
pub use error::MachineError;
pub use memory::{Memory, Ram, read_ram};
pub use name::Name;
pub use processor::{Conduit, Gic, Timer};
pub use screen::{Screen, Write};
pub use serial::{Serial, SerialKind, find_serial};
pub use soc::{Power, Soc};
pub use watchdog::watchdogs;
