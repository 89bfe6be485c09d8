//! The requirements of the heap, by their numbers.

use crate::{
    ground::{Dice, MIB},
    kernel::{BLOCKS, Kernel, KernelHeap, bytes, free, layout, ram_of, realloc},
    machine::{Object, SLABS, cores},
};
use framekeeper::{
    AllocError, FRAME_SIZE, Owner, Request,
    heap::{HeapError, HeapUsage, InitError, ReallocError},
    slabs::{Class, Debug, Hardening, HasSlabs, Off, Paranoid, Setup, Slabs, Standard},
};
use std::{alloc::GlobalAlloc, ptr::NonNull, sync::atomic::AtomicUsize, sync::atomic::Ordering::SeqCst};

#[test]
fn r003_2_before_it_has_memory_each_call_is_an_error() {
    Kernel::new(1, 1).begin::<Standard>(&ram_of(1), |_, heap| {
        let none = NonNull::<u64>::dangling().cast();
        for size in [8, 100, 8192, 100_000] {
            let layout = layout(size, 8);
            assert_eq!(heap.alloc(layout), Err(HeapError::NotReady));
            assert_eq!(heap.alloc_zeroed(layout), Err(HeapError::NotReady));
            assert!(free(heap, none, layout).is_err());
            assert_eq!(realloc(heap, none, layout, 9), Err(ReallocError::NoMemory(HeapError::NotReady)));
            assert!(global_alloc(heap, size).is_null());
        }
        assert!(heap.slabs().is_err() && heap.report().is_err() && heap.frames().is_err());
        assert!(!heap.shrink());
        assert_eq!(heap.usage(), HeapUsage::default());
    });
}

#[expect(unsafe_code, reason = "calls a global allocator")]
fn global_alloc(heap: &KernelHeap<'_, Standard>, size: usize) -> *mut u8 {
    // SAFETY: the size is not zero.
    unsafe { GlobalAlloc::alloc(heap, layout(size, 8)) }
}

#[test]
fn r003_2_a_second_beginning_is_an_error_and_changes_nothing() {
    Kernel::new(1, 1).begin::<Standard>(&ram_of(1), |parts, heap| {
        let one = heap.init(parts.frames, parts.setup, SLABS);
        assert_eq!(one, Err(InitError::OneOwner { owner: SLABS }));
        heap.init(parts.frames, parts.setup, BLOCKS).unwrap();
        let layout = layout(64, 8);
        let object = Object::new(heap.alloc(layout).unwrap(), layout, 7);
        assert_eq!(heap.init(parts.frames, parts.setup, BLOCKS), Err(InitError::Twice));
        free(heap, object.checked().start, layout).unwrap();
        heap.slabs().unwrap().verify().unwrap();
    });
}

#[test]
#[expect(unsafe_code, reason = "gives objects back")]
fn r003_2_frames_that_have_slabs_get_no_others() {
    Kernel::new(1, 1).begin::<Standard>(&ram_of(1), |parts, heap| {
        let refused = Err(HasSlabs { owner: SLABS });
        let setup = Setup { owner: BLOCKS, ..parts.setup };
        {
            let slabs: Slabs<'_, _, _, Standard> = Slabs::new(parts.frames, parts.setup).unwrap();
            let layout = layout(64, 8);
            let objects = [(); 2].map(|()| Object::new(slabs.alloc(layout).unwrap(), layout, 7));
            assert_eq!(Slabs::<'_, _, _, Standard>::new(parts.frames, setup).map(drop), refused);
            // Nor a heap, which is not begun by that.
            for _ in 0..2 {
                let error = heap.init(parts.frames, parts.setup, BLOCKS).unwrap_err();
                assert_eq!(error.to_string(), "the frames have slabs already: those of owner 7");
            }
            assert_eq!(heap.slabs().map(drop), Err(HeapError::NotReady));
            for object in objects {
                // SAFETY: nobody uses it.
                unsafe { slabs.free(object.checked().start, layout) }.unwrap();
            }
            slabs.shrink();
            slabs.verify().unwrap();
        }
        // Nor when they are gone.
        assert_eq!(Slabs::<'_, _, _, Standard>::new(parts.frames, setup).map(drop), refused);
    });
}

#[test]
fn r003_2_of_many_who_begin_at_once_one_does() {
    Kernel::new(1, 4).begin::<Standard>(&ram_of(1), |parts, heap| {
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for core in 0..4 {
                let (parts, done) = (&parts, &done);
                scope.spawn(move || {
                    cores::on_core(core);
                    match heap.init(parts.frames, parts.setup, BLOCKS) {
                        Ok(()) => done.fetch_add(1, SeqCst),
                        Err(error) => {
                            assert_eq!(error, InitError::Twice);
                            0
                        }
                    };
                });
            }
        });
        assert_eq!(done.into_inner(), 1);
        free(heap, heap.alloc(layout(8, 8)).unwrap(), layout(8, 8)).unwrap();
    });
}

fn total_is_used_and_available<H: Hardening>() {
    const MIBS: u64 = 8;
    Kernel::new(MIBS, 1).run::<H>(|frames, heap| {
        let mut dice = Dice::new(4);
        let mut held: Vec<Object> = Vec::new();
        let mut most = 0;
        for step in 0..20_000_u64 {
            let size = 1 << dice.below(17);
            let layout = layout(size + dice.below(size as u64) as usize, 1 << dice.below(14));
            if dice.below(3) > 0 {
                if let Ok(start) = heap.alloc(layout) {
                    held.push(Object::new(start, layout, step as u8));
                }
            } else if !held.is_empty() {
                let object = held.swap_remove(dice.below(held.len() as u64) as usize).checked();
                free(heap, object.start, object.layout).unwrap();
            }
            let usage = heap.usage();
            assert_eq!(usage.total(), MIBS * MIB, "{step}: {usage}");
            assert_eq!(usage.blocks, frames.owners().frames(BLOCKS) * FRAME_SIZE);
            most = most.max(usage.used());
        }
        assert!(most > MIBS * MIB * 9 / 10, "{most}");
        println!("{}", heap.report().unwrap());
        for object in held.into_iter().map(Object::checked) {
            free(heap, object.start, object.layout).unwrap();
        }
    });
}

#[test]
fn r003_4_total_is_used_and_available_and_all_that_was_given() {
    total_is_used_and_available::<Off>();
    total_is_used_and_available::<Standard>();
    total_is_used_and_available::<Paranoid>();
    total_is_used_and_available::<Debug>();
}

#[test]
fn r003_4_what_others_take_is_no_part_of_the_total() {
    Kernel::new(8, 1).run::<Standard>(|frames, heap| {
        let total = heap.usage().total();
        let stack = frames.alloc(Request::frames(5).owned_by(Owner::new(1))).unwrap();
        assert_eq!(total - heap.usage().total(), 5 * FRAME_SIZE);
        frames.free_frame(stack).unwrap();
        assert_eq!(heap.usage().total(), total);
    });
}

#[test]
fn a_block_has_just_the_frames_that_its_bytes_need() {
    Kernel::new(64, 1).run::<Standard>(|_, heap| {
        for (size, align) in [(8193, 1), (3 * 4096, 8), (700 * 4096 - 5, 4096), (5 << 20, 64), (100, 1 << 21)]
        {
            let layout = layout(size, align);
            let block = Object::new(heap.alloc(layout).unwrap(), layout, 3);
            let frames = (size as u64).div_ceil(FRAME_SIZE);
            assert_eq!(heap.usage().used(), frames * FRAME_SIZE, "{layout:?}");
            free(heap, block.checked().start, layout).unwrap();
            assert_eq!(heap.usage().used(), 0);
        }
    });
}

#[test]
fn zeroed_memory_is_zero_of_every_size() {
    Kernel::new(8, 1).run::<Standard>(|_, heap| {
        for size in [1, 8, 100, 8192, 8193, 70_000] {
            let layout = layout(size, 8);
            for _ in 0..3 {
                let memory = heap.alloc_zeroed(layout).unwrap();
                assert!(bytes(memory, size).iter().all(|&byte| byte == 0), "{size}");
                bytes(memory, size).fill(0xff);
                free(heap, memory, layout).unwrap();
            }
        }
    });
}

/// What slabs keep and no object needs is given back before memory is out.
#[test]
fn a_block_is_had_of_what_slabs_keep() {
    Kernel::new(4, 2).run::<Standard>(|frames, heap| {
        let mut objects = Vec::new();
        for class in Class::all() {
            let layout = layout(class.size(), 8);
            objects.extend((0..24).map(|_| (heap.alloc(layout).unwrap(), layout)));
        }
        for (start, layout) in objects {
            free(heap, start, layout).unwrap();
        }
        let kept = heap.usage();
        assert!(kept.slabs > 1 << 20, "{kept}");
        let all = layout(4 << 20, 8);
        let block = heap.alloc(all).unwrap();
        assert_eq!((heap.usage().slabs, heap.usage().descriptors, frames.free().total()), (0, 0, 0));
        let out = heap.alloc(layout(9000, 8));
        assert!(matches!(out, Err(HeapError::NoMemory(AllocError::OutOfMemory(_)))), "{out:?}");
        let out = heap.alloc(layout(9, 8));
        assert!(matches!(out, Err(HeapError::NoMemory(AllocError::OutOfMemory(_)))), "{out:?}");
        free(heap, block, all).unwrap();
    });
}

/// Each takes, and others give back.
#[test]
fn cores_share_a_heap() {
    const CORES: u8 = 4;
    Kernel::new(32, CORES).run::<Standard>(|_, heap| {
        let shelf: Vec<std::sync::Mutex<Option<Object>>> = (0..256).map(|_| None.into()).collect();
        std::thread::scope(|scope| {
            for core in 0..CORES {
                let shelf = &shelf;
                scope.spawn(move || {
                    cores::on_core(core);
                    let mut dice = Dice::new(core.into());
                    for step in 0..5_000_u64 {
                        let layout = layout(1 << dice.below(16), 1 << dice.below(13));
                        let new = Object::new(heap.alloc(layout).unwrap(), layout, step as u8);
                        let place = &shelf[dice.below(256) as usize];
                        let old = place.lock().unwrap().replace(new);
                        if let Some(old) = old.map(Object::checked) {
                            free(heap, old.start, old.layout).unwrap();
                        }
                    }
                });
            }
        });
        for place in shelf {
            if let Some(old) = place.into_inner().unwrap().map(Object::checked) {
                free(heap, old.start, old.layout).unwrap();
            }
        }
    });
}
