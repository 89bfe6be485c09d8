//! Reads the trees of machines that are not at hand: QEMU's shape, and a Pixel 6's two.

#![expect(clippy::unwrap_used, reason = "tests")]

mod console;
mod memory;
mod pixel6;
mod reading;
mod sample;
