//! A debug port that is a model: what stands in for a board's pins where there is no board, so that debug servers as they are
//! can be tried, and what they do to the runner.
//!
//! ```text
//! runner → OpenOCD or probe-rs → [wires → debug port → bus → debug registers of cores] → QEMU
//! ```
//!
//! What stands in brackets is here. It has what the two servers use of an Armv8-A board, and is no proof that a board's own
//! hardware does the same. QEMU is the board's cores and memory, reached by its debug server, and stops all of its cores at once.
//!
//! - The **wires** are four, moved one by one over a socket, or two, moved by whole transfers: [`Wiring`].
//! - The **debug port** and its access port read and write words on a bus.
//! - On the **bus** stand every core's external debug registers and its cross trigger.
//! - A **debug server** is OpenOCD or `probe-rs gdb`, started here with the wires' socket in its environment.

mod board;
mod bus;
mod core;
mod glasgow;
mod instruction;
mod jtag;
mod port;
mod serving;
mod trigger;

pub use bus::registers_of;
pub use serving::{Wiring, serve};
