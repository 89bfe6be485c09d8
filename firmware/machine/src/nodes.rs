//! Finding nodes that count.

use framekeeper::devicetree::{Node, Tree};

use crate::error::MachineError;

/// Every node that is there for us: enabled, and in no node that is not. One whose `status` cannot be read is not: a
/// device that is left alone does no harm.
pub(crate) fn enabled<'a>(tree: &Tree<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
    let mut disabled_at = None;
    tree.nodes().filter(move |node| {
        if disabled_at.is_some_and(|depth| node.depth() > depth) {
            return false;
        }
        let is_enabled = node.is_enabled().unwrap_or(false);
        disabled_at = (!is_enabled).then_some(node.depth());
        is_enabled
    })
}

/// The first node that counts and is compatible with one of `names`.
pub(crate) fn compatible<'a>(tree: &Tree<'a>, names: &[&'static str]) -> Result<Node<'a>, MachineError<'a>> {
    let wanted = names.first().copied().unwrap_or_default();
    enabled(tree).find(|node| is_compatible(node, names)).ok_or(MachineError::NoNode(wanted))
}

/// Whether a node is compatible with one of `names`.
pub(crate) fn is_compatible(node: &Node<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| node.is_compatible(name))
}

/// The node that a path or an alias leads to (Devicetree Specification 0.4 §3.3).
pub(crate) fn at<'a>(tree: &Tree<'a>, path_or_alias: &str) -> Option<Node<'a>> {
    if path_or_alias.starts_with('/') {
        return tree.find(path_or_alias);
    }
    tree.find(tree.find("/aliases")?.text(path_or_alias)?)
}
