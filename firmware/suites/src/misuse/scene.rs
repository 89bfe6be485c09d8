//! What a misuse happens in: an arena in which others have objects and blocks, take more of them and give some back.

use alloc::{string::ToString, vec::Vec};
use core::{alloc::Layout, fmt, ptr::NonNull};

use framekeeper::{
    FRAME_SIZE, FreeError, Order, Owner, PhysAddr, Request, State,
    slabs::{Class, DirectMap, Hardening, Level, Misuse, ObjectAddr, Slabs},
};

use super::{
    cell::{Outcome, Whereabouts},
    cpu::OneThread,
    memory,
    promises::Event,
    texts,
    told::told,
};
use crate::{
    Dice, Regions,
    arena::{Arena, End, SLABS, Window, ram},
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

    /// Gives back what should not be, in one of the ways that there are. What was reported, which is done just once, has
    /// the right text and changes nothing.
    pub(super) fn misuse(&mut self, start: NonNull<u8>, layout: Layout) -> Option<Misuse> {
        let before = (self.slabs().report(), self.slabs().reports());
        let misuse = match self.dice.below(3) {
            0 => memory::free(self.slabs(), start, layout).err(),
            1 => memory::free_to_heap(self.arena.heap, start, layout).err(),
            _ => {
                memory::dealloc(self.arena.heap, start, layout);
                let (times, misuse) = told();
                self.same((times, self.slabs().reports()), (misuse.iter().count() as u64, before.1 + times));
                misuse
            }
        };
        self.same(told(), (0, None));
        if let Some(misuse) = misuse {
            self.same(&self.slabs().report(), &before.0);
            self.says(&misuse, &texts::of_misuse(&misuse));
        }
        misuse
    }

    /// As [`misuse`](Self::misuse), of what must be found out, and just so.
    pub(super) fn refused(&mut self, start: NonNull<u8>, layout: Layout, expected: Misuse) {
        let found = self.misuse(start, layout);
        self.same(found, Some(expected));
    }

    /// Gives back a block that should not be. What was reported has the right text and changes nothing.
    pub(super) fn misuse_block(&mut self, address: PhysAddr) -> Option<FreeError> {
        let before = self.arena.frames.free();
        let error = self.arena.frames.free_frame(address).err()?;
        self.same(self.arena.frames.free(), before);
        self.says(&error, &texts::of_free_error(&error));
        Some(error)
    }

    /// As [`misuse_block`](Self::misuse_block), of what must be found out, and just so.
    pub(super) fn refused_block(&mut self, address: PhysAddr, expected: FreeError) {
        let found = self.misuse_block(address);
        self.same(found, Some(expected));
    }

    /// What became of an object that was taken back although it should not be, once all comes to its slab. Beside what
    /// others have, so many are in use.
    pub(super) fn at_the_flush(&self, beside: u64) -> Outcome {
        let is_told = self.flush().is_some();
        let allocated = self.slabs().report().allocated();
        let is_right = allocated == self.held.len() as u64 + self.lost + beside;
        match is_told {
            true if is_right => Outcome::at(Event::Flush),
            true => Outcome::at(Event::Flush).ending(),
            false if is_right && self.slabs().verify().is_ok() => Outcome::NOTHING,
            false => Outcome::NOTHING.ending(),
        }
    }

    /// A frame that is free.
    pub(super) fn free_frame(&mut self) -> PhysAddr {
        loop {
            let address = self.frame(&ram().1);
            if matches!(self.arena.frames.state(address), State::Free { .. } | State::Cached { .. }) {
                return address;
            }
        }
    }

    /// A frame that is reserved.
    pub(super) fn reserved_frame(&mut self) -> PhysAddr {
        loop {
            let address = self.frame(&ram().0);
            if self.arena.frames.state(address) == State::Reserved {
                return address;
            }
        }
    }

    fn frame(&mut self, regions: &Regions) -> PhysAddr {
        let mut number = self.dice.below(regions.size() / FRAME_SIZE);
        for range in regions.iter() {
            let frames = range.size() / FRAME_SIZE;
            if number < frames {
                return PhysAddr(range.start().0 + number * FRAME_SIZE);
            }
            number -= frames;
        }
        self.broken(format_args!("RAM has fewer frames than it has"))
    }

    /// The frames that descriptors of slabs lie in.
    pub(super) fn descriptors(&self) -> Vec<PhysAddr> {
        let mut frames = Vec::new();
        for range in ram().1.iter() {
            let mut address = range.start();
            while address < range.end() {
                let block = match self.arena.frames.state(address) {
                    State::Allocated { frames: count, owner, .. } => {
                        let of_slabs = (owner == SLABS).then_some(0..count).into_iter().flatten();
                        frames.extend(of_slabs.map(|number| PhysAddr(address.0 + number * FRAME_SIZE)));
                        count
                    }
                    State::Free { order, .. } => order.frames(),
                    _ => 1,
                };
                address = PhysAddr(address.0 + block * FRAME_SIZE);
            }
        }
        frames
    }

    /// What the hook is told when magazines go to their slabs: once, and with the right text, or not at all.
    pub(super) fn flush(&self) -> Option<Misuse> {
        let before = self.slabs().reports();
        self.slabs().shrink();
        self.told_once(before)
    }

    /// What the hook was told since there were so many reports: once, and with the right text, or not at all.
    pub(super) fn told_once(&self, before: u64) -> Option<Misuse> {
        let (times, misuse) = told();
        self.same((times, self.slabs().reports() - before), (misuse.iter().count() as u64, times));
        if let Some(misuse) = misuse {
            self.says(&misuse, &texts::of_misuse(&misuse));
        }
        misuse
    }

    /// An object is out of use from here on.
    pub(super) const fn lose(&mut self) {
        self.lost += 1;
    }

    /// A cache could not end.
    pub(super) const fn keep_cache(&mut self) {
        self.kept_caches += 1;
    }

    /// Whether somebody has an object of which one of these bytes is.
    pub(super) fn has(&self, start: NonNull<u8>, bytes: usize) -> bool {
        let start = start.as_ptr().addr();
        self.held.iter().any(|piece| {
            let own = piece.address().0;
            own < start + bytes && start < own + self.slot(piece.layout)
        })
    }

    /// Where the slab of an object begins.
    pub(super) fn slab_of(&self, piece: &Piece) -> NonNull<u8> {
        let bytes = self.slabs().report().of(self.class(piece.layout)).slab_size;
        let behind = piece.address().0 as u64 % bytes;
        memory::away(piece.start, -(behind as isize))
    }

    /// Where in the arena's RAM it is.
    pub(super) fn physical(&self, start: NonNull<u8>) -> PhysAddr {
        self.arena.window.address(start)
    }

    /// What a report is to say.
    pub(super) fn says(&self, report: &dyn fmt::Display, text: &str) {
        if report.to_string() != text {
            self.broken(format_args!("a report says \"{report}\" in place of \"{text}\""));
        }
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
