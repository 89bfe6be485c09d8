//! The way between a board and the session.
//!
//! A link moves bytes and knows nothing of their meaning. [`FaultyLink`] damages them on purpose, so that the
//! runner can be tried against a bad line with a good board.

mod faults;

pub use faults::{Faults, FaultyLink};
