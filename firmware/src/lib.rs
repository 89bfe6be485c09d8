//! The firmware: boots on bare metal from whatever device tree it is handed, takes all of RAM, and runs tests.
//!
//! A test image links this library and `embedded-test`. The library boots, brings all cores up, and calls the `main`
//! that `embedded-test` defines; `embedded-test` asks for a test and gives its verdict by semihosting, which the
//! library answers over the link to the host. After the verdict everything but the link starts anew.
//!
//! ```text
//! boot loader ─► boot ─► main (embedded-test) ─► semihosting ─► link ─► host
//!                 ▲ warm restart                     │
//!                 └──────────────────────────────────┘
//! ```
//!
//! # Map
//!
//! - [`boot`]: from the boot loader to `main`, and back there after each test. [`machine`]: what the device tree
//!   says, a crate of its own. `watchdog`, `port`, [`power`]: devices. [`memory`], [`layout`]: what is mapped where. [`frames`]: who has which frame. [`heap`]: memory for
//!   collections.
//! - `exceptions`, [`interrupts`], [`clock`], [`cores`], [`psci`]: the processor.
//! - `link`, `log`, [`numbers`], `semihosting`, `crash`, `panic`: everything the host hears. [`parameters()`]: what it said
//!   about the test under way.
//! - `alone`, `notes`, `screen`: tests that nobody orders, and results that nobody hears. `persist`: what a warm restart leaves alone.
//!
//! # Ways in
//!
//! A test uses [`cores::on_each`] to work on all cores, `defmt` to log, [`parameters()`] to know how much it is to do,
//! [`numbers::send`] for what it has measured, and [`boot`] to see the machine.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![expect(rustdoc::private_intra_doc_links, reason = "its documentation is for those who read the code")]
#![no_std]

#[cfg(not(target_os = "none"))]
compile_error!("the firmware is built with `--target aarch64-unknown-none`");

mod alone;
pub mod boot;
pub mod clock;
pub mod cores;
mod crash;
mod exceptions;
pub mod frames;
pub mod heap;
pub mod interrupts;
pub mod layout;
mod link;
mod log;
pub mod memory;
mod notes;
pub mod numbers;
mod panic;
mod parameters;
mod persist;
mod port;
pub mod power;
pub mod psci;
mod screen;
mod semihosting;
mod watchdog;

pub use machine;
pub use parameters::parameters;
