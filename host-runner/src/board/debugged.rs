//! What a board's file says of a board that a debug server loads.

use crate::gdb::Address;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

/// `[load]` of a board that a debug server loads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GdbOptions {
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The command that is the server, by `sh -c` in the board's folder: started for every boot and ended with it.
    /// `FRAMEKEEPER_GDB` names a socket to it at which it may listen, and `FRAMEKEEPER_RUNNER` this program.
    pub server: String,
    /// What it is made of, as far as that can be installed from here.
    #[serde(default)]
    pub tools: Vec<ServerTool>,
    /// Where it listens, as `host:port`, with port 0 where `FRAMEKEEPER_GDB_PORT` is to tell it one; none for that socket.
    #[serde(default, deserialize_with = "port")]
    pub address: Option<Address>,
    /// What its own command line is told before the board is loaded: `reset halt`, say.
    #[serde(default)]
    pub monitor: Vec<String>,
    /// Where the image goes; a multiple of 2 MiB.
    pub image: u64,
    /// Where the device tree goes.
    pub tree: u64,
    /// The device tree's source, beside the board's file.
    pub source: PathBuf,
}

impl GdbOptions {
    /// Whether every run has such a board of its own. One at an adapter is one run's at a time.
    #[must_use]
    pub fn is_emulated(&self) -> bool {
        self.tools.contains(&ServerTool::Qemu)
    }
}

/// A program that speaks for a board, or is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerTool {
    /// A board that is an emulator.
    Qemu,
    /// OpenOCD.
    #[serde(rename = "openocd")]
    OpenOcd,
    /// `probe-rs gdb`.
    ProbeRs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Gdb,
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    String::deserialize(deserializer).map(|address| Some(Address::Port(address)))
}
