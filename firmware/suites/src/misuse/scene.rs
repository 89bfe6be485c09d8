//! What a misuse happens in: an arena in which others have objects and blocks, take more of them and give some back.

mod misuse;
mod places;

use alloc::vec::Vec;
use core::{alloc::Layout, fmt, ptr::NonNull};

use framekeeper::{
    Order, Owner, PhysAddr, Request,
    slabs::{Class, Hardening, Level, ObjectAddr, Slabs},
};

use super::{cell::Whereabouts, cpu::OneThread, memory, told::told};
use crate::{
    Dice,
    arena::{Arena, End, Window},
};

/// Objects that others have at most.
const MOST_HELD: usize = 100;
/// Blocks that others have at most.
const MOST_BLOCKS: usize = 24;
/// Whose the others' blocks are.
const OTHERS: Owner = Owner::new(9);

/// An object, and what it was asked for as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: NonNull<u8>,
    pub(super) layout: Layout,
}

impl Piece {
    /// Its address, as reports have it.
    pub(super) fn address(&self) -> ObjectAddr {
        ObjectAddr(self.start.as_ptr().addr())
    }
}

/// An arena in use.
#[derive(Debug)]
pub(super) struct Scene<'s, 'a, H: Hardening> {
    pub(super) arena: &'s Arena<'a, 'a, OneThread, H>,
    pub(super) cpu: OneThread,
    pub(super) dice: Dice,
    /// What others have.
    pub(super) held: Vec<Piece>,
    pub(super) blocks: Vec<PhysAddr>,
    /// What others ask for again and again.
    usual: [Layout; 6],
    /// Objects that are out of use for ever.
    lost: u64,
    /// Caches that could not end, with all of their slabs.
    kept_caches: u64,
    others: Others,
    at: Whereabouts,
}

/// What others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// They take, and give back.
    TakeAndGive,
    /// They only take: no descriptor of a slab is out of use.
    Take,
}

impl<'s, 'a, H: Hardening> Scene<'s, 'a, H> {
    /// An arena that nobody has used yet.
    pub(super) fn new(
        arena: &'s Arena<'a, 'a, OneThread, H>,
        cpu: OneThread,
        (dice, others): (Dice, Others),
        at: Whereabouts,
    ) -> Self {
        let (held, blocks, usual) = (Vec::new(), Vec::new(), [Layout::new::<u64>(); 6]);
        Self { arena, cpu, dice, held, blocks, usual, lost: 0, kept_caches: 0, others, at }
    }

    /// Brings it into some state.
    pub(super) fn begin(&mut self) {
        self.same(told(), (0, None));
        self.usual = [(); 6].map(|()| self.layout());
        let (objects, blocks) = (self.dice.below(100), self.dice.below(40));
        self.stir(objects);
        self.stir_blocks(blocks);
    }

    /// The next trial begins.
    pub(super) fn next(&mut self) {
        self.at.next();
        self.cpu.go_to(self.dice.below(2) as u8);
        let (objects, blocks) = (self.dice.below(6), self.dice.below(3));
        self.stir(objects);
        self.stir_blocks(blocks);
    }

    /// Everything goes back. Where an object is out of use, the rest must be right nevertheless.
    pub(super) fn finish(&mut self) -> End {
        while let Some(piece) = self.held.pop() {
            self.give(piece);
        }
        while let Some(block) = self.blocks.pop() {
            self.give_block(block);
        }
        self.same(told(), (0, None));
        self.same(self.slabs().report().allocated(), self.lost);
        if (self.lost, self.kept_caches) == (0, 0) {
            return End::Clean;
        }
        self.slabs().shrink();
        self.arena.verify();
        End::Abandoned
    }

    /// The slabs.
    pub(super) fn slabs(&self) -> &'a Slabs<'a, OneThread, Window, H> {
        self.arena.slabs()
    }

    /// The class of a layout, which has one.
    pub(super) fn class(&self, layout: Layout) -> Class {
        match Slabs::<OneThread, Window, H>::class_of(layout) {
            Some(class) => class,
            None => self.broken(format_args!("{layout:?} has no class")),
        }
    }

    /// Bytes of the slot that a layout is served with.
    pub(super) fn slot(&self, layout: Layout) -> usize {
        self.class(layout).size()
    }

    /// A layout of any class, each as often as another.
    pub(super) fn layout(&mut self) -> Layout {
        let class = Class::all().nth(self.dice.place(Class::COUNT)).map_or(64, Class::size);
        let seal = if H::LEVEL >= Level::Paranoid { 8 } else { 0 };
        let size = (class - seal).saturating_sub(self.dice.place(8)).max(1);
        let align = 1 << self.dice.below(4).saturating_sub(self.dice.below(2) * 4);
        let layout = Layout::from_size_align(size, align).ok();
        let layout = layout.filter(|&layout| Slabs::<OneThread, Window, H>::class_of(layout).is_some());
        layout.unwrap_or(Layout::new::<u64>())
    }

    /// A layout that others ask for as well.
    pub(super) fn usual(&mut self) -> Layout {
        let number = self.dice.place(self.usual.len());
        self.usual.get(number).copied().unwrap_or(Layout::new::<u64>())
    }

    /// An object for somebody who remembers it himself.
    #[track_caller]
    pub(super) fn take(&mut self, layout: Layout) -> Piece {
        let start = match self.slabs().alloc(layout) {
            Ok(start) => start,
            Err(error) => self.broken(format_args!("an arena has memory enough: {error}")),
        };
        let size = layout.size();
        memory::fill(start, size.min(24), 0x1111_1111_1111_1111);
        memory::fill(memory::away(start, size as isize - 1), 1, 0x22);
        Piece { start, layout }
    }

    /// As [`take`](Self::take), as others do.
    #[track_caller]
    pub(super) fn take_any(&mut self) -> Piece {
        let layout = self.usual();
        self.take(layout)
    }

    /// Gives an object back as it should be.
    pub(super) fn give(&mut self, piece: Piece) {
        let given = memory::free(self.slabs(), piece.start, piece.layout);
        self.same(given, Ok(()));
    }

    /// Others take objects and give some back, on all cores.
    pub(super) fn stir(&mut self, operations: u64) {
        let core = self.cpu.core();
        for _ in 0..operations {
            self.cpu.go_to(self.dice.below(2) as u8);
            let takes = self.held.is_empty() || self.held.len() < MOST_HELD && self.dice.one_in(2);
            if takes || self.others == Others::Take {
                let piece = self.take_any();
                self.held.push(piece);
            } else {
                let piece = self.held.swap_remove(self.dice.place(self.held.len()));
                self.give(piece);
            }
        }
        self.cpu.go_to(core.number());
    }

    /// Others take blocks and give some back.
    pub(super) fn stir_blocks(&mut self, operations: u64) {
        for _ in 0..operations {
            if self.blocks.len() < MOST_BLOCKS && self.dice.one_in(2) {
                let block = self.take_block();
                self.blocks.push(block);
            } else if !self.blocks.is_empty() {
                let block = self.blocks.swap_remove(self.dice.place(self.blocks.len()));
                self.give_block(block);
            }
        }
    }

    /// A block for somebody who remembers it himself: of one frame, of an order, or of just so many.
    pub(super) fn take_block(&mut self) -> PhysAddr {
        let order = Order::new(self.dice.below(7) as u8).unwrap_or(Order::FRAME);
        let request = match self.dice.below(3) {
            0 => Request::order(Order::FRAME),
            1 => Request::order(order),
            _ => Request::frames(1 + self.dice.below(100)),
        };
        match self.arena.frames.alloc(request.owned_by(OTHERS)) {
            Ok(block) => block,
            Err(error) => self.broken(format_args!("an arena has memory enough: {error}")),
        }
    }

    /// Gives a block back as it should be.
    pub(super) fn give_block(&mut self, block: PhysAddr) {
        if let Err(error) = self.arena.frames.free_frame(block) {
            self.broken(format_args!("{block} was refused: {error}"));
        }
    }

    /// Moves what is free on: sometimes to the slabs, and what is empty there to the frames.
    pub(super) fn settle(&mut self) {
        match self.dice.below(8) {
            0 => {
                self.slabs().shrink();
            }
            1 => {
                self.slabs().shrink();
                self.arena.frames.drain_all();
            }
            _ => (),
        }
    }

    /// An object is out of use from here on.
    pub(super) const fn lose(&mut self) {
        self.lost += 1;
    }

    /// A cache could not end.
    pub(super) const fn keep_cache(&mut self) {
        self.kept_caches += 1;
    }

    /// What was found is what was expected.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "most are made for it, as with `assert_eq`")]
    pub(super) fn same<T: PartialEq + fmt::Debug>(&self, found: T, expected: T) {
        if found != expected {
            let here = core::panic::Location::caller();
            self.broken(format_args!("{here}: {found:?} in place of {expected:?}"));
        }
    }

    /// A promise is broken.
    ///
    /// # Panics
    ///
    /// Always.
    pub(super) fn broken(&self, what: fmt::Arguments<'_>) -> ! {
        panic!("{}: {what}", self.at)
    }
}
