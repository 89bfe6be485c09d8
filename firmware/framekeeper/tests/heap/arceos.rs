//! The adapters for ArceOS.

use crate::{
    ground::{MIB, Ram},
    kernel::{BLOCKS, Kernel, KernelHeap, Parts, layout},
};
use ax_allocator::{AllocError, BaseAllocator, ByteAllocator, IdAllocator, PageAllocator};
use framekeeper::{
    Owner, PhysAddr,
    heap::arceos::{Bytes, Ids, Pages},
    slabs::{DirectMap, Standard},
};
use std::ptr::NonNull;

const START: u64 = 0x8000_0000;

/// Runs `work` on 16 MiB, none of it free yet.
fn with_nothing_free(work: impl for<'a> FnOnce(Parts<'a>, &KernelHeap<'a, Standard>)) {
    Kernel::new(16, 1).begin(&Ram::new(), |parts, heap| {
        let setup = parts.setup;
        heap.init(parts.frames, setup, BLOCKS).unwrap();
        work(parts, heap);
    });
}

/// Where a MiB is mapped.
fn at(parts: &Parts<'_>, mib: u64) -> usize {
    parts.setup.memory.pointer(PhysAddr(START + mib * MIB)).as_ptr().addr()
}

const SIZE: usize = MIB as usize;

#[test]
fn r003_1_bytes_are_handed_out_and_counted() {
    with_nothing_free(|parts, heap| {
        let mut bytes = Bytes::new(heap);
        assert!(matches!(bytes.alloc(layout(8, 8)), Err(AllocError::NoMemory)));
        bytes.init(at(&parts, 0), 4 * SIZE);
        assert_eq!((bytes.refused(), bytes.total_bytes(), bytes.used_bytes()), (0, 4 * SIZE, 0));
        let layouts = [layout(8, 8), layout(1000, 64), layout(100_000, 4096)];
        let memory = layouts.map(|layout| bytes.alloc(layout).unwrap());
        assert_eq!(bytes.total_bytes(), bytes.used_bytes() + bytes.available_bytes());
        assert!(bytes.used_bytes() > 100_000 && bytes.total_bytes() == 4 * SIZE);
        memory.into_iter().zip(layouts).for_each(|(start, layout)| bytes.dealloc(start, layout));
        heap.shrink();
        assert_eq!((bytes.refused(), bytes.used_bytes(), bytes.available_bytes()), (0, 0, 4 * SIZE));
    });
}

#[test]
fn r003_3_r003_5_memory_is_added_once_and_in_pieces() {
    with_nothing_free(|parts, heap| {
        let mut bytes = Bytes::new(heap);
        bytes.init(at(&parts, 0), SIZE);
        for (mib, mibs) in [(4, 2), (2, 1), (10, 3)] {
            assert!(bytes.add_memory(at(&parts, mib), mibs * SIZE).is_ok());
        }
        assert_eq!(bytes.total_bytes(), 7 * SIZE);
        for (mib, mibs) in [(0, 1), (3, 2), (5, 2), (9, 7), (2, 1)] {
            let added = bytes.add_memory(at(&parts, mib), mibs * SIZE);
            assert!(matches!(added, Err(AllocError::MemoryOverlap)), "{mib}: {added:?}");
        }
        // Also what is in use is there.
        let block = bytes.alloc(layout(3 * SIZE / 2, 8)).unwrap();
        let added = bytes.add_memory(block.as_ptr().addr(), 4096);
        assert!(matches!(added, Err(AllocError::MemoryOverlap)), "{added:?}");
        bytes.dealloc(block, layout(3 * SIZE / 2, 8));
        for (start, size) in [
            (at(&parts, 15), 2 * SIZE),
            (0, 4096),
            (at(&parts, 7) + 1, 4096),
            (at(&parts, 7), 0),
            (1, usize::MAX),
        ] {
            let added = bytes.add_memory(start, size);
            assert!(matches!(added, Err(AllocError::InvalidParam)), "{start:#x}: {added:?}");
        }
        assert_eq!(bytes.total_bytes(), 7 * SIZE);
        bytes.init(at(&parts, 0), SIZE);
        assert_eq!(bytes.refused(), 1, "a second time is counted, for it cannot be said");
    });
}

#[test]
fn r003_3_errors_have_their_names() {
    with_nothing_free(|parts, heap| {
        let mut bytes = Bytes::new(heap);
        bytes.init(at(&parts, 0), SIZE);
        assert!(matches!(bytes.alloc(layout(2 * SIZE, 8)), Err(AllocError::NoMemory)));
        assert!(matches!(bytes.alloc(layout(8, 1 << 40)), Err(AllocError::InvalidParam)));
        for size in [100, 20_000] {
            let layout = layout(size, 8);
            let memory = bytes.alloc(layout).unwrap();
            let inside = NonNull::new(memory.as_ptr().wrapping_add(4)).unwrap();
            assert!(matches!(bytes.try_dealloc(inside, layout), Err(AllocError::InvalidParam)));
            assert!(bytes.try_dealloc(memory, layout).is_ok());
            assert!(matches!(bytes.try_dealloc(memory, layout), Err(AllocError::NotAllocated)));
            bytes.dealloc(memory, layout);
        }
        assert_eq!(bytes.refused(), 2);
    });
}

#[test]
fn r003_1_pages_are_handed_out_and_counted() {
    Kernel::new(16, 1).begin::<Standard>(&Ram::new(), |parts, _| {
        let mut pages = Pages::new(parts.frames, parts.setup.memory, Owner::new(3));
        pages.init(at(&parts, 0), 4 * SIZE);
        assert_eq!((pages.total_pages(), pages.used_pages(), pages.available_pages()), (1024, 0, 1024));
        let taken = [(1, 4096), (3, 4096), (5, 1 << 20), (400, 8)].map(|(count, align)| {
            let start = pages.alloc_pages(count, align).unwrap();
            assert!(start.is_multiple_of(align.max(4096)));
            (start, count)
        });
        assert_eq!((pages.used_pages(), pages.total_pages()), (409, 1024));
        assert!(matches!(pages.alloc_pages(700, 8), Err(AllocError::NoMemory)));
        for (count, align) in [(0, 8), (1, 3), (1, 0), (1 << 20, 8), (1, 1 << 50)] {
            assert!(
                matches!(pages.alloc_pages(count, align), Err(AllocError::InvalidParam)),
                "{count} {align}"
            );
        }
        for (start, count) in taken {
            assert!(matches!(pages.try_dealloc(start, count + 1), Err(AllocError::InvalidParam)));
            assert!(matches!(pages.try_dealloc(start + 4096 * count, count), Err(AllocError::NotAllocated)));
            pages.dealloc_pages(start, count);
            assert!(matches!(pages.try_dealloc(start, count), Err(AllocError::NotAllocated)));
        }
        assert_eq!((pages.refused(), pages.used_pages()), (0, 0));
    });
}

#[test]
fn r003_3_pages_that_are_not_taken_back_are_counted() {
    Kernel::new(16, 1).begin::<Standard>(&Ram::new(), |parts, _| {
        let mut pages = Pages::new(parts.frames, parts.setup.memory, Owner::new(3));
        pages.init(at(&parts, 0), 4 * SIZE);
        pages.init(at(&parts, 0), 4 * SIZE);
        assert_eq!(pages.refused(), 1, "a second time");
        let mut others = Pages::new(parts.frames, parts.setup.memory, Owner::new(4));
        let (own, other) = (pages.alloc_pages(4, 4096).unwrap(), others.alloc_pages(4, 4096).unwrap());
        for (start, count) in [(own + 4096, 3), (own + 4096, 1), (other, 4), (other, 1), (at(&parts, 8), 1)] {
            let freed = pages.try_dealloc(start, count);
            assert!(matches!(freed, Err(AllocError::NotAllocated)), "{start:#x}: {freed:?}");
            pages.dealloc_pages(start, count);
        }
        assert_eq!((pages.refused(), pages.used_pages(), others.used_pages()), (6, 4, 4));
        pages.dealloc_pages(own, 4);
        others.dealloc_pages(other, 4);
        assert_eq!((pages.refused(), others.refused(), pages.available_pages()), (6, 0, 1024));
    });
}

#[test]
fn r003_1_pages_are_had_by_their_address() {
    Kernel::new(16, 1).begin::<Standard>(&Ram::new(), |parts, _| {
        let mut pages = Pages::new(parts.frames, parts.setup.memory, Owner::new(3));
        pages.init(at(&parts, 0), 4 * SIZE);
        let base = at(&parts, 1);
        assert_eq!(pages.alloc_pages_at(base, 5, 4096).unwrap(), base);
        assert!(matches!(pages.alloc_pages_at(base, 1, 4096), Err(AllocError::NoMemory)));
        assert!(matches!(pages.alloc_pages_at(base + 4 * 4096, 1, 4096), Err(AllocError::NoMemory)));
        assert_eq!(pages.alloc_pages_at(base + 5 * 4096, 1, 4096).unwrap(), base + 5 * 4096);
        for (start, count, align) in [
            (base + 9 * 4096, 2, 4096),
            (base + 8, 1, 8),
            (base + 16 * 4096, 1, 1 << 20),
            (at(&parts, 8), 1, 4096),
            (at(&parts, 16), 1, 4096),
            (base, 0, 4096),
        ] {
            let taken = pages.alloc_pages_at(start, count, align);
            assert!(matches!(taken, Err(AllocError::InvalidParam)), "{start:#x}: {taken:?}");
        }
        // Room for the first part of it only.
        assert!(matches!(pages.alloc_pages_at(base - 8 * 4096, 9, 4096), Err(AllocError::InvalidParam)));
        pages.dealloc_pages(base + 5 * 4096, 1);
        assert!(matches!(pages.alloc_pages_at(base - 256 * 4096, 300, 4096), Err(AllocError::NoMemory)));
        pages.dealloc_pages(base, 5);
        assert_eq!((pages.refused(), pages.used_pages(), pages.available_pages()), (0, 0, 1024));
    });
}

#[test]
fn r003_1_ids_are_handed_out_and_counted() {
    let mut ids = Ids::<4>::new();
    assert!(matches!(ids.alloc_id(1, 1), Err(AllocError::NoMemory)));
    ids.init(10, 100);
    assert_eq!((ids.size(), ids.used(), ids.available()), (100, 0, 100));
    assert_eq!(ids.alloc_id(1, 1).unwrap(), 10);
    assert_eq!(ids.alloc_id(3, 8).unwrap(), 16);
    assert_eq!(ids.alloc_id(5, 1).unwrap(), 11);
    assert_eq!(ids.alloc_id(6, 1).unwrap(), 19);
    assert!(ids.alloc_fixed_id(25).is_ok() && ids.is_allocated(25) && !ids.is_allocated(26));
    assert!(matches!(ids.alloc_fixed_id(25), Err(AllocError::NoMemory)));
    assert!(matches!(ids.alloc_fixed_id(9), Err(AllocError::InvalidParam)));
    assert!(matches!(ids.add_memory(109, 5), Err(AllocError::MemoryOverlap)));
    assert!(matches!(ids.add_memory(250, 7), Err(AllocError::InvalidParam)));
    assert!(matches!(ids.add_memory(usize::MAX, 2), Err(AllocError::InvalidParam)));
    assert!(ids.add_memory(200, 56).is_ok());
    assert_eq!(ids.alloc_id(100, 1).map_err(drop), Err(()));
    assert_eq!(ids.alloc_id(56, 2).unwrap(), 26);
    assert!(matches!(ids.alloc_id(1, 3), Err(AllocError::InvalidParam)));
    assert!(matches!(ids.alloc_id(1, 1 << 63), Err(AllocError::NoMemory)));
    assert!(matches!(ids.try_dealloc(24, 3), Ok(())));
    assert!(matches!(ids.try_dealloc(24, 3), Err(AllocError::NotAllocated)));
    ids.dealloc_id(16, 3);
    ids.dealloc_id(16, 3);
    ids.init(0, 11);
    assert_eq!(ids.refused(), 2);
    assert!(matches!(ids.try_dealloc(10, 0), Err(AllocError::InvalidParam)));
    assert_eq!((ids.size(), ids.used(), ids.available()), (156, 66, 90));
}
