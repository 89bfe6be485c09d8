//! The frame allocator, from outside. Requirements carry their ids in their names.

mod exhaustive;
mod ground;
mod misuse;
mod model;
mod operations;
mod random;
mod reports;
mod requirements;
mod setting;
mod shortage;
mod trace;
