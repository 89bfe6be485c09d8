//! What a board's file says of a machine that QEMU is to be.

use super::LoadKind;
use crate::units::parse_memory;
use serde::{Deserialize, Deserializer};

/// The machine that QEMU is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuOptions {
    /// Says that this is how `[load]` was meant; read before the rest.
    #[serde(rename = "kind")]
    _kind: LoadKind,
    /// `-machine`, without the exception level.
    pub machine: String,
    /// `-cpu`.
    pub cpu: String,
    /// `-smp`.
    #[serde(deserialize_with = "cores")]
    pub cores: u32,
    /// `-m`, in bytes.
    #[serde(deserialize_with = "memory")]
    pub memory: u64,
    /// Whether the image is entered at EL2.
    pub virtualization: bool,
    /// Whether instructions are counted, one a nanosecond of the machine's time: only so does its performance monitor
    /// count them. All cores then share one thread.
    #[serde(default)]
    pub counts_instructions: bool,
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    parse_memory(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// The protocol carries the cores that could not be parked as bits of a 64-bit word.
fn cores<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        cores @ 1..=64 => Ok(cores),
        cores => Err(serde::de::Error::custom(format!("{cores} cores; a board has 1 to 64"))),
    }
}
