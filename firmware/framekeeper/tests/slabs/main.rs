//! Slabs: requirements, conformance, misuse, and random use against a model.

#[path = "../frames/ground.rs"]
#[expect(dead_code, reason = "of what the other suite stands on, part is needed here")]
mod ground;
mod machine;
mod paranoid;
mod requirements;

use std::{sync::Mutex, thread_local};
