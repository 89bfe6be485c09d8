//! Slabs: requirements, conformance, misuse, and random use against a model.

#[path = "../frames/ground.rs"]
mod ground;
mod machine;
mod requirements;

use std::{sync::Mutex, thread_local};
