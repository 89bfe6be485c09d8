//! Zones, from outside: requirements by their ids, a model, and every sequence of operations on a small zone.

mod damage;
mod exhaustive;
mod ground;
mod model;
mod requirements;
