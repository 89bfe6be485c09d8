//! Numbers by lot that a seed decides.

/// Splitmix64: the same seed, the same numbers, on every machine.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as `seed` has them.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Other dice, which fall as these and `salt` have them.
    #[must_use]
    pub fn split(&self, salt: u64) -> Self {
        Self(Self(self.0 ^ salt.rotate_left(32)).next())
    }

    /// Any number.
    #[expect(clippy::should_implement_trait, reason = "dice are thrown, and never run out")]
    pub fn next(&mut self) -> u64 {
        // Wrapping: a generator's state, not a quantity.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Whether something happens that does once in `many` times.
    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// One of the places in a list of so many.
    pub fn place(&mut self, count: usize) -> usize {
        // A rest below a usize is one.
        self.below(count as u64) as usize
    }
}
