//! Size classes: which sizes a heap has pools for.
//!
//! Multiples of 8 up to 64, then eight sizes for each doubling: what is wasted by rounding up is less than an eighth of a
//! class from 57 bytes on, and at most 7 bytes below. A class that is a multiple of a power of two is aligned to that,
//! for slabs start at multiples of their size.

use core::alloc::Layout;

use super::shape::{GRAIN, MAX_SIZE, Shape};
use crate::planted::{Bug, planted};

/// A size class, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Class(u8);

impl Class {
    /// How many there are.
    pub const COUNT: usize = 64;

    /// The class for objects of this layout, which get a byte if they have none; none for those larger than
    /// [`MAX_SIZE`], or aligned to more.
    #[inline]
    #[must_use]
    pub fn of(layout: Layout) -> Option<Self> {
        // The last byte, once the size is a multiple of the alignment; then the class is one too: between two powers of two
        // classes are all multiples of an eighth of the lower one, and a multiple of more is a class itself.
        let align = if planted(Bug::AlignmentIgnored) { 1 } else { layout.align() };
        let last = layout.size().wrapping_sub(1) | (align - 1);
        let last = if planted(Bug::ClassTooSmall) { last.saturating_sub(1) } else { last };
        Self::with_last_byte(last).or_else(|| Self::of_nothing(layout))
    }

    /// The class for objects of no bytes.
    #[cold]
    fn of_nothing(layout: Layout) -> Option<Self> {
        if layout.size() == 0 && !planted(Bug::ZeroSizeRefused) {
            Self::with_last_byte(layout.align() - 1)
        } else {
            None
        }
    }

    /// The smallest class with this byte.
    #[inline]
    fn with_last_byte(last: usize) -> Option<Self> {
        BY_LAST_BYTE.get(last / GRAIN).copied().map(Self)
    }

    /// The class with this number, if there is one; else another.
    pub(crate) const fn new(number: usize) -> Self {
        let [low, ..] = (number % Self::COUNT).to_le_bytes();
        Self(low)
    }

    /// All of them, rising.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator {
        (0..Self::COUNT).map(Self::new)
    }

    /// As an index into an array of [`Self::COUNT`].
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize % Self::COUNT
    }

    /// Bytes of its objects.
    #[must_use]
    pub const fn size(self) -> usize {
        self.shape().size()
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "an index is below the number of classes")]
    pub(crate) const fn shape(self) -> &'static Shape {
        &SHAPES[self.index()]
    }
}

const SHAPES: [Shape; Class::COUNT] = shapes();

/// The class for each grain that a last byte can be in.
static BY_LAST_BYTE: [u8; MAX_SIZE / GRAIN] = by_last_byte();

#[expect(clippy::indexing_slicing, reason = "runs when it is compiled")]
const fn shapes() -> [Shape; Class::COUNT] {
    let Some(first) = Shape::of(GRAIN) else { unreachable!() };
    let mut shapes = [first; Class::COUNT];
    let mut number = 1;
    while number < Class::COUNT {
        // Eight steps of 8, then eight steps for each doubling.
        let size = if number < 8 { (number + 1) * GRAIN } else { (number % 8 + 9) << (number / 8 + 2) };
        match Shape::of(size) {
            Some(shape) => shapes[number] = shape,
            None => unreachable!(),
        }
        number += 1;
    }
    shapes
}

#[expect(clippy::indexing_slicing, reason = "runs when it is compiled")]
const fn by_last_byte() -> [u8; MAX_SIZE / GRAIN] {
    let mut table = [0; MAX_SIZE / GRAIN];
    let (mut grain, mut class) = (0, 0_u8);
    while grain < table.len() {
        if SHAPES[class as usize].size() <= grain * GRAIN {
            class += 1;
        }
        table[grain] = class;
        grain += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn holding(size: usize) -> Option<Class> {
        Class::of(Layout::from_size_align(size, 1).unwrap())
    }

    #[test]
    fn r002_1_all_powers_of_two_from_8_to_8192_are_classes() {
        let sizes: Vec<_> = Class::all().map(Class::size).collect();
        assert!((3..=13).all(|power| sizes.contains(&(1 << power))), "{sizes:?}");
        assert!(sizes.is_sorted_by(|a, b| a < b), "{sizes:?}");
    }

    #[test]
    fn r002_2_less_than_an_eighth_is_wasted_from_57_bytes_on() {
        for size in 1..=MAX_SIZE {
            let class = holding(size).unwrap().size();
            let waste = class - size;
            assert!(if size < 57 { waste < 8 } else { waste * 8 < class }, "{size} in {class}");
        }
    }

    #[test]
    fn r002_9_a_class_is_the_smallest_that_holds_a_size() {
        for size in 0..=MAX_SIZE {
            let smallest = Class::all().find(|class| class.size() >= size);
            assert_eq!(holding(size), smallest, "{size}");
        }
        assert_eq!(holding(100).unwrap().size(), 104);
        assert_eq!((holding(MAX_SIZE + 1), holding(isize::MAX as usize)), (None, None));
    }

    #[test]
    fn r002_14_a_class_is_a_multiple_of_the_alignment() {
        for align in (0..14).map(|power| 1 << power) {
            for size in 0..=MAX_SIZE {
                let class = Class::of(Layout::from_size_align(size, align).unwrap());
                let is_right = class.is_none_or(|class| class.size() >= size && class.size() % align == 0);
                let is_served = class.is_some() == (size.max(1).next_multiple_of(align) <= MAX_SIZE);
                assert!(is_right && is_served, "{size} at {align}: {class:?}");
            }
        }
        assert_eq!(Class::of(Layout::from_size_align(0, 1 << 40).unwrap()), None);
    }
}
