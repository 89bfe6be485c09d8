//! Threads as cores.
//!
//! Who is pinned has its core's lock, so whoever takes that lock holds the core outside of it. An interrupt comes where a
//! real one is taken if it was pending while masked: right behind a pinned part, and before the next.

use core::{
    cell::Cell,
    sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Release},
};
use std::{
    boxed::Box,
    sync::{Mutex, PoisonError},
    thread_local,
    vec::Vec,
};

use framekeeper::{Core, CpuLocal, PhysRange, Zero, slabs::DirectMap};

use super::Mapped;

/// How many pinned parts there are from one interrupt to the next.
const PARTS_PER_INTERRUPT: u64 = 5;

/// What every core does on an interrupt.
static HANDLER: AtomicPtr<fn()> = AtomicPtr::new(core::ptr::null_mut());

thread_local! {
    static CORE: Cell<Option<Core>> = const { Cell::new(None) };
    /// Whether a handler runs, which nothing interrupts.
    static HANDLING: Cell<bool> = const { Cell::new(false) };
    static PARTS: Cell<u64> = const { Cell::new(0) };
}

/// Whether the thread is a core of the machine.
pub(super) fn is_core() -> bool {
    CORE.with(Cell::get).is_some()
}

/// Runs `work` with the thread as this core.
pub(super) fn as_core<R>(core: Core, work: impl FnOnce() -> R) -> R {
    let before = CORE.replace(Some(core));
    let result = work();
    CORE.set(before);
    result
}

/// Runs `work` with the thread as no core: what it allocates is the host's.
pub fn off_core<R>(work: impl FnOnce() -> R) -> R {
    let before = CORE.replace(None);
    let result = work();
    CORE.set(before);
    result
}

/// Threads of which each can hold all others.
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    pins: &'static Pins,
    memory: Mapped,
}

#[derive(Debug)]
struct Pins {
    of_core: Vec<Mutex<()>>,
    /// One holds the others at a time: two that held each other would wait for ever.
    holder: Mutex<()>,
}

impl Threads {
    pub(super) fn new(count: u8, memory: Mapped) -> Self {
        let of_core = (0..count).map(|_| Mutex::new(())).collect();
        Self { pins: Box::leak(Box::new(Pins { of_core, holder: Mutex::new(()) })), memory }
    }
}

/// Has every core call `handler` on its interrupts.
pub(super) fn handle_with(handler: Option<&'static fn()>) {
    let handler = handler.map_or(core::ptr::null(), core::ptr::from_ref);
    // Release, pairs with the Acquire in `interrupt`.
    HANDLER.store(handler.cast_mut(), Release);
}

/// Takes the interrupt that is pending, if one is.
#[expect(unsafe_code, reason = "calls a handler that is kept as a pointer")]
fn interrupt() {
    // SAFETY: it came from a reference that lives for ever, in `handle_with`, or is null.
    let Some(handler) = (unsafe { HANDLER.load(Acquire).as_ref() }) else { return };
    let part = PARTS.get().wrapping_add(1);
    PARTS.set(part);
    if HANDLING.get() || !is_core() || !part.is_multiple_of(PARTS_PER_INTERRUPT) {
        return;
    }
    HANDLING.set(true);
    handler();
    HANDLING.set(false);
}

impl CpuLocal for Threads {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        interrupt();
        let core = CORE.with(Cell::get);
        let pin = core.and_then(|core| self.pins.of_core.get(core.index()));
        // A scenario that panicked on one core stops the others when they are joined, not here.
        let pinned = pin.map(|pin| pin.lock().unwrap_or_else(PoisonError::into_inner));
        let result = work(core);
        drop(pinned);
        interrupt();
        result
    }

    fn hold_others(&self, mut work: impl FnMut(Core)) -> bool {
        let Some(own) = CORE.with(Cell::get) else { return false };
        let _holder = self.pins.holder.lock().unwrap_or_else(PoisonError::into_inner);
        for (pin, other) in self.pins.of_core.iter().zip(0..).filter(|(_, other)| *other != own.number()) {
            let _held = pin.lock().unwrap_or_else(PoisonError::into_inner);
            work(Core::new(other));
        }
        true
    }
}

impl Zero for Threads {
    #[expect(unsafe_code, reason = "fills frames with zeros")]
    fn zero(&self, range: PhysRange) {
        let start = self.memory.pointer(range.start());
        // SAFETY: the allocator has just handed the range out.
        unsafe { start.write_bytes(0, range.size() as usize) };
    }
}
