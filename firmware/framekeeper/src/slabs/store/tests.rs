//! What a store may say of itself, and what it may not: each clause by a fault of its own, beside what is right by a word.

use super::*;
use crate::{
    Request,
    slabs::{
        damage::scene::{OTHERS, Scene, with_scene},
        verify::SlabFault,
    },
};
use std::vec::Vec;

/// Words of a descriptor that no slab of the scene has.
const WORDS: usize = 18;

/// Words of the largest descriptor.
const MOST: usize = 130;

/// Runs `work` where one slab has a descriptor, of three words, in one small chunk.
fn with_chunk(work: impl FnOnce(&Scene<'_>, PhysAddr)) {
    with_chunk_for(WORDS, work);
}

/// Runs `work` where one slab has a descriptor, in one chunk that is for descriptors of so many words.
fn with_chunk_for(words: usize, work: impl FnOnce(&Scene<'_>, PhysAddr)) {
    with_scene(0, |scene| {
        scene.take(if is_large(words) { 8 } else { 3072 }, 1);
        let chunk = store(scene, |store| store.last.place().unwrap());
        work(scene, chunk);
        assert_eq!(scene.slabs.verify(), Ok(()));
    });
}

fn store<R>(scene: &Scene<'_>, work: impl FnOnce(&mut Store) -> R) -> R {
    work(&mut scene.slabs.ground().try_store().unwrap())
}

/// What is found while the store is changed.
fn found(scene: &Scene<'_>, change: impl FnOnce(&mut Store)) -> Result<(), SlabFault> {
    let Store { live, current, spare, last, bytes } = *scene.slabs.ground().try_store().unwrap();
    store(scene, change);
    scene.watch();
    let found = scene.slabs.verify();
    scene.watch_no_more();
    store(scene, |store| *store = Store { live, current, spare, last, bytes });
    found
}

/// What is found while descriptors of so many words wait at these places.
fn found_waiting(scene: &Scene<'_>, words: usize, places: &[PhysAddr]) -> Result<(), SlabFault> {
    let link_to = |place: Option<&PhysAddr>| place.map_or(Link::NONE, |&place| Link::to(place));
    for (number, place) in places.iter().enumerate() {
        scene.memory.word(*place).store(link_to(places.get(number + 1)).0, Relaxed);
    }
    found(scene, |store| store.spare[size_index(words)] = link_to(places.first()))
}

const WRONG: Result<(), SlabFault> = Err(SlabFault::Store);

#[test]
fn descriptors_that_wait_are_inside_chunks() {
    for words in [WORDS, MOST] {
        with_chunk_for(words, |scene, chunk| {
            let end = chunk.0 + chunk_order(words).bytes() - 8 * words as u64;
            let others = scene.frames.alloc(Request::order(Order::new(1).unwrap()).owned_by(OTHERS)).unwrap();
            let found_waiting = |places: &[PhysAddr]| found_waiting(scene, words, places);
            let found_at = |place| found(scene, |store| store.spare[size_index(words)] = Link::to(place));
            assert_eq!(found_waiting(&[PhysAddr(end)]), Ok(()), "{words} words up to a chunk's end");
            assert_eq!(found_waiting(&[PhysAddr(end + 8)]), WRONG, "one of {words} words behind the chunk");
            assert_eq!(found_waiting(&[PhysAddr(end), PhysAddr(others.0 + 8)]), WRONG, "in no chunk");
            assert_eq!(found_at(PhysAddr(end - 4)), WRONG, "where no word starts");
            assert_eq!(found_at(chunk), WRONG, "where the chunk's own link is");
        });
    }
}

/// They overlap, or lead back to each other.
#[test]
fn more_descriptors_than_there_is_room_for_do_not_wait() {
    for words in [WORDS, MOST] {
        with_chunk_for(words, |scene, chunk| {
            let room = chunk_order(words).bytes() / WORD / words as u64;
            // Behind the slab's own descriptor.
            let places =
                |count| (0..count).map(|number| PhysAddr(chunk.0 + 8 * (200 + number))).collect::<Vec<_>>();
            assert_eq!(found_waiting(scene, words, &places(room)), Ok(()), "{words} words");
            assert_eq!(found_waiting(scene, words, &places(room + 1)), WRONG, "{words} words");
        });
    }
}

/// As no descriptor does. A list of them that leads back into itself ends too.
#[test]
fn descriptors_of_no_words_do_not_wait_for_ever() {
    with_chunk(|scene, chunk| {
        let place = PhysAddr(chunk.0 + 8 * 200);
        scene.memory.word(place).store(Link::to(place).0, Relaxed);
        assert_eq!(found(scene, |store| store.spare[0] = Link::to(place)), WRONG);
    });
}

#[test]
fn what_is_left_of_a_chunk_is_inside_it() {
    with_chunk(|scene, chunk| {
        let (start, end) = (PhysAddr(chunk.0 + 800), PhysAddr(chunk.0 + chunk_order(WORDS).bytes()));
        let found = |start, end| found(scene, |store| store.current[0] = Rest { start, end });
        assert_eq!(found(Link::to(start), Link::to(end)), Ok(()));
        assert_eq!(found(Link::NONE, Link::NONE), Ok(()), "nothing is left");
        assert_eq!(found(Link::to(end), Link::to(start)), WRONG, "it ends before it starts");
        assert_eq!(found(Link::to(start), Link::NONE), WRONG, "it has no end");
        assert_eq!(found(Link::to(start), Link::to(PhysAddr(end.0 + 8))), WRONG, "it ends behind the chunk");
        assert_eq!(found(Link::to(chunk), Link::to(end)), WRONG, "it starts where the chunk's link is");
    });
}

#[test]
fn chunks_and_descriptors_are_as_many_as_are_counted() {
    with_chunk(|scene, chunk| {
        assert_eq!(found(scene, |store| store.live += 1), WRONG);
        assert_eq!(found(scene, |store| store.bytes += chunk_order(WORDS).bytes()), WRONG);
        assert_eq!(found(scene, |store| store.last = Link::NONE), WRONG, "a chunk is lost");
        let inside = PhysAddr(chunk.0 + 800);
        scene.memory.word(inside).store(Link::NONE.0, Relaxed);
        assert_eq!(
            found(scene, |store| store.last = Link::to(inside)),
            WRONG,
            "what is no chunk is in the list"
        );
    });
}

/// Of all sizes that there are; the largest has chunks of its own.
#[test]
fn what_is_given_back_waits_for_a_slab_that_needs_as_many_words() {
    with_scene(0, |scene| {
        scene.take(3072, 1);
        scene.take(8, 1);
        let memory = scene.memory;
        store(scene, |store| {
            let sizes = [3, 5, WORDS, MOST];
            let mut take = || sizes.map(|words| store.take(words, memory).unwrap());
            let first = take();
            sizes.iter().zip(first).for_each(|(&words, place)| store.give(place, words, memory));
            assert_eq!(sizes.map(|words| store.take(words, memory).unwrap()), first);
            sizes.iter().zip(first).for_each(|(&words, place)| store.give(place, words, memory));
        });
        assert_eq!(scene.slabs.verify(), Ok(()));
    });
}

/// 341 times three words, and the link.
#[test]
fn a_chunk_is_cut_up_to_its_end() {
    with_chunk(|scene, chunk| {
        let memory = scene.memory;
        store(scene, |store| {
            let places: Vec<_> = core::iter::from_fn(|| store.take(3, memory)).take(1000).collect();
            assert_eq!(places.last(), Some(&PhysAddr(chunk.0 + chunk_order(3).bytes() - 24)));
            places.into_iter().for_each(|place| store.give(place, 3, memory));
        });
    });
}
