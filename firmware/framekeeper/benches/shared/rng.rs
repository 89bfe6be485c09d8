//! Random numbers from fixed seeds (`SplitMix64`): the same operations in every run and for every allocator.

/// What all operations are derived from.
pub(crate) const SEED: u64 = 0x6672_616d_6573;

#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// One of many independent streams.
    pub(crate) const fn new(stream: u64) -> Self {
        Self(SEED ^ stream.wrapping_mul(0xa076_1d64_78bd_642f))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`, which is at most 2^32.
    pub(crate) const fn below(&mut self, limit: usize) -> usize {
        scale(self.next() as u32, limit)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Maps a random number evenly to one below `limit`: a multiplication, where a remainder would be a division.
#[inline]
pub(crate) const fn scale(random: u32, limit: usize) -> usize {
    ((random as u64 * limit as u64) >> 32) as usize
}
