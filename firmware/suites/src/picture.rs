//! Pictures of memory, for the report to draw.

use crate::{Machine, Number};

/// Sends what the map says of each frame now; where other cores go on meanwhile, of no one moment.
pub(crate) fn send<M: Machine>(machine: &M, name: &str) {
    let mut at = 0;
    machine.frames().dump(|bytes| {
        machine.report(&Number::Map { name, at, bytes });
        at += bytes.len() as u32;
    });
}
