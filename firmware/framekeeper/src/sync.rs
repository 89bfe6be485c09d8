//! The atomics and the lock that all shared state is made of.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
pub(crate) use spin::{Mutex, MutexGuard};
