//! The heap: requirements, odd sizes, misuse, collections, and random use against a model. Requirements carry their ids in
//! their names; those of frames and slabs have suites of their own.

#![cfg_attr(feature = "nightly", feature(allocator_api, btreemap_alloc))]

#[cfg(feature = "arceos")]
mod arceos;
#[cfg(feature = "allocator-api2")]
mod collections;
#[path = "../frames/ground.rs"]
#[expect(dead_code, reason = "of what the other suite stands on, part is needed here")]
mod ground;
mod kernel;
#[path = "../slabs/machine.rs"]
#[expect(dead_code, reason = "as above")]
mod machine;
mod misuse;
mod odd;
mod realloc;
mod refusals;
mod reports;
mod requirements;

use std::{sync::Mutex, thread_local};
