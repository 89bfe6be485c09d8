//! What attacks the allocators: every scenario once, written against a [`Machine`].
//!
//! A **suite** is a module, a **scenario** a function in it that panics when a promise is broken. A scenario gets cores,
//! memory, time, seeds and a voice from its machine and from nowhere else, so that the same code runs as a test of the
//! host, in QEMU and on a board. [`scenarios!`] lists all of them; who runs them makes tests of the list.
//!
//! | kind | works on | ends with |
//! |---|---|---|
//! | of the machine | all of its RAM, on all of its cores | everything given back, and the allocators right about everything |
//! | of an [`arena`] | a small machine of its own, the same everywhere | a digest, equal wherever the seed and the budget are |

#![no_std]

extern crate alloc;
#[cfg(feature = "host")]
extern crate std;

pub mod arena;
#[cfg(feature = "bench")]
pub mod bench;
mod dice;
mod digest;
pub mod faults;
pub mod frames;
mod ground;
pub mod heap;
#[cfg(feature = "host")]
pub mod host;
pub mod interrupts;
mod lent;
mod list;
mod machine;
pub mod map;
pub mod memory;
pub mod misuse;
pub mod mix;
mod picture;
pub mod slabs;
pub mod smp;
pub mod soak;
mod tags;
mod trail;

pub use dice::Dice;
pub use machine::{Machine, Regions};
pub use tags::{Tag, Tagged, begin_tags};
pub use trail::perform;
pub use wire::{Coverage, Number, Parameters, Unit};
