//! Atomics and a lock whose interleavings loom explores.
//!
//! A cell is a plain atomic outside of a [run](explore). In a run it is one of loom's, which comes to be with the plain
//! value where the run first uses it, and is gone after the run. So a cell can be in a constant and behind `get_mut`,
//! which loom's cannot; an allocator is built once, and of its map's 32,768 words a run costs only those that it uses. What
//! is not a cell, the counters behind a lock, must be at the end of a run what it was at its beginning.
//!
//! Where two threads of a run would be the first to use a cell, loom reports that its creation races. The thread that
//! starts them uses it first.

use super::Ordering;
use core::{
    cell::{Cell, RefCell},
    ops::{Deref, DerefMut},
};
use loom::sync::atomic::AtomicU64 as Explored;
use std::{collections::BTreeMap, rc::Rc};

std::thread_local! {
    /// The cells of the present run, by their addresses. All of loom's threads are one to the machine.
    static RUN: RefCell<Option<BTreeMap<usize, Rc<Explored>>>> = const { RefCell::new(None) };
}

loom::thread_local! {
    /// Whether the thread may wait for a lock.
    static WAITS: Cell<bool> = Cell::new(true);
}

/// From here on the thread must not wait for a lock.
pub(crate) fn never_wait() {
    WAITS.with(|waits| waits.set(false));
}

/// Runs `model` once for each interleaving of its threads; says how often.
pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) -> u64 {
    #[cfg(feature = "planted")]
    crate::planted::plant_named();
    let runs = std::sync::Arc::new(core::sync::atomic::AtomicU64::new(0));
    let counted = runs.clone();
    let mut builder = loom::model::Builder::new();
    // A run's length is bounded by the model; loom's default is too small for building up a state first.
    builder.max_branches = 100_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        RUN.set(Some(BTreeMap::new()));
        model();
        RUN.set(None);
    });
    runs.load(Ordering::Relaxed)
}

fn in_run(address: usize, value: impl FnOnce() -> u64) -> Option<Rc<Explored>> {
    let cell = |cells: &mut BTreeMap<usize, Rc<Explored>>| {
        cells.entry(address).or_insert_with(|| Rc::new(Explored::new(value()))).clone()
    };
    RUN.with_borrow_mut(|run| run.as_mut().map(cell))
}

macro_rules! cell {
    ($name:ident, $value:ty) => {
        /// An atomic.
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $name(core::sync::atomic::$name);

        impl $name {
            pub(crate) const fn new(value: $value) -> Self {
                Self(core::sync::atomic::$name::new(value))
            }

            pub(crate) fn get_mut(&mut self) -> &mut $value {
                self.0.get_mut()
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.with(|cell| cell.load(order) as $value, |plain| plain.load(order))
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.with(|cell| cell.store(value.into(), order), |plain| plain.store(value, order));
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                self.with(|cell| cell.swap(value.into(), order) as $value, |plain| plain.swap(value, order))
            }

            pub(crate) fn compare_exchange(
                &self,
                expected: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let narrow = |result: Result<u64, u64>| {
                    result.map(|value| value as $value).map_err(|value| value as $value)
                };
                self.with(
                    |cell| narrow(cell.compare_exchange(expected.into(), new.into(), success, failure)),
                    |plain| plain.compare_exchange(expected, new, success, failure),
                )
            }

            fn with<R>(
                &self,
                explored: impl FnOnce(&Explored) -> R,
                plain: impl FnOnce(&core::sync::atomic::$name) -> R,
            ) -> R {
                let address = core::ptr::from_ref(self).addr();
                match in_run(address, || self.0.load(Ordering::Relaxed).into()) {
                    Some(cell) => explored(&cell),
                    None => plain(&self.0),
                }
            }
        }
    };
}

cell!(AtomicU32, u32);
cell!(AtomicU64, u64);

/// An atomic.
#[derive(Debug)]
pub(crate) struct AtomicPtr<T>(core::sync::atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    pub(crate) const fn new(value: *mut T) -> Self {
        Self(core::sync::atomic::AtomicPtr::new(value))
    }

    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        match self.in_run() {
            Some(cell) => core::ptr::with_exposed_provenance_mut(cell.load(order) as usize),
            None => self.0.load(order),
        }
    }

    pub(crate) fn store(&self, value: *mut T, order: Ordering) {
        match self.in_run() {
            Some(cell) => cell.store(value.expose_provenance() as u64, order),
            None => self.0.store(value, order),
        }
    }

    fn in_run(&self) -> Option<Rc<Explored>> {
        let value = || self.0.load(Ordering::Relaxed).expose_provenance() as u64;
        in_run(core::ptr::from_ref(self).addr(), value)
    }
}

impl AtomicU64 {
    pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        self.with(|cell| cell.fetch_add(value, order), |plain| plain.fetch_add(value, order))
    }

    pub(crate) fn fetch_and(&self, value: u64, order: Ordering) -> u64 {
        self.with(|cell| cell.fetch_and(value, order), |plain| plain.fetch_and(value, order))
    }
}

impl AtomicU32 {
    /// Loom has no spurious failures.
    pub(crate) fn compare_exchange_weak(
        &self,
        expected: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.compare_exchange(expected, new, success, failure)
    }
}

/// A spin lock of the same operations and orders as the real one.
#[derive(Debug)]
pub(crate) struct Mutex<T> {
    taken: AtomicU32,
    /// Never waited for: `taken` lets one in at a time.
    value: std::sync::Mutex<T>,
}

/// Whoever has the lock.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    taken: &'a AtomicU32,
    /// None only while it is dropped: the value goes before the lock.
    value: Option<std::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { taken: AtomicU32::new(0), value: std::sync::Mutex::new(value) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            WAITS.with(|waits| assert!(waits.get(), "a thread waits that must not"));
            loom::thread::yield_now();
        }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.taken.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(MutexGuard { taken: &self.taken, value: Some(self.value.lock().unwrap()) })
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.taken.store(0, Ordering::Release);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().unwrap()
    }
}
