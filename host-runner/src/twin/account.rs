//! What the monitor saw, as the session is told it.

use serde::{Deserialize, Serialize};
use twin::block::{self, Record, StrayKind};

/// What was seen in one start of the twin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// How many accesses were to what is neither RAM nor a known device, or in a way that a device does not take.
    pub strays: u64,
    /// The first of them.
    pub first: Vec<Stray>,
}

/// One such access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// By which core.
    pub core: u8,
    /// Where the core was.
    pub pc: u64,
    /// The physical address.
    pub address: u64,
    /// What it was, in words.
    pub what: String,
}

impl From<Record> for Account {
    fn from(record: Record) -> Self {
        let first = record.first.iter().flatten().map(Stray::from).collect();
        Self { strays: record.strays, first }
    }
}

impl From<&block::Stray> for Stray {
    fn from(stray: &block::Stray) -> Self {
        let block::Stray { core, kind, bytes, pc, address, .. } = *stray;
        let what = match kind {
            StrayKind::Read => format!("a load of {bytes} bytes"),
            StrayKind::Write => format!("a store of {bytes} bytes"),
            StrayKind::Narrow => format!("an access of {bytes} bytes where a device takes 4"),
            StrayKind::Fetch => "the fetch of an instruction".to_owned(),
            StrayKind::Walk => "the walk of a translation table".to_owned(),
            StrayKind::Other => "an access of another kind".to_owned(),
        };
        Self { core, pc, address, what }
    }
}
