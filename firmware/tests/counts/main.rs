//! What operations cost in executed instructions, on a machine that counts them: budgets, not times.

#![no_std]
#![no_main]

extern crate alloc;

use firmware as _;

mod frames;
mod heap;
mod monitor;
#[path = "../shared/pixel6.rs"]
mod pixel6;
