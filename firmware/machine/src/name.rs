//! What a machine is called.

use framekeeper::devicetree::Tree;

/// A machine's name, cut to what fits.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    bytes: [u8; 48],
    length: usize,
}

impl Name {
    /// `model`, or else the first `compatible`, of the root.
    pub(crate) fn read(tree: &Tree<'_>) -> Self {
        let root = tree.root();
        let property = root.property("model").or_else(|| root.property("compatible"));
        Self::new(property.and_then(|property| property.strings().next()).unwrap_or("unnamed machine"))
    }

    fn new(name: &str) -> Self {
        let mut bytes = [0; 48];
        let length = name.floor_char_boundary(bytes.len());
        if let (Some(place), Some(text)) = (bytes.get_mut(..length), name.as_bytes().get(..length)) {
            place.copy_from_slice(text);
        }
        Self { bytes, length }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}
