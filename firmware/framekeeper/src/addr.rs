//! Physical addresses and ranges of them.
//!
//! A [`PhysAddr`] is a number that names a byte of the physical address space; holding one does not prove that
//! anything answers there. A [`PhysRange`] never wraps and never ends before it starts.

use core::fmt;

/// Bytes in a frame, the unit in which memory is handed out.
pub const FRAME_SIZE: u64 = 4096;

/// A physical address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysAddr(pub u64);

impl PhysAddr {
    /// The largest multiple of `alignment`, a power of two, that is not above this address.
    #[must_use]
    pub const fn align_down(self, alignment: u64) -> Self {
        Self(self.0 & !alignment.wrapping_sub(1))
    }

    /// The smallest multiple of `alignment`, a power of two, that is not below this address, if there is one.
    #[must_use]
    pub const fn align_up(self, alignment: u64) -> Option<Self> {
        match self.0.checked_add(alignment.wrapping_sub(1)) {
            Some(sum) => Some(Self(sum).align_down(alignment)),
            None => None,
        }
    }

    /// The address `bytes` above this one, if there is one.
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl fmt::Debug for PhysAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for PhysAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The addresses from `start` up to, and without, `end`.
///
/// Invariant: `start <= end`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PhysRange {
    start: PhysAddr,
    end: PhysAddr,
}

impl PhysRange {
    /// The addresses from `start` up to `end`; empty if `end` is below `start`.
    #[must_use]
    pub const fn new(start: PhysAddr, end: PhysAddr) -> Self {
        if end.0 < start.0 { Self { start, end: start } } else { Self { start, end } }
    }

    /// `size` bytes from `start`, unless that passes the end of the address space.
    #[must_use]
    pub const fn from_size(start: PhysAddr, size: u64) -> Option<Self> {
        match start.checked_add(size) {
            Some(end) => Some(Self { start, end }),
            None => None,
        }
    }

    /// The first address.
    #[must_use]
    pub const fn start(self) -> PhysAddr {
        self.start
    }

    /// The address behind the last one.
    #[must_use]
    pub const fn end(self) -> PhysAddr {
        self.end
    }

    /// How many bytes.
    #[must_use]
    pub const fn size(self) -> u64 {
        self.end.0 - self.start.0
    }

    /// Whether there is no address in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start.0 == self.end.0
    }

    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(self, address: PhysAddr) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Whether the two have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start.max(other.start) < self.end.min(other.end)
    }

    /// The whole frames inside: memory is rounded this way.
    #[must_use]
    pub fn round_inward(self) -> Self {
        let start = self.start.align_up(FRAME_SIZE).unwrap_or(self.end);
        Self::new(start, self.end.align_down(FRAME_SIZE))
    }

    /// The whole frames it touches: what is reserved is rounded this way.
    #[must_use]
    pub fn round_outward(self) -> Self {
        let end = self.end.align_up(FRAME_SIZE).unwrap_or(PhysAddr(u64::MAX).align_down(FRAME_SIZE));
        Self::new(self.start.align_down(FRAME_SIZE), end)
    }
}

impl fmt::Debug for PhysRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

impl fmt::Display for PhysRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(PhysAddr(start), PhysAddr(end))
    }

    #[test]
    fn memory_is_rounded_inward_and_reservations_outward() {
        let splash = range(0xfac0_0000, 0xfb5e_3400);
        assert_eq!(splash.round_outward(), range(0xfac0_0000, 0xfb5e_4000));
        assert_eq!(range(0x1001, 0x3fff).round_inward(), range(0x2000, 0x3000));
        assert!(range(0x1001, 0x1fff).round_inward().is_empty());
    }

    #[test]
    fn nothing_wraps_at_the_end_of_the_address_space() {
        assert_eq!(PhysRange::from_size(PhysAddr(u64::MAX), 2), None);
        assert_eq!(PhysAddr(u64::MAX).align_up(4096), None);
        assert_eq!(range(u64::MAX - 1, u64::MAX).round_outward().end(), PhysAddr(0xffff_ffff_ffff_f000));
        assert!(range(u64::MAX - 1, u64::MAX).round_inward().is_empty());
    }

    #[test]
    fn ranges_that_touch_do_not_overlap() {
        assert!(!range(0, 0x1000).overlaps(range(0x1000, 0x2000)));
        assert!(range(0, 0x1001).overlaps(range(0x1000, 0x2000)));
        assert!(!range(0x1000, 0x1000).overlaps(range(0, 0x2000)));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_empty() {
        assert!(range(0x2000, 0x1000).is_empty());
    }
}
