//! Watchdogs that a boot loader may leave running.

use framekeeper::{PhysRange, devicetree::Tree};

use crate::nodes::is_compatible;

/// Samsung's watchdog in Google's chips: the upstream name, and the stock names of a Pixel 6's two.
const WATCHDOGS: [&str; 3] = ["google,gs101-wdt", "google,gs101-cl0-wdt", "google,gs101-cl1-wdt"];

/// The registers of every watchdog that the tree names, disabled ones included: that a kernel is to leave one alone does
/// not mean that the boot loader did not start it. One whose `reg` cannot be read cannot be stopped, and is left out.
pub fn watchdogs<'a>(tree: &Tree<'a>) -> impl Iterator<Item = PhysRange> + use<'a> {
    let watchdogs = tree.nodes().filter(|node| is_compatible(node, &WATCHDOGS));
    watchdogs.filter_map(|node| node.reg().ok()?.next()?.ok())
}
