//! Why the firmware cannot run with a device tree.

use framekeeper::{
    PhysRange,
    devicetree::{MeaningError, MeaningErrorKind, Node, TreeError},
};

/// Why the firmware cannot run with a device tree.
#[derive(Clone, Copy, Debug)]
pub enum MachineError<'a> {
    /// Its structure is broken; where, and how.
    Malformed(TreeError),
    /// There is no such node: a path, or what it would be compatible with.
    NoNode(&'static str),
    /// The node is there; what it says cannot be, or is not what the firmware needs.
    BadNode(MeaningError<'a>),
    /// The image or the device tree was put where nothing may be mapped.
    MustNotBeMapped {
        /// Where it lies.
        occupied: PhysRange,
        /// What must not be mapped.
        no_map: PhysRange,
    },
}

impl From<TreeError> for MachineError<'_> {
    fn from(error: TreeError) -> Self {
        Self::Malformed(error)
    }
}

impl<'a> From<MeaningError<'a>> for MachineError<'a> {
    fn from(error: MeaningError<'a>) -> Self {
        Self::BadNode(error)
    }
}

/// This property of the node is missing, or has another form than it must have.
pub(crate) fn bad<'a>(node: &Node<'a>, property: &'static str) -> MachineError<'a> {
    let offset = node.property(property).map_or(node.offset(), |found| found.offset());
    let kind = MeaningErrorKind::BadProperty { property };
    MachineError::BadNode(MeaningError { node: node.name(), offset, kind })
}
