//! A map whose memory is too small by any part of what it needs.

use alloc::{vec, vec::Vec};
use core::sync::atomic::{AtomicU32, AtomicU64};

use framekeeper::{FrameAllocator, MapError, MapLayout, Needs, Storage, Uncached};

use crate::{Machine, arena};

/// Memory for a map.
fn storage(needs: Needs) -> (Vec<AtomicU32>, Vec<AtomicU64>) {
    let words = (0..needs.words).map(|_| AtomicU32::new(u32::MAX)).collect();
    (words, (0..needs.index).map(|_| AtomicU64::new(u64::MAX)).collect())
}

/// The error says what was given and what is needed, and with that much there is a map.
pub fn a1_a_map_without_enough_memory_says_what_it_needs<M: Machine>(_: &M) {
    let (ram, free) = arena::ram();
    let Ok(needed) = MapLayout::of(&ram).map(MapLayout::needs) else { panic!("an arena has RAM") };
    let Needs { words, index } = needed;
    let few_words = [0, 1, words / 2, words - 1].map(|words| Needs { words, index });
    let small_index = [0, 1, index / 2, index - 1].map(|index| Needs { words, index });
    for given in few_words.into_iter().chain(small_index).chain(vec![Needs { words: 0, index: 0 }]) {
        let (mut words, mut index) = storage(given);
        let memory = Storage { words: &mut words, index: &mut index };
        let refused = FrameAllocator::new(&ram, &free, memory, &[], Uncached).err();
        assert_eq!(refused, Some(MapError::TooSmall { given, needed }));
        let untouched = words.iter().all(|word| word.load(core::sync::atomic::Ordering::Relaxed) == u32::MAX);
        assert!(untouched, "memory that is not enough is not written to");
    }
    let (mut words, mut index) = storage(needed);
    let memory = Storage { words: &mut words, index: &mut index };
    match FrameAllocator::new(&ram, &free, memory, &[], Uncached) {
        Ok(frames) => {
            assert_eq!(frames.verify(), Ok(()));
            assert_eq!(frames.free().total(), free.size() / framekeeper::FRAME_SIZE);
        }
        Err(error) => panic!("{error}"),
    }
}
