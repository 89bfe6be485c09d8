//! Slabs: requirements, conformance, misuse, and random use against a model.

mod accounts;
mod bytes;
mod caches;
mod contents;
mod exhaustive;
#[path = "../frames/ground.rs"]
#[expect(dead_code, reason = "of what the other suite stands on, part is needed here")]
mod ground;
mod machine;
mod misuse;
mod model;
mod paranoid;
mod random;
mod refusals;
mod requirements;
mod shortage;
mod threads;
mod ticket;
mod tour;

// What the cores are made of.
use std::{sync::Mutex, thread_local};
