//! What the benchmarks have in common: turns, tables and bars, random numbers, cores, clocks and memory.
//!
//! A benchmark is a list of groups, each of which runs some workloads on everybody and gives a table.

pub(crate) mod arena;
pub(crate) mod bars;
pub(crate) mod buddy_slab;
pub(crate) mod cpu;
pub(crate) mod figure;
pub(crate) mod groups;
pub(crate) mod latency;
pub(crate) mod rng;
pub(crate) mod rounds;
pub(crate) mod table;
pub(crate) mod tick;
