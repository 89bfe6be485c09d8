//! Shuttle's atomics, and its lock with the surface of the real one.

pub(crate) use shuttle::sync::{
    MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64},
};

/// A lock at which shuttle may switch to another thread.
#[derive(Debug)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}
