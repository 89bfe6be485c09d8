//! The runner attacked from both ends: tests that misbehave on a real (emulated) board, device trees that it must not
//! boot with, and loaders and lines that fail on the host. And what goes both ways when nothing fails: parameters and
//! numbers.
//!
//! These tests need QEMU and the firmware's target, and fail without them: the first message says what installs them.

mod alone;
mod bisect;
mod board_side;
mod cargos_runner;
mod debug_link;
mod device_tree;
mod failures;
mod farm;
mod host_side;
mod kept;
mod numbers;
mod orders;
mod phone;
mod qemu_tree;
mod runner;
