//! `slabmalloc`: a zone of slabs behind a spin lock, refilled from a source of pages, as its documentation shows it.
//!
//! Objects of up to 256 bytes come from pages of 4 KiB, larger ones from pages of 2 MiB. It gives pages back only when
//! it is asked to.

#![expect(unsafe_code, reason = "the peer is given pages and takes objects back on the caller's word")]

use crate::{
    arena::{FRAME, MIB},
    memory::{Memory, SIZE},
    object::Objects,
};
use ::slabmalloc::{AllocationError, Allocator, LargeObjectPage, ObjectPage, ZoneAllocator};
use spin::Mutex;
use std::{
    alloc::Layout,
    cell::RefCell,
    ptr::{self, NonNull},
};

const LARGE: u64 = 2 * MIB;

/// The least that a page source can be: small pages are cut off one end of the memory, large ones off the other.
struct Pages {
    memory: NonNull<u8>,
    small_until: u64,
    large_from: u64,
    small: Vec<*mut ObjectPage<'static>>,
    large: Vec<*mut LargeObjectPage<'static>>,
}

// SAFETY: the pages lie in memory that nobody else uses.
unsafe impl Send for Pages {}

impl Pages {
    fn take_small(&mut self) -> Option<*mut ObjectPage<'static>> {
        self.small.pop().or_else(|| {
            self.small_until = Some(self.small_until + FRAME).filter(|&until| until <= self.large_from)?;
            Some(self.at(self.small_until - FRAME).cast())
        })
    }

    fn take_large(&mut self) -> Option<*mut LargeObjectPage<'static>> {
        self.large.pop().or_else(|| {
            let from = self.large_from.checked_sub(LARGE);
            self.large_from = from.filter(|&from| from >= self.small_until)?;
            Some(self.at(self.large_from).cast())
        })
    }

    fn at(&self, offset: u64) -> *mut u8 {
        self.memory.as_ptr().wrapping_add(offset as usize)
    }

    fn held(&self) -> u64 {
        let small = self.small_until - self.small.len() as u64 * FRAME;
        small + SIZE - self.large_from - self.large.len() as u64 * LARGE
    }
}

struct Zone {
    slabs: ZoneAllocator<'static>,
    pages: Pages,
}

impl Zone {
    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        match self.slabs.allocate(layout) {
            Err(AllocationError::OutOfMemory) => {
                self.refill(layout)?;
                self.slabs.allocate(layout).ok()
            }
            allocated => allocated.ok(),
        }
    }

    fn refill(&mut self, layout: Layout) -> Option<()> {
        if layout.size() <= ZoneAllocator::MAX_BASE_ALLOC_SIZE {
            // SAFETY: nobody else has the page, it is as large as it must be, and every value is one of it.
            let page = unsafe { &mut *self.pages.take_small()? };
            // SAFETY: nothing in the page is in use.
            unsafe { self.slabs.refill(layout, page) }.ok()
        } else {
            // SAFETY: as above.
            let page = unsafe { &mut *self.pages.take_large()? };
            // SAFETY: as above.
            unsafe { self.slabs.refill_large(layout, page) }.ok()
        }
    }

    fn shrink(&mut self) {
        let small = RefCell::new(&mut self.pages.small);
        self.slabs.try_reclaim_base_pages(usize::MAX, |page| small.borrow_mut().push(page.cast()));
        self.slabs.try_reclaim_large_pages(usize::MAX, |page| self.pages.large.push(page.cast()));
    }
}

pub(crate) struct Locked(Mutex<Zone>);

impl Objects for Locked {
    #[inline]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().alloc(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn free(&self, object: *mut u8, layout: Layout) {
        let freed = NonNull::new(object).map(|object| self.0.lock().slabs.deallocate(object, layout));
        debug_assert!(matches!(freed, Some(Ok(()))), "what was handed out can be given back");
    }

    fn held(&self) -> Option<u64> {
        Some(self.0.lock().pages.held())
    }

    fn shrink(&self) {
        self.0.lock().shrink();
    }
}

pub(crate) fn on_fresh(memory: &mut Memory) -> Locked {
    let pages = Pages {
        memory: memory.start(),
        small_until: 0,
        large_from: SIZE,
        small: Vec::new(),
        large: Vec::new(),
    };
    Locked(Mutex::new(Zone { slabs: ZoneAllocator::new(), pages }))
}
