//! What operations cost in executed instructions, on a machine that counts them: budgets, not times.

#![no_std]
#![no_main]

extern crate alloc;

use firmware as _;

mod count;
mod frames;
mod heap;
#[path = "../shared/monitor.rs"]
mod monitor;
#[path = "../shared/pixel6.rs"]
mod pixel6;
