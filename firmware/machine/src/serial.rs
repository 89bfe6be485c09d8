//! The serial port on which the host is spoken to.

use framekeeper::{
    PhysRange,
    devicetree::{Node, Tree},
};

use crate::{
    arguments::arguments,
    error::{MachineError, bad},
    nodes,
};

/// Which driver a serial port needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialKind {
    /// Arm's PL011.
    Pl011,
    /// Samsung's, as in Exynos and Google's chips made from it.
    Samsung,
}

/// What a port is compatible with, and its driver: the upstream name and the stock one of a Pixel 6's last.
const DRIVERS: [(&str, SerialKind); 3] = [
    ("arm,pl011", SerialKind::Pl011),
    ("google,gs101-uart", SerialKind::Samsung),
    ("samsung,exynos-uart", SerialKind::Samsung),
];

/// A word by which a Pixel 6's boot loader says that the port is off. Whether it answers then, or hangs the core that
/// asks it because its clock stands still, nobody has written down.
const HANDS_OFF: &str = "console=null";

/// A serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial {
    /// Its driver.
    pub kind: SerialKind,
    /// Its registers.
    pub registers: PhysRange,
}

/// Finds the serial port: what `stdout-path` names; or else the first one by its alias; or else the first in the tree
/// that is enabled. `None` if there is none, or if it must not be touched: the tree disables it, or the command line has
/// `console=null`.
///
/// A `stdout-path` to something that is no known port says nothing about serial ports: it may be a display.
///
/// Addresses are taken as they are. Every bus above a known port, of either shape of tree, is mapped one to one.
///
/// # Errors
///
/// The port's `reg` cannot be read.
pub fn find_serial<'a>(tree: &Tree<'a>) -> Result<Option<Serial>, MachineError<'a>> {
    if arguments(tree).any(|word| word == HANDS_OFF) {
        return Ok(None);
    }
    let node = match named(tree) {
        Some(named) => nodes::enabled(tree).find(|node| node.offset() == named.offset()),
        None => nodes::enabled(tree).find(|node| kind(node).is_some()),
    };
    let Some((node, kind)) = node.and_then(|node| Some((node, kind(&node)?))) else {
        return Ok(None);
    };
    let registers = node.reg()?.next().ok_or(bad(&node, "reg"))??;
    Ok(Some(Serial { kind, registers }))
}

/// The known port that `stdout-path` or an alias names, enabled or not.
fn named<'a>(tree: &Tree<'a>) -> Option<Node<'a>> {
    // Behind a colon stand line parameters.
    let stdout = tree.find("/chosen").and_then(|chosen| chosen.text("stdout-path")?.split(':').next());
    // The upstream kernel's name of the first port, and that of the stock tree.
    let names = stdout.into_iter().chain(["serial0", "uart0"]);
    names.filter_map(|name| nodes::at(tree, name)).find(|node| kind(node).is_some())
}

fn kind(node: &Node<'_>) -> Option<SerialKind> {
    DRIVERS.iter().find(|(name, _)| node.is_compatible(name)).map(|&(_, kind)| kind)
}
