//! The frame allocator, from outside. Requirements carry their ids in their names.

mod dump;
mod exhaustive;
mod ground;
mod misuse;
mod model;
mod operations;
mod random;
mod requirements;
mod setting;
mod shortage;
mod trace;
