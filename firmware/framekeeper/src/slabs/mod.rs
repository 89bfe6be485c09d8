//! Objects: slabs of frames cut into slots, and in front of them a magazine for each core.
//!
//! ```text
//! alloc ─► this core's magazine ─► depot ─► slabs ─► frames
//! free ──► checked ─► this core's magazine ─► depot ─► its slab ─► frames, once that is empty
//! ```
//!
//! A **slab** is a block of frames that holds objects of one size and nothing else. Its **descriptor**, with a bit for
//! each slot, lies elsewhere. A **pool** is all slabs with objects of one size, and a **depot** through which objects go
//! from core to core. A **magazine** is a short stack of free objects that only one core uses. The hot path is a magazine:
//! no lock, and no atomic read-modify-write.
//!
//! [`Slabs`] has a pool for each [size class](Class); a [`Slab`] is one for any size, a [`Cache`] one for a type. What
//! they check is chosen by a [`Hardening`]. Where memory is mapped they are told by a [`DirectMap`].

mod cache;
mod class;
mod counter;
#[cfg(test)]
mod damage;
mod depot;
mod errors;
mod ground;
mod hardening;
mod in_use;
mod magazine;
mod memory;
mod objects;
pub(crate) mod pool;
mod refill;
mod report;
mod seal;
mod shape;
mod single;
mod sites;
mod slab;
mod slow;
mod store;
mod ticket;
mod verify;

pub use cache::{Cache, Cached, Keeper, Reserve};
pub use class::Class;
pub use errors::{CacheError, FreeIn, HasSlabs, Misuse, ObjectAddr, ObjectError};
pub use hardening::{Debug, Hardening, Level, Off, Paranoid, Standard};
pub use magazine::{Magazine, Magazines};
pub use memory::DirectMap;
pub use objects::{Setup, Slabs};
pub use pool::Pools;
pub use report::{SlabReport, USAGE_HEADER, Usage};
pub use shape::MAX_SIZE;
pub use single::Slab;
pub use sites::{Site, SiteRing, Sites};
pub use ticket::{Ticket, Turn};
pub use verify::SlabFault;
