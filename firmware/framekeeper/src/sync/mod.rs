//! The atomics and the lock that all shared state is made of.
//!
//! The models in `src/models` run over the same code with these replaced: by ones whose every interleaving loom explores,
//! or by ones that shuttle schedules. Ordinary builds know of neither, whatever flags a kernel is built with.

pub(crate) use core::sync::atomic::Ordering;

#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) use {
    core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64},
    spin::{Mutex, MutexGuard},
};

#[cfg(all(test, loom))]
pub(crate) mod explored;
#[cfg(all(test, loom))]
pub(crate) use explored::{AtomicPtr, AtomicU32, AtomicU64, Mutex, MutexGuard};

#[cfg(all(test, shuttle, not(loom)))]
mod scheduled;
#[cfg(all(test, shuttle, not(loom)))]
pub(crate) use scheduled::{AtomicPtr, AtomicU32, AtomicU64, Mutex, MutexGuard};
