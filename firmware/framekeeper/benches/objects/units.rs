//! What only the objects' tables count.

use crate::table::{Nature, Unit};

impl Unit {
    pub(crate) const KIBIBYTES: Self = Self { name: "KiB", nature: Nature::Amount, decimals: 0 };
    /// Bytes of memory for each byte that is out.
    pub(crate) const BYTES_PER_BYTE: Self = Self { name: "x", nature: Nature::Amount, decimals: 2 };
}
