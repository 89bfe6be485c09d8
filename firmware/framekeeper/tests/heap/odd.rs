//! Sizes and alignments that are rarely asked for.

use crate::kernel::{Kernel, free, layout, realloc};
use crate::machine::Object;
use framekeeper::{
    AllocError,
    heap::{HeapError, ReallocError},
    slabs::{Hardening, Off, Paranoid, Standard},
};

fn odd_sizes<H: Hardening>() {
    Kernel::new(64, 1).run::<H>(|_, heap| {
        // Nothing, at every alignment: two of them are two.
        for power in 0..21 {
            let nothing = layout(0, 1 << power);
            let (one, two) = (heap.alloc(nothing).unwrap(), heap.alloc(nothing).unwrap());
            assert!(one != two && one.as_ptr().addr().is_multiple_of(1 << power), "{power}");
            free(heap, one, nothing).unwrap();
            free(heap, two, nothing).unwrap();
        }
        // More alignment than size.
        for size in [1, 7, 100, 5000, 9000] {
            for power in 0..22 {
                let layout = layout(size, 1 << power);
                let object = Object::new(heap.alloc(layout).unwrap(), layout, 9);
                free(heap, object.checked().start, layout).unwrap();
            }
        }
        // More than there is, and more than a block can be.
        let huge = layout(1 << 30, 8);
        assert!(matches!(heap.alloc(huge), Err(HeapError::NoMemory(AllocError::OutOfMemory(_)))));
        for (size, align) in [
            ((1 << 30) + 1, 1),
            (isize::MAX as usize, 1),
            (0, 1 << 40),
            (1, 1 << 62),
            (isize::MAX as usize - 7, 8),
        ] {
            assert_eq!(heap.alloc(layout(size, align)), Err(HeapError::TooLarge { size, align }));
        }
        // What is aligned in RAM to 4 MiB is not where it is mapped, or is.
        let wide = layout(1, 4 << 20);
        match heap.alloc(wide) {
            Ok(block) => free(heap, block, wide).unwrap(),
            Err(error) => assert_eq!(error, HeapError::Misaligned { align: 4 << 20 }),
        }
        // Memory that would become larger than any.
        let small = layout(24, 16);
        let object = Object::new(heap.alloc(small).unwrap(), small, 5);
        for size in [isize::MAX as usize, usize::MAX, 1 << 40] {
            let too_large = HeapError::TooLarge { size, align: 16 };
            assert_eq!(realloc(heap, object.start, small, size), Err(ReallocError::NoMemory(too_large)));
        }
        free(heap, object.checked().start, small).unwrap();
    });
}

#[test]
fn m18_odd_sizes_are_defined_or_errors() {
    odd_sizes::<Off>();
    odd_sizes::<Standard>();
    odd_sizes::<Paranoid>();
}
