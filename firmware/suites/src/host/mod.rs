//! A machine on a host: threads are its cores, and its RAM is mapped where a phone's lies, with holes that fault.
//!
//! A process has one, which lives as long as the process does. [`Placed`] is the global allocator of a program in which
//! what runs on the machine has its memory from the machine's heap.

mod cores;
mod machine;
mod mapped;
mod placed;
mod table;
mod tree;

pub use cores::{Threads, off_core};
pub use machine::{HostMachine, start};
pub use mapped::Mapped;
pub use placed::Placed;
pub use table::{SCENARIOS, Scenario, digest};
