//! The debugger's end of the GDB remote protocol, as far as a board is loaded, watched and asked by it.
//!
//! - A **server** speaks for the board: QEMU's stub, OpenOCD, `probe-rs gdb`.
//! - A **thread** is to the server what a core is to the board.
//! - The board is **stopped** or runs; memory and registers are read of one that is stopped.
//!
//! [`Client`] is one connection. Every wait in it has an end.

mod address;
mod client;
mod cores;
mod dumping;
mod error;
mod loading;
mod named;
mod packet;
mod registers;
#[cfg(test)]
mod server;

pub use address::Address;
pub use client::{Client, Stream, Thread};
pub use cores::Core;
pub use error::GdbError;
pub use loading::Loading;
pub use registers::Registers;
