//! How objects of one size lie in a slab.

use crate::frame::Order;

/// The largest object of a slab. What is larger, the frames serve.
pub const MAX_SIZE: usize = 8192;

/// Sizes of objects are multiples of this.
pub(crate) const GRAIN: usize = 8;

/// The smallest slab: four frames, since that many carry the place of its descriptor.
const MIN_ORDER: u8 = 2;
/// The largest slab.
const MAX_ORDER: u8 = 4;

/// Slots that a slab should have at least, for it to be worth its while.
const FEW_SLOTS: u32 = 8;

/// Bytes of objects that a core keeps of one size at most, if these are not too many or too few objects.
const KEPT_BYTES: u32 = 16 << 10;
const MOST_KEPT: u32 = 32;
const LEAST_KEPT: u32 = 4;

/// How objects of one size lie in a slab: from its start on, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    size: u32,
    slots: u32,
    /// What times the odd part of the size is 1, in 32 bits.
    inverse: u32,
    /// How many times the size can be halved.
    halvings: u8,
    order: Order,
}

impl Shape {
    /// The shape for objects of `size` bytes, rounded up to a multiple of [`GRAIN`]; none for zero and more than
    /// [`MAX_SIZE`].
    pub(crate) const fn of(size: usize) -> Option<Self> {
        if size == 0 || size > MAX_SIZE {
            return None;
        }
        let [a, b, c, d, ..] = (size.next_multiple_of(GRAIN) as u64).to_le_bytes();
        let size = u32::from_le_bytes([a, b, c, d]);
        let order = order_for(size);
        let slots = bytes(order) / size;
        let [halvings, ..] = size.trailing_zeros().to_le_bytes();
        Some(Self { size, slots, inverse: inverse(size >> halvings), halvings, order })
    }

    /// Bytes of a slot.
    #[inline]
    pub(crate) const fn size(&self) -> usize {
        self.size as usize
    }

    /// The size of a slab.
    pub(crate) const fn order(&self) -> Order {
        self.order
    }

    /// How many slots a slab has.
    #[inline]
    pub(crate) const fn slots(&self) -> u32 {
        self.slots
    }

    /// The slot that starts so many bytes behind the slab's start; none if no slot starts there.
    ///
    /// Of the multiples of a size, and of no other numbers, the product with its inverse is the quotient: one
    /// multiplication in place of a division and its check.
    #[inline]
    pub(crate) const fn slot(&self, offset: u32) -> Option<u32> {
        let quotient = offset.wrapping_mul(self.inverse).rotate_right(self.halvings as u32);
        if quotient < self.slots { Some(quotient) } else { None }
    }

    /// The slot that the byte so far behind the slab's start lies in; none behind the last one.
    pub(crate) const fn slot_around(&self, offset: u32) -> Option<u32> {
        let slot = offset / self.size;
        if slot < self.slots { Some(slot) } else { None }
    }

    /// How far behind the slab's start a slot starts.
    #[inline]
    pub(crate) const fn offset(&self, slot: u32) -> usize {
        self.size() * slot as usize
    }

    /// Objects that a core keeps at most.
    pub(crate) const fn kept(&self) -> u32 {
        let fitting = KEPT_BYTES / self.size;
        if fitting > MOST_KEPT {
            MOST_KEPT
        } else if fitting < LEAST_KEPT {
            LEAST_KEPT
        } else {
            fitting
        }
    }
}

/// The smallest slab of which at most a sixteenth is left behind its last slot, and that has a few slots; the largest, if
/// there is none, as with some sizes that are no class. Of the smallest
/// objects a large one: a descriptor's fixed part must be little beside a bit for each object.
const fn order_for(size: u32) -> Order {
    let mut number = if size as usize == GRAIN { MAX_ORDER } else { MIN_ORDER };
    while number < MAX_ORDER {
        let bytes = bytes(order(number));
        if bytes / size >= FEW_SLOTS && bytes % size <= bytes / 16 {
            break;
        }
        number += 1;
    }
    order(number)
}

const fn order(number: u8) -> Order {
    match Order::new(number) {
        Some(order) => order,
        None => Order::MAX,
    }
}

const fn bytes(order: Order) -> u32 {
    1 << (order.number() + 12)
}

/// The inverse of an odd number modulo 2^32, by Newton's iteration: each step doubles the number of right bits, of which
/// an odd number itself has three.
const fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    let mut bits = 3;
    while bits < 32 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::{super::class::Class, *};

    fn shapes() -> impl Iterator<Item = Shape> {
        (GRAIN..=MAX_SIZE).step_by(GRAIN).map(|size| Shape::of(size).unwrap())
    }

    #[test]
    fn a_slot_is_found_by_its_start_and_by_no_other_address() {
        for shape in shapes() {
            for offset in 0..bytes(shape.order()) {
                let is_start = offset % shape.size == 0 && offset / shape.size < shape.slots;
                let expected = is_start.then_some(offset / shape.size);
                assert_eq!(shape.slot(offset), expected, "{shape:?} {offset}");
            }
        }
    }

    #[test]
    fn little_of_a_slab_is_behind_its_last_slot() {
        let rest = |shape: Shape| bytes(shape.order()) - shape.size * shape.slots;
        for shape in shapes() {
            assert!(shape.slots >= FEW_SLOTS && rest(shape) * 8 < bytes(shape.order()), "{shape:?}");
        }
        for shape in Class::all().map(|class| *class.shape()) {
            // Of 6,656 bytes no slab up to the largest has less behind its last slot.
            let parts = if shape.size == 6656 { 11 } else { 16 };
            assert!(rest(shape) * parts <= bytes(shape.order()), "{shape:?}");
        }
    }

    /// Of the smallest objects a slab is the largest; and of some sizes, of which no slab leaves little.
    #[test]
    fn a_slab_is_the_smallest_that_has_a_few_slots_and_leaves_little() {
        let does = |size: u64, order: u8| {
            let bytes = Order::new(order).unwrap().bytes();
            let slots = bytes / size;
            slots >= 8 && (bytes - slots * size) * 16 <= bytes
        };
        for shape in shapes().filter(|shape| shape.size() > 8) {
            let order = (2..4).find(|&order| does(shape.size() as u64, order)).unwrap_or(4);
            assert_eq!(shape.order().number(), order, "{shape:?}");
        }
        assert_eq!(Shape::of(8).unwrap().order().number(), 4);
    }

    #[test]
    fn the_bytes_a_core_keeps_are_bounded() {
        assert!(shapes().all(|shape| (LEAST_KEPT..=MOST_KEPT).contains(&shape.kept())));
        assert!(shapes().all(|shape| shape.kept() * shape.size <= LEAST_KEPT * 8192));
    }

    #[test]
    fn no_shape_is_for_nothing_or_for_too_much() {
        assert_eq!((Shape::of(0), Shape::of(MAX_SIZE + 1)), (None, None));
        assert_eq!(Shape::of(1), Shape::of(GRAIN));
    }
}
