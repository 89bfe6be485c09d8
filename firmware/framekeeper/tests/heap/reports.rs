//! What a heap says of itself and of what went wrong, in words.

use crate::kernel::{Kernel, layout};
use framekeeper::{
    AllocError,
    heap::{HeapError, HeapUsage, InitError, ReallocError},
    slabs::{Misuse, ObjectAddr, Standard},
};
use std::error::Error;

#[test]
fn an_error_says_in_one_line_what_was_wanted_and_why_not() {
    let written = Misuse::WrittenAfterFree { address: ObjectAddr(0x1230) };
    let texts: [(&dyn Error, &str); 7] = [
        (&HeapError::NotReady, "the heap has no memory yet"),
        (
            &HeapError::TooLarge { size: 9, align: 1 << 40 },
            "no block of frames has 9 bytes, aligned to 1099511627776",
        ),
        (&HeapError::Misaligned { align: 8192 }, "memory is mapped where nothing is aligned to 8192"),
        (&HeapError::NoMemory(AllocError::Busy), "the zones are busy, and this is no place to wait"),
        (&InitError::Twice, "the heap has its memory already"),
        (&ReallocError::from(HeapError::NotReady), "the heap has no memory yet"),
        (&ReallocError::from(written), "0x1230 was written to after it was given back"),
    ];
    texts.iter().for_each(|(error, text)| assert_eq!(error.to_string(), *text));
}

#[test]
fn a_report_ends_with_the_sums_in_kib() {
    let usage = HeapUsage { slabs: 64 << 10, descriptors: 4 << 10, blocks: 32 << 10, available: 1 << 20 };
    let sums = "total 1124 KiB, used 100 KiB (slabs 64, descriptors 4, blocks 32), available 1024 KiB";
    assert_eq!(usage.to_string(), sums);
    Kernel::new(8, 1).run::<Standard>(|_, heap| {
        let object = heap.alloc(layout(64, 8)).unwrap();
        let report = heap.report().unwrap();
        assert_eq!(report.to_string(), format!("{}{}\n", report.classes, report.usage));
        assert!(report.classes.to_string().lines().count() > 1, "{report}");
        crate::kernel::free(heap, object, layout(64, 8)).unwrap();
    });
}

#[test]
fn what_is_shown_for_debugging_says_whether_there_is_memory() {
    Kernel::new(1, 1).begin::<Standard>(&crate::kernel::ram_of(1), |parts, heap| {
        assert_eq!(format!("{heap:?}"), "Heap { is_ready: false, .. }");
        heap.init(parts.frames, parts.setup, crate::kernel::BLOCKS).unwrap();
        assert_eq!(format!("{heap:?}"), "Heap { is_ready: true, .. }");
    });
}
