//! Every cell of what slabs keep, by where it lies.

use super::scene::{SIZES, Scene, TheSlabs, class_of};
use crate::{
    Frame,
    slabs::class::Class,
    sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed},
    word::{Kind, Slot},
};
use std::{vec, vec::Vec};

/// A cell of what slabs keep.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Narrow(&'a AtomicU32),
    Wide(&'a AtomicU64),
    Object(&'a AtomicPtr<u8>),
    /// A word of a pool: see [`Stock`].
    Pool(Class, Stock),
    /// A word of the store.
    Store(usize),
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stock {
    Created,
    Destroyed,
    Empty,
    Free,
    Freed,
    DepotCount,
    DepotLimit,
    DepotObject(usize),
    /// With what is right.
    FirstPartial(Option<Slot>),
    /// With what is right.
    FirstEmpty(Option<Slot>),
}

/// How a flip is found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Seen {
    Verify,
    /// By that, or by how many objects of the class are out.
    OrUsage(Class),
    /// By nobody.
    Not,
}

impl Cell<'_> {
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::Narrow(_) => 32,
            // Of a slot, and whether there is one.
            Self::Pool(_, Stock::FirstPartial(_) | Stock::FirstEmpty(_)) => 27,
            _ => 64,
        }
    }

    pub(super) fn flip(self, slabs: &TheSlabs<'_>, bit: u32) {
        match self {
            Self::Narrow(cell) => cell.store(cell.load(Relaxed) ^ 1 << bit, Relaxed),
            Self::Wide(cell) => cell.store(cell.load(Relaxed) ^ 1 << bit, Relaxed),
            Self::Object(cell) => flip_pointer(cell, bit),
            Self::Store(number) => *slabs.ground().try_store().unwrap().memory()[number] ^= 1 << bit,
            Self::Pool(class, what) => {
                let mut held = slabs.pool(class).try_held(slabs.ground()).unwrap();
                let stock = &mut *held.stock;
                match what {
                    Stock::Created => stock.counts_mut().created ^= 1 << bit,
                    Stock::Destroyed => stock.counts_mut().destroyed ^= 1 << bit,
                    Stock::Empty => stock.counts_mut().empty ^= 1 << bit,
                    Stock::Free => stock.counts_mut().free ^= 1 << bit,
                    Stock::Freed => stock.counts_mut().freed ^= 1 << bit,
                    Stock::DepotCount => *stock.depot.memory().0[0] ^= 1 << bit,
                    Stock::DepotLimit => *stock.depot.memory().0[1] ^= 1 << bit,
                    Stock::DepotObject(number) => flip_pointer(&stock.depot.memory().1[number], bit),
                    Stock::FirstPartial(right) => flip_first(&mut stock.partial, right, bit),
                    Stock::FirstEmpty(right) => flip_first(&mut stock.empty, right, bit),
                }
            }
        }
    }
}

fn flip_pointer(cell: &AtomicPtr<u8>, bit: u32) {
    cell.store(cell.load(Relaxed).map_addr(|address| address ^ 1 << bit), Relaxed);
}

/// There and back. The last bit is whether there is a slot.
fn flip_first(first: &mut Option<Slot>, right: Option<Slot>, bit: u32) {
    let flipped = match (right, bit) {
        (Some(_), 26) => None,
        (None, 26) => Slot::new(0),
        _ => Slot::new(u64::from(right.map_or(Slot::LIMIT, Slot::number)) ^ 1 << bit),
    };
    *first = if *first == right { flipped } else { right };
}

pub(super) type Part<'a> = (&'static str, Seen, Vec<Cell<'a>>);

impl<'a> Scene<'a> {
    /// All that is kept now, by where it lies.
    pub(super) fn parts(&self) -> Vec<Part<'a>> {
        let (slabs, memory) = (self.slabs, self.memory);
        let mut store = slabs.ground().try_store().unwrap();
        let own = (0..store.memory().len()).map(Cell::Store).collect();
        let [chunks, spare] = store.links(memory).map(|words| words.into_iter().map(Cell::Wide).collect());
        drop(store);
        let mut parts = vec![
            ("store", Seen::Verify, own),
            ("links of chunks", Seen::Verify, chunks),
            ("links of spare descriptors", Seen::Verify, spare),
            ("words of slab frames", Seen::Verify, self.slab_words()),
            ("frames of all slabs", Seen::Verify, vec![Cell::Wide(slabs.ground().counted_frames())]),
        ];
        // One beside, that has nothing.
        SIZES.iter().chain([&64]).for_each(|&size| self.add_class(class_of(size), &mut parts));
        parts
    }

    fn add_class(&self, class: Class, parts: &mut Vec<Part<'a>>) {
        use Stock::{
            Created, DepotCount, DepotLimit, Destroyed, Empty, FirstEmpty, FirstPartial, Free, Freed,
        };
        let (partial, empty) = self.lists(class);
        let cells = |of: &[Stock]| of.iter().map(|&what| Cell::Pool(class, what)).collect::<Vec<_>>();
        parts.push(("pools", Seen::Verify, cells(&[Created, Destroyed, Empty, Free])));
        parts.push(("lists", Seen::Verify, cells(&[FirstPartial(partial), FirstEmpty(empty)])));
        parts.push(("depots' limits", Seen::Verify, cells(&[DepotLimit])));
        parts.push(("depots' counts", Seen::OrUsage(class), cells(&[DepotCount])));
        let ([count, limit], freed, objects) = self.magazines.of(class).unwrap().memory();
        parts.push(("magazines' counts", Seen::OrUsage(class), vec![Cell::Narrow(count)]));
        parts.push(("magazines' limits", Seen::Verify, vec![Cell::Narrow(limit)]));
        parts.push(("magazines' objects", Seen::Verify, objects.iter().map(Cell::Object).collect()));
        let statistics = [cells(&[Freed]), vec![Cell::Wide(freed)]].concat();
        parts.push(("statistics", Seen::Not, statistics));
        let (slabs, pool) = (self.slabs, self.slabs.pool(class));
        let in_depot = pool.try_held(slabs.ground()).unwrap().stock.depot.count();
        let objects: Vec<_> = (0..in_depot).map(Stock::DepotObject).collect();
        parts.push(("depots' objects", Seen::Verify, cells(&objects)));
        let heads = self.heads(class).into_iter();
        let descriptors = heads.flat_map(|head| slabs.ground().slab_at(head, pool).unwrap().memory());
        parts.push(("descriptors", Seen::Verify, descriptors.map(Cell::Wide).collect()));
    }

    fn lists(&self, class: Class) -> (Option<Slot>, Option<Slot>) {
        let held = self.slabs.pool(class).try_held(self.slabs.ground()).unwrap();
        (held.stock.partial, held.stock.empty)
    }

    fn slab_words(&self) -> Vec<Cell<'a>> {
        let map = self.frames.map();
        let slabs = map.frames().filter(|&frame| map.word(frame).kind() == Kind::Slab);
        let words = slabs.map(|frame| &map.memory().0[map.slot(frame).unwrap().index()]);
        words.map(Cell::Narrow).collect()
    }

    pub(super) fn heads(&self, class: Class) -> Vec<Slot> {
        let map = self.frames.map();
        let is_head = |frame: &Frame| map.word(*frame).is_page_of(self.slabs.pool(class).id(), 0);
        map.frames().filter(is_head).filter_map(|frame| map.slot(frame)).collect()
    }
}
