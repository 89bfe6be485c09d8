//! Aligned runs of ones in 64 bits, by arithmetic: no loop over bits, and none over orders, for both are as good as
//! random where blocks are looked for.

/// The orders of runs in 64 bits, filled up to a power of two.
const ENTRIES: usize = 8;

/// For each order, the last bit of each aligned run of that length.
#[expect(clippy::indexing_slicing, reason = "out of range would not compile")]
const LAST: [u64; ENTRIES] = {
    let mut lasts = [0; ENTRIES];
    let mut order = 0;
    while order <= 6 {
        let mut bit = (1 << order) - 1;
        while bit < 64 {
            lasts[order] |= 1 << bit;
            bit += 1 << order;
        }
        order += 1;
    }
    lasts
};

/// The lowest `count` of the bits that are set, and at least one.
pub(crate) fn lowest(bits: u64, count: u32) -> u64 {
    let mut rest = bits & bits.wrapping_sub(1);
    for _ in 1..count {
        rest &= rest.wrapping_sub(1);
    }
    bits ^ rest
}

/// The runs of 2^`order` ones that start at these bits, each at a multiple of its length; `order` up to 6.
pub(crate) const fn filled(starts: u64, order: u32) -> u64 {
    // No two of them overlap, so nothing carries.
    starts.wrapping_mul(mask(0, order))
}

/// Where the aligned runs of 2^`order` ones start, `order` up to 6.
#[inline]
pub(crate) fn starts(bits: u64, order: u32) -> u64 {
    let last = LAST.get(order as usize % ENTRIES).copied().unwrap_or(0);
    // In each run its zeros, but for the last bit, are carried into the last bit by adding ones; nothing is carried out.
    let zeros = !bits;
    let some_zero = (zeros & !last).wrapping_add(!last) | zeros;
    (!some_zero & last) >> ((1 << order) - 1)
}

/// Where the runs of 2^`order` ones start that are not half of a larger one; `order` up to 5.
#[inline]
pub(crate) fn maximal_starts(bits: u64, order: u32) -> u64 {
    let larger = starts(bits, order + 1);
    starts(bits, order) & !(larger | larger << (1 << order))
}

/// The mask of 2^`order` ones from `start` on; `order` up to 6.
#[inline]
pub(crate) const fn mask(start: usize, order: u32) -> u64 {
    u64::MAX >> (64 - (1 << order)) << start
}

/// The order of the largest aligned run of ones around `start`, which is one of them; up to 6.
///
/// Without branches, for how far a block joins is as good as random: of the zeros on either side the next one decides,
/// by the highest bit in which its place differs from `start`.
#[inline]
pub(crate) fn order_around(bits: u64, start: u32) -> u32 {
    let above = u64::MAX.wrapping_shl(start);
    // Where there is none, these are 64 and -1, which differ in a higher bit than any other.
    let next = (!bits & above).trailing_zeros();
    let last = 63_u32.wrapping_sub((!bits & !above).leading_zeros());
    (next ^ start).min(last ^ start).checked_ilog2().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_run(bits: u64, start: u32, order: u32) -> bool {
        (start..start + (1 << order)).all(|bit| bits >> bit & 1 == 1)
    }

    proptest! {
        #[test]
        fn runs_are_found_as_by_looking_at_each_bit(a: u64, b: u64, order in 0..=5_u32) {
            for bits in [a, a | b, a | b | b.rotate_left(7), !a, u64::MAX, 0] {
                for start in 0..64 {
                    let aligned = start % (1 << order) == 0;
                    let run = aligned && is_run(bits, start, order);
                    prop_assert_eq!(starts(bits, order) >> start & 1 == 1, run);
                    let buddy = start ^ 1 << order;
                    let maximal = run && !is_run(bits, buddy, order);
                    prop_assert_eq!(maximal_starts(bits, order) >> start & 1 == 1, maximal);
                    let around = (0..=6).rev().find(|&order| is_run(bits, start >> order << order, order));
                    if let Some(around) = around {
                        prop_assert_eq!(order_around(bits, start), around);
                    }
                }
            }
        }
    }

    #[test]
    fn the_lowest_bits_are_taken_and_filled_with_runs() {
        assert_eq!(
            (lowest(0b1011_0100, 1), lowest(0b1011_0100, 3), lowest(0b100, 8)),
            (0b100, 0b11_0100, 0b100)
        );
        assert_eq!((filled(0b1_0000_0100, 1), filled(0b100, 0)), (0b11_0000_1100, 0b100));
        assert_eq!((filled(1 << 32 | 1, 5), filled(1, 6)), (u64::MAX, u64::MAX));
    }

    #[test]
    fn masks_have_as_many_ones_as_they_say() {
        for order in 0..=6 {
            for start in (0..64).step_by(1 << order) {
                let mask = mask(start, order);
                assert_eq!((mask.count_ones(), mask.trailing_zeros() as usize), (1 << order, start));
            }
        }
    }
}
