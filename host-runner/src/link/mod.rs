//! The way between a board and the session.
//!
//! A link moves bytes and knows nothing of their meaning, except that [`Serial`] listens for whole frames to find out
//! how fast the line is. [`DebugLine`] is for boards without a port: a debug server reads and writes their memory. [`FaultyLink`] damages bytes on purpose, so that the runner can be tried against a bad line with
//! a good board.

mod connection;
mod debug;
mod faults;
mod port;
mod ports;
mod rates;
mod serial;
mod telnet;

pub use debug::DebugLine;
pub use faults::{Faults, FaultyLink};
pub use port::Port;
pub use ports::{PortError, UsbId, find_port};
pub use serial::{Serial, SerialLine};
