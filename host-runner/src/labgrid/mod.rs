//! Boards of a farm, by [labgrid](https://labgrid.readthedocs.io).
//!
//! labgrid calls what one user has at a time a **place**. A **coordinator** knows all places and who has them; **exporters**, on
//! the machines that the boards are at, say what belongs to each: a serial port that they pass on over TCP, the address of a boot
//! loader, the switch of a supply. A board's file names a place; a run acquires it before it touches the board, learns from it
//! where console and boot loader are, brings the board back by its supply, and releases it.
//!
//! - `client`, `words`: the `labgrid-client` program, and what it says. `resources`: what belongs to a place.
//! - `tenancy`: a place, as long as a run has it.
//! - [`Exported`]: what an exporter is told of a board.
//!
//! An image is sent by this machine's own `fastboot`, to the address that the place names. `labgrid-client fastboot` runs
//! `fastboot` on the exporter's machine, and for that needs a login there by `ssh`, even where that is this machine; and it
//! keeps the program's words, which alone tell a phone that is locked from one that is gone.
//!
//! labgrid knows no time after which a place falls back to it. What a run leaves behind that is killed is given back by this
//! program's keeper; what outlives a whole machine is released by hand.

mod client;
mod error;
mod exporter;
mod resources;
mod tenancy;
mod words;

pub use error::LabgridError;
pub use exporter::Exported;
pub(crate) use tenancy::{Named, Tenancy};

use crate::workspace::Workspace;
use std::path::PathBuf;

/// The client's name.
pub(crate) const PROGRAM: &str = "labgrid-client";

/// Where `--yes` installs it.
pub(crate) fn own_folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("target").join("labgrid")
}

/// The client: the user's own, else the one that was installed for this workspace.
fn program(workspace: &Workspace) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |folder: PathBuf| folder.join(PROGRAM).is_file();
    match std::env::split_paths(&path).any(is_there) {
        true => PROGRAM.into(),
        false => own_folder(workspace).join("bin").join(PROGRAM),
    }
}
