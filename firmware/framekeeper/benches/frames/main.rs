//! Frame allocators against each other: what a frame costs, how it scales, and where the frames end up.
//!
//! `cargo bench -p framekeeper --bench frames` runs every group, `cargo bench -p framekeeper -- F1 F3` those two. All allocators take
//! turns in every round, so what the machine does meanwhile hits all alike; a figure is the median over the rounds, and
//! the percentage behind it is half the distance of the quartiles. Operations come from fixed seeds: everything but the
//! times is the same in every run.
//!
//! A **peer** is somebody else's allocator behind the lock it documents. A **floor**, in brackets, is no allocator: the
//! loop with nothing to call, or a bare stack of frames. Nothing is subtracted from anything.
//!
//! Nothing here asserts on a time: the bars at the end say what was met and what was missed.

mod goals;
mod memory;
mod mix;
mod peer;
mod peers;
mod shadow;
#[path = "../shared/mod.rs"]
mod shared;
mod subject;
mod units;
mod workloads;

use memory::Memory;
use shared::{arena, bars, buddy_slab, cpu, groups, latency, rng, rounds, table, tick};
use std::process::ExitCode;

fn main() -> ExitCode {
    groups::run(workloads::GROUPS, Memory::new, goals::print)
}
