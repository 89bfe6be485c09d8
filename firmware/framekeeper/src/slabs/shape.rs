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
    use std::vec::Vec;

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

    /// Of each class: bytes of an object, the order of its slabs, and how many slots they have.
    #[rustfmt::skip]
    const CLASSES: [(u32, u8, u32); Class::COUNT] = [
        (8, 4, 8192), (16, 2, 1024), (24, 2, 682), (32, 2, 512),
        (40, 2, 409), (48, 2, 341), (56, 2, 292), (64, 2, 256),
        (72, 2, 227), (80, 2, 204), (88, 2, 186), (96, 2, 170),
        (104, 2, 157), (112, 2, 146), (120, 2, 136), (128, 2, 128),
        (144, 2, 113), (160, 2, 102), (176, 2, 93), (192, 2, 85),
        (208, 2, 78), (224, 2, 73), (240, 2, 68), (256, 2, 64),
        (288, 2, 56), (320, 2, 51), (352, 2, 46), (384, 2, 42),
        (416, 2, 39), (448, 2, 36), (480, 2, 34), (512, 2, 32),
        (576, 2, 28), (640, 2, 25), (704, 2, 23), (768, 2, 21),
        (832, 2, 19), (896, 2, 18), (960, 2, 17), (1024, 2, 16),
        (1152, 2, 14), (1280, 2, 12), (1408, 2, 11), (1536, 2, 10),
        (1664, 3, 19), (1792, 2, 9), (1920, 2, 8), (2048, 2, 8),
        (2304, 3, 14), (2560, 3, 12), (2816, 3, 11), (3072, 3, 10),
        (3328, 4, 19), (3584, 3, 9), (3840, 3, 8), (4096, 3, 8),
        (4608, 4, 14), (5120, 4, 12), (5632, 4, 11), (6144, 4, 10),
        (6656, 4, 9), (7168, 4, 9), (7680, 4, 8), (8192, 4, 8),
    ];

    /// Of the smallest objects a slab is the largest; and of 6,656 bytes, of which no slab leaves little.
    #[test]
    fn a_slab_is_the_smallest_that_has_a_few_slots_and_leaves_little() {
        let shape_of = |class: Class| {
            let shape = class.shape();
            (shape.size, shape.order().number(), shape.slots)
        };
        assert!(
            Class::all().map(shape_of).eq(CLASSES),
            "{:?}",
            Class::all().map(shape_of).collect::<Vec<_>>()
        );
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
