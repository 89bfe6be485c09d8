//! How many free blocks of each order a node has, packed into 64 bits.
//!
//! Free blocks are counted as large as they are: two free buddies are one block of the next order. So of order n a node
//! of 512 units has at most 256 >> n, and one of order 9 only when all of it is free: 46 bits.

/// The orders within a node: 2^0 to 2^9 units.
pub(crate) const ORDERS: u32 = 10;

/// The order of a whole node.
pub(crate) const WHOLE: u32 = ORDERS - 1;

/// Where each order's count begins; the last entry is the end.
const SHIFTS: [u32; ORDERS as usize + 1] = [0, 9, 17, 24, 30, 35, 39, 42, 44, 45, 46];

/// Bits of a census that count something.
const BITS: usize = {
    let [.., end] = SHIFTS;
    end as usize
};

/// Entries of a table by orders: a power of two, so that a masked order needs no check.
const ENTRIES: usize = 16;

/// The order that each bit of the census counts.
#[expect(clippy::indexing_slicing, reason = "out of range would not compile")]
const ORDER_OF_BIT: [u8; BITS] = {
    let mut orders = [0; BITS];
    let (mut order, mut bit) = (0_u8, 0);
    while bit < BITS {
        if bit == SHIFTS[order as usize + 1] as usize {
            order += 1;
        }
        orders[bit] = order;
        bit += 1;
    }
    orders
};

/// One block of each order; beyond the orders, more than any census.
#[expect(clippy::indexing_slicing, reason = "out of range would not compile")]
const ONE: [u64; ENTRIES] = {
    let mut ones = [1 << 63; ENTRIES];
    let mut order = 0;
    while order < ORDERS as usize {
        ones[order] = 1 << SHIFTS[order];
        order += 1;
    }
    ones
};

/// One block of each order below the given one.
#[expect(clippy::indexing_slicing, reason = "out of range would not compile")]
const ONE_OF_EACH_BELOW: [u64; ENTRIES] = {
    let mut sums = [0; ENTRIES];
    let mut order = 0;
    while order < ORDERS as usize {
        sums[order + 1] = sums[order] + ONE[order];
        order += 1;
    }
    sums
};

/// The counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census(u64);

impl Census {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Blocks of `order`.
    pub(crate) fn count(self, order: u32) -> u64 {
        let width = shift(order + 1) - shift(order);
        self.0 >> shift(order) & ((1 << width) - 1)
    }

    /// The order of the largest block.
    pub(crate) fn largest(self) -> Option<u32> {
        order_of_bit(63_u32.checked_sub(self.0.leading_zeros())?)
    }

    /// The order of the smallest block that is at least of `order`.
    #[inline]
    pub(crate) fn smallest_from(self, order: u32) -> Option<u32> {
        order_of_bit((self.0 & entry(&ONE, order).wrapping_neg()).trailing_zeros())
    }

    /// Whether there is a block of at least `order`.
    #[inline]
    pub(crate) fn has_from(self, order: u32) -> bool {
        self.0 >= entry(&ONE, order)
    }

    /// So many blocks of order `from` go; what remains of each when one of `order` is cut out stays.
    #[inline]
    pub(crate) fn cut(self, from: u32, order: u32, count: u64) -> Self {
        Self(self.0.wrapping_sub(gain(order, from).wrapping_mul(count)))
    }

    /// A block of `order` comes, and is joined with its buddies to one of order `to`.
    #[inline]
    pub(crate) fn join(self, order: u32, to: u32) -> Self {
        Self(self.0.wrapping_add(gain(order, to)))
    }
}

/// What is added where a block of `order` is joined to one of order `to`: that one, without one of each order from
/// `order` up to it.
#[inline]
fn gain(order: u32, to: u32) -> u64 {
    let each = entry(&ONE_OF_EACH_BELOW, to).wrapping_sub(entry(&ONE_OF_EACH_BELOW, order));
    entry(&ONE, to).wrapping_sub(each)
}

#[inline]
fn order_of_bit(bit: u32) -> Option<u32> {
    ORDER_OF_BIT.get(bit as usize).map(|&order| order.into())
}

fn shift(order: u32) -> u32 {
    SHIFTS.get(order as usize).copied().unwrap_or(63)
}

#[inline]
fn entry(table: &[u64; ENTRIES], order: u32) -> u64 {
    table.get(order as usize % ENTRIES).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_leaves_one_of_each_order_below_and_joining_undoes_it() {
        for from in 0..ORDERS {
            let whole = Census::default().join(from, from);
            assert_eq!((whole.count(from), whole.largest()), (1, Some(from)));
            for order in 0..=from {
                let cut = whole.cut(from, order, 1);
                for each in 0..ORDERS {
                    assert_eq!(
                        cut.count(each),
                        u64::from(each >= order && each < from),
                        "{from} {order} {each}"
                    );
                }
                assert_eq!(cut.largest(), if order == from { None } else { Some(from - 1) });
                assert_eq!(cut.join(order, from), whole);
            }
        }
    }

    #[test]
    fn the_most_blocks_that_there_can_be_of_an_order_fit() {
        for order in 0..WHOLE {
            let mut census = Census::default();
            for count in 1..=256_u64 >> order {
                census = census.join(order, order);
                assert_eq!(census.count(order), count);
            }
            assert_eq!((census.smallest_from(0), census.largest()), (Some(order), Some(order)));
            assert_eq!(census.smallest_from(order + 1), None);
        }
    }

    #[test]
    fn there_is_one_of_at_least_an_order_if_the_largest_is_and_none_beyond_the_orders() {
        for largest in 0..ORDERS {
            let census = Census::default().join(largest, largest);
            (0..=ORDERS).for_each(|order| assert_eq!(census.has_from(order), order <= largest, "{order}"));
        }
    }

    #[test]
    fn the_smallest_large_enough_is_found() {
        let census = Census::default().join(1, 1).join(4, 4).join(8, 8);
        let smallest =
            [Some(1), Some(1), Some(4), Some(4), Some(4), Some(8), Some(8), Some(8), Some(8), None];
        for (order, expected) in (0..).zip(smallest) {
            assert_eq!(census.smallest_from(order), expected, "{order}");
        }
        assert_eq!(Census::default().largest(), None);
    }
}
