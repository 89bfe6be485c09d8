//! What operations cost in executed instructions, on a machine that counts them: budgets, not times.

#![no_std]
#![no_main]

use firmware as _;

mod frames;
mod monitor;
#[path = "../shared/pixel6.rs"]
mod pixel6;
