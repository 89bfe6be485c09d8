//! Memory that becomes smaller or larger, against a model, and where it is.

use crate::kernel::{Kernel, bytes, free, layout, realloc};
use framekeeper::{
    FRAME_SIZE,
    slabs::{Hardening, Off, Paranoid, Standard},
};
use proptest::prelude::*;
use std::{alloc::Layout, ptr::NonNull};

/// Memory, and what is in it.
struct Held {
    memory: NonNull<u8>,
    layout: Layout,
    expected: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Step {
    Alloc(usize, u32),
    Realloc(usize, usize),
    Free(usize),
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..300_usize, 2 => 0..9000_usize, 2 => 8000..60_000_usize, 1 => 0..600_000_usize]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (size(), 0..14_u32).prop_map(|(size, power)| Step::Alloc(size, power)),
        5 => (0..64_usize, size()).prop_map(|(which, size)| Step::Realloc(which, size)),
        2 => (0..64_usize).prop_map(Step::Free),
    ]
}

/// Fills memory from `start` on.
fn fill(held: &mut Held, start: usize, seed: usize) {
    let size = held.layout.size();
    held.expected.truncate(start.min(size));
    held.expected.extend((held.expected.len()..size).map(|index| (index * 7 + seed) as u8));
    if size > 0 {
        bytes(held.memory, size)[start.min(size)..].copy_from_slice(&held.expected[start.min(size)..]);
    }
}

fn check(held: &Held) {
    let size = held.layout.size();
    assert!(held.memory.as_ptr().addr().is_multiple_of(held.layout.align()));
    assert!(size == 0 || bytes(held.memory, size) == held.expected, "{:?} was changed", held.layout);
}

fn run<H: Hardening>(steps: &[Step]) {
    Kernel::new(8, 1).run::<H>(|_, heap| {
        let mut all: Vec<Held> = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Step::Alloc(size, power) => {
                    let layout = layout(size, 1 << power);
                    let Ok(memory) = heap.alloc(layout) else { continue };
                    // All is written once before it is read.
                    all.push(Held { memory, layout, expected: Vec::new() });
                    fill(all.last_mut().unwrap(), 0, number);
                }
                Step::Realloc(which, size) => {
                    let count = all.len().max(1);
                    let Some(held) = all.get_mut(which % count) else { continue };
                    if let Ok(memory) = realloc(heap, held.memory, held.layout, size) {
                        let kept = held.layout.size().min(size);
                        (held.memory, held.layout) = (memory, layout(size, held.layout.align()));
                        if kept > 0 {
                            assert_eq!(bytes(memory, kept), &held.expected[..kept]);
                        }
                        fill(held, kept, number);
                    }
                }
                Step::Free(which) if !all.is_empty() => {
                    let held = all.swap_remove(which % all.len());
                    check(&held);
                    free(heap, held.memory, held.layout).unwrap();
                }
                Step::Free(_) => {}
            }
            assert_eq!(heap.usage().total(), 8 << 20);
        }
        all.iter().for_each(check);
        all.into_iter().for_each(|held| free(heap, held.memory, held.layout).unwrap());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_in_memory_is_in_it_wherever_it_is(steps in prop::collection::vec(step(), 0..200)) {
        run::<Off>(&steps);
        run::<Standard>(&steps);
        run::<Paranoid>(&steps);
    }
}

#[test]
fn within_a_class_nothing_moves() {
    Kernel::new(1, 1).run::<Standard>(|_, heap| {
        let object = heap.alloc(layout(97, 8)).unwrap();
        for (from, to) in [(97, 104), (104, 100), (100, 97)] {
            assert_eq!(realloc(heap, object, layout(from, 8), to), Ok(object));
        }
        let moved = realloc(heap, object, layout(97, 8), 105).unwrap();
        assert_ne!(moved, object);
        free(heap, moved, layout(105, 8)).unwrap();
    });
}

#[test]
fn a_block_gives_its_end_back_and_takes_what_is_free_behind_it() {
    const FRAME: usize = FRAME_SIZE as usize;
    Kernel::new(8, 1).run::<Standard>(|frames, heap| {
        let sizes =
            [100 * FRAME, 100 * FRAME - 1, 63 * FRAME, 3 * FRAME, 5 * FRAME, 128 * FRAME, 512 * FRAME];
        let mut size = sizes[0];
        let block = heap.alloc(layout(size, 8)).unwrap();
        for next in sizes {
            assert_eq!(realloc(heap, block, layout(size, 8), next), Ok(block), "{size} to {next}");
            assert_eq!(heap.usage().used(), next.next_multiple_of(FRAME) as u64);
            size = next;
        }
        // Not beyond what its place is a multiple of, and not where somebody else is: then it moves.
        let other = heap.alloc(layout(512 * FRAME, 8)).unwrap();
        let (low, high) = if block < other { (block, other) } else { (other, block) };
        let moved = realloc(heap, low, layout(size, 8), size + FRAME).unwrap();
        assert!(moved != low && moved != high);
        free(heap, moved, layout(size + FRAME, 8)).unwrap();
        free(heap, high, layout(size, 8)).unwrap();
        frames.verify().unwrap();
    });
}
