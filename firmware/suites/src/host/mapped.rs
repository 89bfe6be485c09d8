//! RAM of a host's machine: addresses as a phone has them, of which only RAM that is free can be touched.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | only free RAM is readable and writable | `map` opens the given ranges and nothing else | a touch elsewhere ends the process |
//! | the mapping is there for ever | nobody unmaps it | – |

#![expect(unsafe_code, reason = "maps memory, and says where it is")]

use core::ptr::{self, NonNull};

use framekeeper::{PhysAddr, PhysRange, slabs::DirectMap};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

use crate::Regions;

/// What the mapping's start is aligned to: as much as the largest block.
const ALIGN: usize = 1 << 30;

/// Where a host's machine has its RAM.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    memory: NonNull<u8>,
    first: PhysAddr,
}

// SAFETY: an address; what lies there is handed out by the allocator.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps all that lies between the first and the last address of `ram`, and opens `free`.
    ///
    /// # Panics
    ///
    /// The host does not give so many addresses.
    pub(super) fn map(ram: &Regions, free: &Regions) -> Self {
        let first = ram.iter().next().map_or(PhysAddr(0), PhysRange::start);
        let end = ram.iter().last().map_or(first, PhysRange::end);
        let first = first.align_down(ALIGN as u64);
        let size = (end.0 - first.0) as usize + ALIGN;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping, where the system likes.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), size, ProtFlags::empty(), flags) };
        let Ok(mapped) = mapped else { panic!("no addresses for {size:#x} bytes: {mapped:?}") };
        let start = mapped.cast::<u8>().wrapping_add(mapped.cast::<u8>().align_offset(ALIGN));
        let Some(memory) = NonNull::new(start) else { panic!("the mapping begins at 0") };
        let map = Self { memory, first };
        for range in free.iter() {
            let start = map.pointer(range.start()).as_ptr().cast();
            // SAFETY: part of the new mapping, which nobody uses yet.
            let opened =
                unsafe { mprotect(start, range.size() as usize, MprotectFlags::READ | MprotectFlags::WRITE) };
            assert!(opened.is_ok(), "{range} cannot be opened: {opened:?}");
        }
        map
    }
}

// SAFETY: the mapping is there for ever, and in one piece; it is aligned as the addresses are, up to the largest block.
unsafe impl DirectMap for Mapped {
    #[inline]
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        let offset = address.0.wrapping_sub(self.first.0) as usize;
        NonNull::new(self.memory.as_ptr().wrapping_add(offset)).unwrap_or(NonNull::dangling())
    }

    #[inline]
    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        // Wrapping: what lies below the mapping becomes an address below the first bank, where there is no RAM.
        let offset = pointer.as_ptr().addr().wrapping_sub(self.memory.as_ptr().addr());
        PhysAddr(self.first.0.wrapping_add(offset as u64))
    }
}
