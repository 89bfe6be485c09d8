//! Random operations by which a scenario lives: of frames, and of objects.
//!
//! A mix is one worker: it holds what it was handed, tags it, and says what was [`Broken`] the moment that it sees it.
//! With the same dice it does the same operations.

mod blocks;
mod broken;
mod objects;

pub use blocks::Blocks;
pub use broken::Broken;
pub(crate) use broken::{held, held_on};
pub use objects::Objects;

use framekeeper::{Asked, Core, Order};

/// Whether a worker may be told that the allocator is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// No: it runs where it can wait.
    Thread,
    /// Yes: it runs in a handler.
    Handler,
}

/// Which requests for memory a machine may refuse; any other that is refused is a promise broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusals {
    /// None.
    None,
    /// Any.
    Any,
    /// Those for this order and more.
    From(Order),
    /// Those of this core.
    On(Core),
}

impl Refusals {
    /// Whether this request may be refused.
    #[must_use]
    pub fn include(self, asked: &Asked) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::From(order) => asked.frames >= order.frames(),
            Self::On(core) => asked.core == Some(core),
        }
    }
}

/// Steps after which a worker must have been handed something: one whose every request fails would find nothing wrong.
const STEPS_ENOUGH: u64 = 1_000;

/// Who is refused on purpose may be refused everything.
fn something_was_handed_out(refusals: Refusals, steps: u64, taken: u64) -> Result<(), Broken> {
    if refusals != Refusals::None || steps < STEPS_ENOUGH || taken > 0 {
        return Ok(());
    }
    Err(Broken::Lost { what: "things were handed out", expected: 1, found: 0 })
}
