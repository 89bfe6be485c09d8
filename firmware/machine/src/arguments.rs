//! The words of the kernel command line.

use framekeeper::devicetree::Tree;

/// The words of `/chosen/bootargs`, in their order; none if there is no such text.
///
/// A boot loader puts its own words there, those of the boot image's header, and those of the tree it found, so the same
/// word may stand there more than once. Quotes do not join words: no word that the firmware reads has a space in it.
pub fn arguments<'a>(tree: &Tree<'a>) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
    let line = tree.find("/chosen").and_then(|chosen| chosen.text("bootargs"));
    line.unwrap_or_default().split_ascii_whitespace()
}
