//! What a device tree says about memory, read from a blob that nobody vouches for.
//!
//! [`Tree::new`] checks the structure of the whole blob before anything in it is believed: holding a [`Tree`] proves
//! that every token, name and value lies where it must. It proves nothing about what they mean. [`Node`] and
//! [`Property`] read names and values, and [`RamDescription::read`] turns them into sets of addresses. All of it is
//! free of recursion, allocation and panics, and ends within [`STEPS_PER_BYTE`] steps for each byte.
//!
//! The check is strict about structure and lenient about names: `fw,a-name-of-more-than-thirty-one-characters`,
//! `@0x1000` and upper case are all read, since phones carry them.
//!
//! There is no parser crate behind the check. It needs a token loop of its own, and with that loop reading is a few
//! lines more. `fdt` 0.1.5 misses nodes behind a NOP; 0.2.0-alpha3 panics on version 16 and does not give the
//! reservation block; and a second reader of the same bytes could disagree with the one that checked.
//!
//! ```
//! use framekeeper::devicetree::{ErrorKind, Tree};
//!
//! let error = Tree::new(&[0; 64]).unwrap_err();
//! assert_eq!((error.offset, error.kind), (0, ErrorKind::BadMagic { found: 0 }));
//! ```
//!
//! [`STEPS_PER_BYTE`]: crate::devicetree::STEPS_PER_BYTE

mod bytes;
mod check;
mod error;
mod header;
mod meaning;
mod memory;
mod node;
mod place;
mod property;
mod reserved;
mod token;
mod tree;

pub use check::{MAX_DEPTH, STEPS_PER_BYTE};
pub use error::{Block, ErrorKind, TreeError};
pub use meaning::{MeaningError, MeaningErrorKind};
pub use memory::{RamDescription, ram};
pub use node::{Children, Node, Nodes, Properties};
pub use property::{Property, Reg};
pub use tree::Tree;
