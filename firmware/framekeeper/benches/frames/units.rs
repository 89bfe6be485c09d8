//! What only the frames' tables count.

use crate::table::{Nature, Unit};

impl Unit {
    pub(crate) const MICROSECONDS: Self = Self { name: "us", nature: Nature::Time, decimals: 1 };
    pub(crate) const PERCENT: Self = Self { name: "%", nature: Nature::Amount, decimals: 1 };
    pub(crate) const COUNT: Self = Self { name: "", nature: Nature::Amount, decimals: 0 };
    /// For each frame.
    pub(crate) const BYTES_PER_FRAME: Self = Self { name: "B/frame", nature: Nature::Amount, decimals: 2 };
}
