//! All suites as one image: one load of a board serves them all.
//!
//! A file is an area, a module in it a topic, a function a behaviour.

#![no_std]
#![no_main]

extern crate alloc;

use firmware as _;

mod boot;
mod cores;
mod frames;
mod heap;
mod log;
mod numbers;
#[path = "../shared/pixel6.rs"]
mod pixel6;
mod translation;
