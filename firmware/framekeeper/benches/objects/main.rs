//! Object allocators against each other: what an object costs, how that scales, and how much memory it takes.
//!
//! `cargo bench -p framekeeper --bench objects` runs every group, `cargo bench -p framekeeper -- S1 S3` those two. All
//! allocators take turns in every round, so what the machine does meanwhile hits all alike; a figure is the median over
//! the rounds, and the percentage behind it is half the distance of the quartiles. Operations come from fixed seeds:
//! everything but the times is the same in every run.
//!
//! A **peer** is somebody else's allocator for kernels, behind the lock that its users put it behind. A **general**
//! allocator is one for processes, which has threads' own memory and an operating system below it. A **floor**, in
//! brackets, is no allocator: the loop with nothing to call, or bare lists of free objects. Nothing is subtracted from
//! anything; everybody pays for the word that the loop writes into each new object.
//!
//! `>` is a figure of an allocator that was cut off: it used up its time before the work was done. `failed` is one that
//! had nothing to hand out while there was memory. `-` is a figure that somebody does not have.
//!
//! Nothing here asserts on a time: the bars at the end say what was met and what was missed.

mod churn;
mod goals;
mod memory;
mod object;
mod peer;
mod peers;
#[path = "../shared/mod.rs"]
mod shared;
mod stopwatch;
mod units;
mod workloads;

use memory::Memory;
use shared::{arena, bars, buddy_slab, cpu, figure, groups, latency, rng, rounds, table, tick};
use std::process::ExitCode;

fn main() -> ExitCode {
    groups::run(workloads::GROUPS, Memory::new, goals::print)
}
