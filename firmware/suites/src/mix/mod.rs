//! Random operations by which a scenario lives: of frames, and of objects.
//!
//! A mix is one worker: it holds what it was handed, tags it, and says what was [`Broken`] the moment that it sees it.
//! With the same dice it does the same operations.

mod blocks;
mod broken;
mod objects;

pub use blocks::Blocks;
pub use broken::Broken;
pub use objects::Objects;

/// Whether a worker may be told that the allocator is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// No: it runs where it can wait.
    Thread,
    /// Yes: it runs in a handler.
    Handler,
}
