//! How often each cost occurred, in memory that does not grow.
//!
//! Costs below [`EXACT`] are counted each for itself. Above, each power of two is cut into [`PARTS`] buckets, so that a
//! percentile is no more than 1/64 above what it was. The most is always exact.

use alloc::{vec, vec::Vec};

/// Costs below are counted each for itself.
pub(crate) const EXACT: u64 = 2048;
/// Buckets for each power of two from there on.
const PARTS: u64 = 64;
/// What is more than that is counted as the last bucket.
const POWERS: u64 = 29;
const BUCKETS: usize = (EXACT + POWERS * PARTS) as usize;

/// How often each cost occurred.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u32>,
    samples: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], samples: 0, most: 0 }
    }
}

impl Histogram {
    /// Notes a cost.
    pub fn add(&mut self, cost: u64) {
        if let Some(count) = self.counts.get_mut(bucket(cost)) {
            *count = count.saturating_add(1);
        }
        self.samples += 1;
        self.most = self.most.max(cost);
    }

    /// Adds all that another one has.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.samples += other.samples;
        self.most = self.most.max(other.most);
    }

    /// How many were noted.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// The most.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }

    /// The least cost that `permille` of 1000 do not go above: nearest rank, and the upper end of its bucket. 0 if
    /// nothing was noted.
    #[must_use]
    pub fn percentile(&self, permille: u64) -> u64 {
        let rank = (u128::from(self.samples) * u128::from(permille)).div_ceil(1000);
        let mut seen = 0;
        for (bucket, &count) in (0..).zip(&self.counts) {
            seen += u128::from(count);
            if seen >= rank && seen > 0 {
                return upper_end(bucket).min(self.most);
            }
        }
        self.most
    }
}

/// Where a cost is counted.
fn bucket(cost: u64) -> usize {
    if cost < EXACT {
        return cost as usize;
    }
    let power = u64::from(cost.ilog2() - EXACT.ilog2());
    // The cost has its highest bit at EXACT's and `power`, so this is what follows that bit: a number below PARTS.
    let part = (cost >> (power + u64::from(EXACT.ilog2() - PARTS.ilog2()))) - PARTS;
    ((EXACT + power * PARTS + part) as usize).min(BUCKETS - 1)
}

/// The largest cost that is counted there.
fn upper_end(bucket: u64) -> u64 {
    let Some(above) = bucket.checked_sub(EXACT) else { return bucket };
    if bucket as usize == BUCKETS - 1 {
        return u64::MAX;
    }
    let (power, part) = (above / PARTS, above % PARTS);
    ((PARTS + part + 1) << (power + u64::from(EXACT.ilog2() - PARTS.ilog2()))) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(costs: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        costs.into_iter().for_each(|cost| histogram.add(cost));
        histogram
    }

    #[test]
    fn nothing_has_percentiles_of_nothing() {
        let nothing = Histogram::default();
        assert_eq!((nothing.samples(), nothing.percentile(500), nothing.most()), (0, 0, 0));
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank_and_exact_below_the_bound() {
        let thousand = of(1..=1000);
        assert_eq!(
            [500, 990, 999, 1000].map(|permille| thousand.percentile(permille)),
            [500, 990, 999, 1000]
        );
        let three = of([7, 9, 8]);
        assert_eq!([500, 990, 999].map(|permille| three.percentile(permille)), [8, 9, 9]);
        let rare = of((0..999).map(|_| 5).chain([2000]));
        assert_eq!([500, 999, 1000].map(|permille| rare.percentile(permille)), [5, 5, 2000]);
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for number in 1..BUCKETS as u64 {
            let first = upper_end(number - 1) + 1;
            assert_eq!(
                (bucket(first), bucket(first - 1)),
                (number as usize, last as usize),
                "from {first} on"
            );
            last = number;
        }
        assert_eq!((bucket(u64::MAX), upper_end(last)), (BUCKETS - 1, u64::MAX));
    }

    #[test]
    fn a_percentile_above_the_bound_is_at_most_a_64th_too_much() {
        let mut cost = 1;
        while cost < 1 << 39 {
            // One larger, so that the most does not hide it.
            let found = of([cost, cost, 1 << 39]).percentile(500);
            assert!(found >= cost && found - cost <= cost / 64, "{found} for {cost}");
            cost += cost / 3 + 1;
        }
    }

    #[test]
    fn the_most_is_exact_however_much_it_is() {
        let huge = of([1, u64::MAX - 1]);
        assert_eq!((huge.percentile(1000), huge.most()), (u64::MAX - 1, u64::MAX - 1));
    }

    #[test]
    fn merging_is_noting_all() {
        let (mut low, high) = (of(0..500), of((500..1000).chain([70_000])));
        low.merge(&high);
        let all = of((0..1000).chain([70_000]));
        assert_eq!(low.counts, all.counts);
        assert_eq!((low.samples(), low.most()), (1001, 70_000));
    }
}
