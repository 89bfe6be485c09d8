//! The frame allocator, from outside. Requirements carry their ids in their names.

mod caches;
mod crowd;
mod dump;
mod exhaustive;
mod ground;
mod misuse;
mod model;
mod operations;
mod poison;
mod random;
mod refusals;
mod reports;
mod requirements;
mod setting;
mod shortage;
mod threads;
mod trace;

// What the crowd's cores are made of.
use std::{sync::Mutex, thread_local};
