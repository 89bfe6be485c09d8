//! What no allocator can go below: the loop alone, and lists of free objects that give nothing back and check nothing.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | a list's objects are free, and as large as its class | `give` is told the layout of `take` | reading |
//! | one thread at a time is in a core's lists | a core is played by one thread at a time | reading |

#![expect(unsafe_code, reason = "free objects hold the lists' links, and a core's lists are its own")]

use crate::{
    arena::FRAME,
    cpu,
    memory::{Memory, SIZE},
    object::Objects,
};
use spin::Mutex;
use std::{alloc::Layout, cell::UnsafeCell, ptr};

/// Powers of two from 8 to 8,192.
const CLASSES: usize = 11;

/// Where everybody's objects are.
pub(crate) struct Nothing(*mut u8);

// SAFETY: the memory is nobody else's, and each core has another part of it.
unsafe impl Sync for Nothing {}

impl Objects for Nothing {
    #[inline]
    fn alloc(&self, _layout: Layout) -> *mut u8 {
        self.0.wrapping_add(cpu::current() * FRAME as usize)
    }

    #[inline]
    unsafe fn free(&self, _object: *mut u8, _layout: Layout) {}
}

#[repr(align(128))]
pub(crate) struct Free {
    /// The first free object of each class, whose first word says where the next is.
    first: [*mut u8; CLASSES],
    /// What was never handed out.
    rest: *mut u8,
    end: *mut u8,
}

// SAFETY: the memory is nobody else's.
unsafe impl Send for Free {}

impl Free {
    const fn new(start: *mut u8, size: u64) -> Self {
        let end = start.wrapping_add(size as usize);
        Self { first: [ptr::null_mut(); CLASSES], rest: start, end }
    }

    #[inline]
    fn take(&mut self, layout: Layout) -> *mut u8 {
        let class = class(layout);
        let first = self.first[class];
        if first.is_null() {
            return self.take_from_rest(8 << class);
        }
        // SAFETY: a free object in a list holds where the next one is.
        self.first[class] = unsafe { first.cast::<*mut u8>().read() };
        first
    }

    fn take_from_rest(&mut self, size: usize) -> *mut u8 {
        if self.end.addr() - self.rest.addr() < size {
            return ptr::null_mut();
        }
        let taken = self.rest;
        self.rest = taken.wrapping_add(size);
        taken
    }

    /// # Safety
    ///
    /// The object was taken with that layout, and nobody uses it from now on.
    #[inline]
    unsafe fn give(&mut self, object: *mut u8, layout: Layout) {
        let class = class(layout);
        // SAFETY: it is free, and has room for a link.
        unsafe { object.cast::<*mut u8>().write(self.first[class]) };
        self.first[class] = object;
    }
}

#[inline]
const fn class(layout: Layout) -> usize {
    let size = layout.size().next_power_of_two().trailing_zeros() as usize;
    size.saturating_sub(3)
}

pub(crate) struct Lists([UnsafeCell<Free>; cpu::CORES]);

// SAFETY: a thread uses only the lists of the core that it plays.
unsafe impl Sync for Lists {}

impl Objects for Lists {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other thread plays this core, and nothing in `take` comes here.
        unsafe { &mut *self.0[cpu::current()].get() }.take(layout)
    }

    #[inline]
    unsafe fn free(&self, object: *mut u8, layout: Layout) {
        // SAFETY: as above.
        let own = unsafe { &mut *self.0[cpu::current()].get() };
        // SAFETY: as promised by the caller.
        unsafe { own.give(object, layout) };
    }
}

pub(crate) struct LockedLists(Mutex<Free>);

impl Objects for LockedLists {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().take(layout)
    }

    #[inline]
    unsafe fn free(&self, object: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { self.0.lock().give(object, layout) };
    }
}

pub(crate) fn nothing(memory: &mut Memory) -> Nothing {
    Nothing(memory.start().as_ptr())
}

pub(crate) fn lists(memory: &mut Memory) -> Lists {
    const SHARE: u64 = SIZE / cpu::CORES as u64;
    let start = memory.start().as_ptr();
    Lists([0, 1].map(|core| UnsafeCell::new(Free::new(start.wrapping_add(core * SHARE as usize), SHARE))))
}

pub(crate) fn locked_lists(memory: &mut Memory) -> LockedLists {
    LockedLists(Mutex::new(Free::new(memory.start().as_ptr(), SIZE)))
}
