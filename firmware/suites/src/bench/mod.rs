//! What the operations of allocators cost, on whatever machine this runs: one workload for everybody, in one program.
//!
//! A **stand** is a machine with a [`Counter`], a **subject** an allocator under measurement, and a **peer** a subject
//! with a name: Framekeeper, or somebody else's allocator behind the lock that its users put it behind. Peers take turns
//! on the same memory, which each gets fresh, and do the same operations, which the seed decides.
//!
//! Each call is measured alone, from one reading of the counter to the next. **Nothing is subtracted from anything**: what
//! the two readings and the call itself take is shown as a peer of its own, `harness`, which has nothing behind the call.
//!
//! On one core nothing interrupts a measured call. On several, interrupts come as they do in a kernel and show up in
//! the longest calls, for nobody who waits for a lock may keep others waiting for him.
//!
//! What a peer could not hand out is a figure as well, and so are the core kinds: see [`Turn`].
//!
//! [`benchmarks!`](crate::benchmarks) lists all benchmarks; who runs them makes tests of the list.

mod histogram;
mod list;
mod object;
mod peers;
mod stand;
mod tally;
mod turn;
mod workloads;

pub use histogram::Histogram;
pub use object::{Object, Subject};
pub use stand::{Counter, Kind, Stand};
pub use tally::{Tallies, Tally};
pub use turn::{Turn, Worker, Workload};
pub use workloads::{cores, frames, objects};
