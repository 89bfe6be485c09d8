//! Each clause of `verify` by a fault of its own, which most often no single flipped bit makes. All else is right beside it, and once
//! it is taken out again, nothing is found.

use super::scene::{OTHERS, OURS, Scene, class_of, with_scene};
use crate::{
    FRAME_SIZE, Frame, Order, Owner, PhysAddr, Request,
    slabs::{
        pool::{Counts, Pool, Stock},
        slab::Slab,
        verify::SlabFault,
    },
    sync::Ordering::Relaxed,
    word::{PoolId, SHARE_BITS, Slot, Word},
};
use std::vec::Vec;

/// Slabs of these are of eight frames and ten objects.
const SIZE: usize = 3072;

/// Of these there is nothing.
const UNUSED: usize = 64;

type Found = Result<(), SlabFault>;

/// Where a list starts.
type List = fn(&mut Stock) -> &mut Option<Slot>;

const LISTS: [List; 2] = [|stock| &mut stock.partial, |stock| &mut stock.empty];

impl<'a> Scene<'a> {
    fn pool(&self) -> &'a Pool {
        self.slabs.pool(class_of(SIZE))
    }

    fn slab(&self, head: Slot) -> Slab<'a> {
        self.slabs.ground().slab_at(head, self.pool()).unwrap()
    }

    /// The slabs of a list.
    fn list(&self, list: List) -> Vec<Slab<'a>> {
        let first = *list(&mut self.pool().try_held(self.slabs.ground()).unwrap().stock);
        let first = first.map(|head| self.slab(head));
        core::iter::successors(first, |slab| slab.next().map(|head| self.slab(head))).collect()
    }

    /// What is found while a pool's stock is changed.
    fn found_in_stock(&self, size: usize, change: impl FnOnce(&mut Stock)) -> Found {
        let pool = self.slabs.pool(class_of(size));
        let mut held = pool.try_held(self.slabs.ground()).unwrap();
        let (counts, partial, empty) = (held.stock.counts(), held.stock.partial, held.stock.empty);
        change(&mut held.stock);
        drop(held);
        let found = self.slabs.verify();
        let stock = &mut *pool.try_held(self.slabs.ground()).unwrap().stock;
        (*stock.counts_mut(), stock.partial, stock.empty) = (counts, partial, empty);
        found
    }

    /// What is found while a slab says that it stands elsewhere in its list.
    fn found_in_links(&self, slab: &Slab<'_>, next: Option<Slot>, before: Option<Slot>) -> Found {
        let right = (slab.next(), slab.before());
        slab.set_links(next, before);
        let found = self.slabs.verify();
        slab.set_links(right.0, right.1);
        found
    }

    /// What is found while some words of a slab's frames are others.
    fn found_in_words(&self, head: Slot, words: &[(u64, Word)]) -> Found {
        let map = self.frames.map();
        let slot = |page: u64| Slot::new(u64::from(head.number()) + page).unwrap();
        let right: Vec<_> = words.iter().map(|&(page, _)| (page, map.word_at(slot(page)))).collect();
        let set = |words: &[(u64, Word)]| words.iter().for_each(|&(page, word)| map.set(slot(page), word));
        set(words);
        let found = self.slabs.verify();
        set(&right);
        found
    }

    /// What is found while the words of a slab lead to another place, where its descriptor lies too.
    fn found_at(&self, slab: &Slab<'_>, place: PhysAddr) -> Found {
        for (word, number) in slab.memory().iter().zip(0..) {
            self.memory.word(PhysAddr(place.0 + 8 * number)).store(word.load(Relaxed), Relaxed);
        }
        let share = |page: u32| ((place.0 / 8) >> (page * SHARE_BITS)) as u32;
        let word = |page: u32| (page.into(), Word::slab(page, self.pool().id(), share(page)));
        self.found_in_words(slab.head(), &[0, 1, 2, 3].map(word))
    }

    fn block(&self, order: u8, owner: Owner) -> PhysAddr {
        self.frames.alloc(Request::order(Order::new(order).unwrap()).owned_by(owner)).unwrap()
    }

    fn frame(&self, slab: &Slab<'_>) -> Frame {
        self.frames.map().frame_at(slab.head().number().into()).unwrap()
    }

    fn start(&self, slab: &Slab<'_>) -> PhysAddr {
        self.frame(slab).start()
    }
}

fn pool_of(size: usize) -> PoolId {
    PoolId::of_class(class_of(size).index())
}

/// Runs `work` where each list has two slabs, and the depot and the magazine have objects too.
fn with_lists(work: impl FnOnce(&Scene<'_>)) {
    with_scene(0, |scene| {
        scene.take(SIZE, 70);
        scene.give_from(50, 8);
        scene.give_from(0, 48);
        assert_eq!(LISTS.map(|list| scene.list(list).len()), [2, 2]);
        assert_eq!(scene.slabs.verify(), Ok(()));
        scene.watch();
        work(scene);
        assert_eq!(scene.slabs.verify(), Ok(()));
        scene.watch_no_more();
    });
}

#[test]
fn a_count_that_is_wrong_by_itself_is_found() {
    let counts: [fn(&mut Counts) -> &mut u64; 4] = [
        |counts| &mut counts.created,
        |counts| &mut counts.destroyed,
        |counts| &mut counts.free,
        |counts| &mut counts.empty,
    ];
    with_lists(|scene| {
        for size in [SIZE, UNUSED] {
            for count in counts {
                let found = scene.found_in_stock(size, |stock| *count(stock.counts_mut()) += 1);
                assert_eq!(found, Err(SlabFault::Count { pool: pool_of(size) }));
            }
        }
    });
}

#[test]
fn a_list_that_does_not_lead_to_all_of_its_slabs_and_back_is_found() {
    with_lists(|scene| {
        let wrong = Err(SlabFault::List { pool: pool_of(SIZE) });
        for list in LISTS {
            let slabs = scene.list(list);
            let [first, last] = &*slabs else { unreachable!() };
            for head in [None, Some(last.head())] {
                assert_eq!(scene.found_in_stock(SIZE, |stock| *list(stock) = head), wrong);
            }
            let (first_head, last_head) = (Some(first.head()), Some(last.head()));
            assert_eq!(scene.found_in_links(first, None, None), wrong, "the last one is lost");
            assert_eq!(scene.found_in_links(first, first_head, None), wrong, "it leads to itself");
            assert_eq!(scene.found_in_links(last, first_head, first_head), wrong, "it leads to its start");
            assert_eq!(scene.found_in_links(last, None, None), wrong, "it does not lead back");
            assert_eq!(scene.found_in_links(last, None, last_head), wrong, "it leads back to another");
        }
        assert_eq!(
            scene.found_in_stock(SIZE, |stock| core::mem::swap(&mut stock.partial, &mut stock.empty)),
            wrong
        );
    });
}

/// Also behind the four that lead to the descriptor.
#[test]
fn a_word_of_a_slabs_frame_that_was_never_written_or_is_another_frames_is_found() {
    with_lists(|scene| {
        for slab in LISTS.map(|list| scene.list(list)).iter().flatten() {
            let wrong = Err(SlabFault::Descriptor { pool: pool_of(SIZE), slab: scene.start(slab) });
            let word = |page: u64| scene.frames.map().word(scene.frame(slab).plus(page));
            for page in 0..8 {
                let odd = Word::from_bits(word(page).bits() ^ 1 << 31);
                assert_eq!(scene.found_in_words(slab.head(), &[(page, odd)]), wrong, "page {page}");
            }
            let swapped = [(5, word(6)), (6, word(5))];
            assert_eq!(scene.found_in_words(slab.head(), &swapped), wrong);
        }
    });
}

/// The first four are written one by one, when a slab is made and when it goes.
#[test]
fn of_a_slab_that_is_not_there_as_a_whole_no_descriptor_is_looked_at() {
    with_lists(|scene| {
        let slabs = scene.list(LISTS[0]);
        let (map, frame) = (scene.frames.map(), scene.frame(&slabs[0]));
        for slot in [0, 1, 2, 3].map(|page| map.slot(frame.plus(page)).unwrap()) {
            let word = map.word_at(slot);
            map.set(slot, Word::PART);
            assert!(scene.slabs.ground().slab_at(slabs[0].head(), scene.pool()).is_none(), "{slot:?}");
            map.set(slot, word);
        }
    });
}

/// What lies there is what the descriptor says, so that only the place tells.
#[test]
fn a_descriptor_that_lies_in_what_is_no_chunk_is_found() {
    with_lists(|scene| {
        let slabs = scene.list(LISTS[0]);
        let slab = &slabs[0];
        let wrong = Err(SlabFault::Descriptor { pool: pool_of(SIZE), slab: scene.start(slab) });
        // As large as a chunk, and not of the slabs' owner; or larger, or smaller.
        let (chunk, others) = (scene.block(1, OURS), scene.block(1, OTHERS));
        let blocks = [others, scene.block(4, OTHERS), scene.block(0, OURS), scene.block(2, OURS)];
        scene.watch();
        for block in blocks {
            assert_eq!(scene.found_at(slab, PhysAddr(block.0 + 8)), wrong, "{block}");
        }
        let end = PhysAddr(chunk.0 + 2 * FRAME_SIZE - 8 * slab.memory().len() as u64);
        assert_eq!(scene.found_at(slab, end), Ok(()), "in a chunk's last words");
        assert_eq!(scene.found_at(slab, PhysAddr(end.0 + 8)), wrong, "a word of it behind the chunk");
    });
}
