//! The runner attacked from both ends: tests that misbehave on a real (emulated) board, and loaders and lines that
//! fail on the host.
//!
//! These tests need QEMU and the firmware's target, and fail without them: the first message says what installs them.

mod board_side;
mod host_side;
mod runner;
