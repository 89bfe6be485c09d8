//! Properties: bytes with a name, and what they can be read as.

#![deny(clippy::arithmetic_side_effects)]

use super::{
    bytes::{number, until_zero},
    meaning::{MeaningError, MeaningErrorKind},
    tree::Tree,
};
use crate::addr::{PhysAddr, PhysRange};

/// A property of a node.
#[derive(Clone, Copy, Debug)]
pub struct Property<'a> {
    tree: Tree<'a>,
    name: u32,
    value: &'a [u8],
    offset: usize,
}

impl<'a> Property<'a> {
    pub(super) fn new(tree: Tree<'a>, offset: usize, name: u32, value: &'a [u8]) -> Self {
        Self { tree, name, value, offset }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        let name = until_zero(self.tree.strings_from(self.name));
        name.and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// Whether it is called `name`. Does not look at more of a long name than that.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let rest = self.tree.strings_from(self.name).strip_prefix(name.as_bytes());
        rest.is_some_and(|rest| rest.first() == Some(&0))
    }

    /// Its bytes.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// Where in the blob its token stands.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// One or two cells as a number.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        number(self.value)
    }

    /// Its only string. `None` if it is not terminated, not UTF-8, or more than one.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        let text = until_zero(self.value)?;
        let is_all = text.len().checked_add(1) == Some(self.value.len());
        if is_all { str::from_utf8(text).ok() } else { None }
    }

    /// Its strings. Bytes behind the last terminator, and strings that are not UTF-8, are left out.
    pub fn strings(&self) -> impl Iterator<Item = &'a str> + 'a {
        let mut rest = self.value;
        core::iter::from_fn(move || {
            let text = until_zero(rest)?;
            rest = rest.get(text.len().checked_add(1)?..)?;
            Some(str::from_utf8(text))
        })
        .filter_map(Result::ok)
    }
}

/// What `#address-cells` or `#size-cells` says: a number, or something that is none.
pub(super) type Count = Option<u32>;

/// How many cells the addresses and sizes in the `reg` of a node's children have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cells {
    address: Option<Count>,
    size: Option<Count>,
}

impl Cells {
    /// Looks at a property of the parent. Of two with the same name the first one counts.
    pub(super) fn see(&mut self, property: &Property<'_>) {
        let place = match () {
            () if property.is_called("#address-cells") => &mut self.address,
            () if property.is_called("#size-cells") => &mut self.size,
            () => return,
        };
        let count = property.value.as_array().map(|cell| u32::from_be_bytes(*cell));
        place.get_or_insert(count);
    }

    /// Bytes in an address and in a size: one or two cells each. Without properties 2 and 1 (Devicetree
    /// Specification 0.4 §2.3.5).
    fn widths(self) -> Result<(usize, usize), MeaningErrorKind> {
        let width = |property, count| match count {
            Some(1) => Ok(4),
            Some(2) => Ok(8),
            found => Err(MeaningErrorKind::BadCells { property, found }),
        };
        let address = width("#address-cells", self.address.unwrap_or(Some(2)))?;
        let size = width("#size-cells", self.size.unwrap_or(Some(1)))?;
        Ok((address, size))
    }
}

/// The ranges of a `reg` or an `alloc-ranges`.
#[derive(Clone, Debug)]
pub struct Reg<'a> {
    node: &'a str,
    value: &'a [u8],
    offset: usize,
    address_width: usize,
    size_width: usize,
}

impl<'a> Reg<'a> {
    pub(super) fn new(
        node: &'a str,
        property: &Property<'a>,
        cells: Cells,
    ) -> Result<Self, MeaningError<'a>> {
        let error = |kind| MeaningError { node, offset: property.offset, kind };
        let (address_width, size_width) = cells.widths().map_err(error)?;
        let (length, entry) = (property.value.len(), address_width.saturating_add(size_width));
        if !length.is_multiple_of(entry) {
            return Err(error(MeaningErrorKind::BadLength { length, entry }));
        }
        Ok(Self { node, value: property.value, offset: property.offset, address_width, size_width })
    }

    /// No ranges.
    pub(super) fn none(node: &'a str) -> Self {
        Self { node, value: &[], offset: 0, address_width: 8, size_width: 4 }
    }
}

impl<'a> Iterator for Reg<'a> {
    type Item = Result<PhysRange, MeaningError<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (address, rest) = self.value.split_at_checked(self.address_width)?;
        let (size, rest) = rest.split_at_checked(self.size_width)?;
        self.value = rest;
        let (start, size) = (PhysAddr(number(address)?), number(size)?);
        let kind = MeaningErrorKind::RangeWraps { start, size };
        let error = MeaningError { node: self.node, offset: self.offset, kind };
        Some(PhysRange::from_size(start, size).ok_or(error))
    }
}
