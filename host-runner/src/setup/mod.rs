//! The tools that other people make: which are there, which are missing, how to install them.
//!
//! Nothing is installed without consent, and nothing is skipped for want of a tool: what is missing is an error
//! that names the command that installs it.

mod doctor;
mod installing;
mod system;
mod tools;

pub use doctor::doctor;
pub use installing::{Consent, Missing, ensure};
pub use system::{System, ThisMachine};
pub use tools::{Tool, how_to_install_fastboot, how_to_install_labgrid, how_to_install_qemu};
