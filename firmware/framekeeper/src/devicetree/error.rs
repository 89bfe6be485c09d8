//! What is wrong with the structure of a blob, and where.

#![deny(clippy::arithmetic_side_effects)]

use core::fmt;

/// The blob is not a device tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeError {
    /// Which byte of the blob: the header field, token or name that is wrong.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// The parts of a blob (Devicetree Specification 0.4 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The header.
    Header,
    /// The memory reservation block.
    Reservations,
    /// The structure block: the nodes.
    Structure,
    /// The strings block: the names of properties.
    Strings,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The blob ends inside the header.
    TooShort {
        /// Bytes in the blob.
        length: usize,
    },
    /// It does not start as a device tree does.
    BadMagic {
        /// What is there instead.
        found: u32,
    },
    /// The header claims more bytes than there are.
    LargerThanBlob {
        /// What the header claims.
        total: u32,
        /// Bytes in the blob.
        length: usize,
    },
    /// The header claims fewer bytes than the header itself has.
    SmallerThanHeader {
        /// What the header claims.
        total: u32,
    },
    /// Neither version 16 or 17 nor compatible with them.
    UnsupportedVersion {
        /// The version.
        version: u32,
        /// The oldest version it can be read as.
        last_compatible: u32,
    },
    /// A block starts where none may (reservations: 8 bytes, structure: 4).
    Misaligned {
        /// Which block.
        block: Block,
        /// Where it starts.
        start: u32,
    },
    /// A block does not end within the blob.
    OutsideBlob {
        /// Which block.
        block: Block,
    },
    /// Two blocks share bytes.
    BlocksOverlap {
        /// One of them.
        first: Block,
        /// The other one, which `offset` speaks of.
        second: Block,
    },
    /// The reservation block has no end mark.
    ReservationsUnterminated,
    /// Not a token.
    UnknownToken {
        /// What is there instead.
        found: u32,
    },
    /// A property before the root, or behind it.
    PropertyOutsideNode,
    /// A property of a node that already had a child.
    PropertyAfterChild,
    /// The structure block ends inside the name of a node.
    NodeNameUnterminated,
    /// The name of a node is not UTF-8.
    NodeNameNotText,
    /// A node that is not the root has no name.
    EmptyNodeName,
    /// The root has a name: another parser could take it for another node (CVE-2021-27097).
    NamedRoot,
    /// A second root, which other parsers would read or not (CVE-2021-27097).
    SecondRoot,
    /// The tree ends before any node.
    NoRoot,
    /// The tree ends inside a node.
    EndInsideNode {
        /// How many nodes are open.
        open: usize,
    },
    /// A node ends that never started.
    EndNodeOutsideNode,
    /// The structure block ends and the tree does not.
    MissingEnd,
    /// The tree ends and the structure block does not.
    TokensBehindEnd,
    /// The structure block ends inside a property.
    PropertyOutsideBlock {
        /// How many bytes the property claims.
        length: u32,
    },
    /// The name of a property lies outside the strings block.
    PropertyNameOutsideStrings {
        /// Where in the strings block it should be.
        name: u32,
    },
    /// The strings block ends inside the name of a property.
    PropertyNameUnterminated {
        /// Where in the strings block it starts.
        name: u32,
    },
    /// The name of a property is not UTF-8.
    PropertyNameNotText {
        /// Where in the strings block it starts.
        name: u32,
    },
    /// Nodes inside nodes inside nodes.
    TooDeep {
        /// How deep nodes may lie.
        limit: usize,
    },
    /// Small blob, much work: thousands of properties share one endless name.
    TooManySteps {
        /// How many steps a blob of this size may take.
        budget: u64,
    },
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a device tree: at byte {:#x}: {:?}", self.offset, self.kind)
    }
}

impl core::error::Error for TreeError {}
