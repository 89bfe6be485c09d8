//! A blob that passed the check.

#![deny(clippy::arithmetic_side_effects)]

use super::{
    bytes::u64_at,
    check::check,
    error::TreeError,
    header::Header,
    node::{Node, Nodes},
    token::Cursor,
};
use core::fmt;

/// A device tree whose structure is sound.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    /// The blob up to the end of the structure block.
    structure: &'a [u8],
    strings: &'a [u8],
    reservations: &'a [u8],
    reservations_offset: usize,
    root: usize,
    total: usize,
    steps: u64,
}

impl fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("size", &self.total).field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl<'a> Tree<'a> {
    /// Checks the structure of `blob`, which may be longer than the tree in it.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn new(blob: &'a [u8]) -> Result<Self, TreeError> {
        let header = Header::read(blob)?;
        let blob = blob.get(..header.total).unwrap_or_default();
        let checked = check(blob, &header)?;
        Ok(Self {
            structure: blob.get(..header.structure.end).unwrap_or_default(),
            strings: blob.get(header.strings).unwrap_or_default(),
            reservations_offset: header.reservations.start,
            reservations: blob.get(header.reservations).unwrap_or_default(),
            root: checked.root,
            total: header.total,
            steps: checked.steps,
        })
    }

    /// How many bytes of the blob are the tree's.
    #[must_use]
    pub fn total_size(&self) -> usize {
        self.total
    }

    /// How many steps the check took: tokens, and bytes of names.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Node<'a> {
        Node::root(*self, self.root)
    }

    /// Every node, parents before children.
    #[must_use]
    pub fn nodes(&self) -> Nodes<'a> {
        Nodes::new(*self, self.root)
    }

    /// The node at `path`, such as `/cpus/cpu@0`. A part without a unit address stands for the first node that has
    /// this name and any address.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Node<'a>> {
        let mut node = self.root();
        for part in path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty()) {
            node = node.child(part)?;
        }
        Some(node)
    }

    /// The first node that is compatible with one of `names`.
    #[must_use]
    pub fn find_compatible(&self, names: &[&str]) -> Option<Node<'a>> {
        self.nodes().find(|node| names.iter().any(|name| node.is_compatible(name)))
    }

    /// The reservation block (Devicetree Specification 0.4 §5.3): where in the blob an entry stands, its address and
    /// its size.
    pub fn reservations(&self) -> impl Iterator<Item = (usize, u64, u64)> + 'a {
        let offsets = (self.reservations_offset..).step_by(16);
        offsets
            .zip(self.reservations.chunks_exact(16))
            .filter_map(|(offset, pair)| Some((offset, u64_at(pair, 0)?, u64_at(pair, 8)?)))
    }

    pub(super) fn cursor(&self, offset: usize) -> Cursor<'a> {
        Cursor::new(self.structure, offset)
    }

    /// The strings block from `name` on: a name, a zero, and other names.
    pub(super) fn strings_from(&self, name: u32) -> &'a [u8] {
        self.strings.get(name as usize..).unwrap_or_default()
    }
}
