//! The frames: what they promise, case by case, and under storms.

mod conformance;
mod exhaustion;
mod storms;

pub use conformance::*;
pub use exhaustion::*;
pub use storms::*;

use framekeeper::Owner;

/// Whose the frames of this suite are.
const ME: Owner = Owner::new(22);
