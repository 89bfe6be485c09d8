//! Traces: operations read from any bytes, done to an allocator and to the model, which must agree.
//!
//! The RAM lies in a window around 4 GiB, so that blocks of up to 4 MiB are to be had on both sides of it. A frame is
//! named by its place in the window.

use crate::{
    ground::{Ram, range, scaled},
    model::Model,
};
use framekeeper::{
    AddError, AllocError, Core, CpuLocal, FRAME_SIZE, Frame, FrameAllocator, FreeError, Order, Owner,
    PhysAddr, Request, State,
};
use std::cell::Cell;

/// Frames in the window.
pub(crate) const WINDOW: usize = 2048;

/// Its first: 4 MiB below 4 GiB.
const FIRST: u64 = (1 << 20) - 1024;

/// Whose a frame is that is no RAM, in the model.
const HOLE: (usize, usize) = (usize::MAX, 0);

/// Whose a frame is that is reserved.
const RESERVED: (usize, usize) = (usize::MAX - 1, 0);

/// An operation. `Debug` prints it as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// From here on by this core: 0 or 1, or 2 for a place where there is none.
    By(u8),
    Take(u8),
    TakeFrames(u64),
    TakeBelow(u8, usize),
    TakeAt(usize, u8),
    TakeMany(u8, usize),
    /// Gives back one of those that are held, by number.
    Give(usize),
    /// Gives back what starts at a frame, if anything does.
    GiveAt(usize),
    /// Gives back an address that is so many bytes behind a frame's.
    GiveInside(usize, u64),
    /// Adds so many frames.
    Add(usize, usize),
    Drain,
    DrainAll,
}

/// What RAM there is: ranges of frames of the window, and which of them are reserved.
pub(crate) struct Layout {
    pub(crate) ram: &'static [(usize, usize)],
    pub(crate) reserved: &'static [(usize, usize)],
}

pub(crate) const LAYOUTS: [Layout; 3] = [
    Layout { ram: &[(0, WINDOW)], reserved: &[] },
    Layout {
        ram: &[(3, 700), (705, 1500), (1536, 2048)],
        reserved: &[(64, 128), (1000, 1100), (1536, 2048)],
    },
    Layout { ram: &[(1000, 1060)], reserved: &[(1020, 1031)] },
];

impl Layout {
    pub(crate) fn ram(&self) -> Ram {
        set(self.ram)
    }

    pub(crate) fn free(&self) -> Ram {
        let mut free = self.ram();
        set(self.reserved).iter().for_each(|range| free.subtract(range).unwrap());
        free
    }

    pub(crate) fn model(&self) -> Model {
        let mut model = Model(vec![Some(HOLE); WINDOW]);
        self.ram.iter().for_each(|&(start, end)| model.0[start..end].fill(None));
        self.reserved.iter().for_each(|&(start, end)| model.0[start..end].fill(Some(RESERVED)));
        model
    }
}

fn set(ranges: &[(usize, usize)]) -> Ram {
    let mut set = Ram::new();
    ranges.iter().for_each(|&(start, end)| set.add(range(address(start).0, address(end).0)).unwrap());
    set
}

fn address(frame: usize) -> PhysAddr {
    PhysAddr((FIRST + frame as u64) * FRAME_SIZE)
}

fn order(number: u8) -> Order {
    Order::new(number).unwrap()
}

/// Two cores, of which the trace is one at a time, or none.
pub(crate) struct Cores<'c>(pub(crate) &'c Cell<u8>);

impl CpuLocal for Cores<'_> {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(self.0.get())).filter(|core| core.number() < 2))
    }

    fn hold_others(&self, mut work: impl FnMut(Core)) -> bool {
        let is_core = self.0.get() < 2;
        if is_core {
            work(Core::new(1 - self.0.get()));
        }
        is_core
    }
}

/// The operations that `bytes` mean: all bytes mean some.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Op> {
    let mut bytes = bytes.iter().copied();
    let mut ops = Vec::new();
    while let Some(kind) = bytes.next() {
        let mut small = || bytes.next().unwrap_or(0);
        // Small orders more often than large ones.
        let order = |byte: u8| (byte & 0xf).min(byte >> 4).min(10);
        let mut op = |kind: u8| match kind {
            0..8 => Op::Take(order(small())),
            8..10 => Op::TakeFrames(u64::from(small()) << (kind % 3 * 2)),
            10..12 => Op::TakeBelow(order(small()), usize::from(small()) * 8 + 1),
            12 => Op::TakeAt(usize::from(small()) * 8 + usize::from(kind & 7), order(small())),
            13 => Op::TakeMany(order(small()), usize::from(small())),
            14..23 => Op::Give(small().into()),
            23 => Op::GiveAt(usize::from(small()) * 8 + usize::from(small() & 7)),
            24 => Op::GiveInside(usize::from(small()) * 8, 1 + u64::from(small()) * 16),
            25 => Op::Add(usize::from(small()) * 8 + usize::from(small() & 7), small().into()),
            26 => Op::Drain,
            27 => Op::DrainAll,
            _ => Op::By(small() % 3),
        };
        ops.push(op(kind & 31));
    }
    ops
}

/// A block that the trace has: its first frame, how many it has, and the owner it was taken for.
type Held = (usize, usize, Owner);

/// What the two do not agree about.
pub(crate) type Disagreement = String;

/// An allocator and the model of it.
pub(crate) struct Trace<'f, 'a> {
    frames: &'f FrameAllocator<'a, Cores<'f>>,
    core: &'f Cell<u8>,
    model: Model,
    /// Frames that the model says are free.
    free: u64,
    held: Vec<Held>,
    added: bool,
}

impl<'f, 'a> Trace<'f, 'a> {
    /// Does all operations and gives everything back; says whether the allocator is as it was before. What each operation
    /// says is always compared; every frame, and all that `verify` looks at, if it is to be thorough.
    pub(crate) fn run(
        frames: &'f FrameAllocator<'a, Cores<'f>>,
        core: &'f Cell<u8>,
        layout: &Layout,
        ops: &[Op],
        is_thorough: bool,
    ) -> Result<bool, Disagreement> {
        core.set(0);
        let before = frames.free();
        let (model, free) = (layout.model(), before.total());
        let mut trace = Self { frames, core, model, free, held: Vec::new(), added: false };
        ops.iter().try_for_each(|&op| trace.step(op))?;
        trace.core.set(0);
        if is_thorough {
            trace.compare_all()?;
        }
        trace.give_all()?;
        let after = frames.free();
        ensure(trace.added || after == before, || format!("free before:\n{before}and after:\n{after}"))?;
        if is_thorough {
            trace.compare_all()?;
        }
        Ok(!trace.added)
    }

    fn step(&mut self, op: Op) -> Result<(), Disagreement> {
        let said = self.perform(op);
        let (free, counted) = (self.free, self.frames.free().total());
        said.and_then(|()| ensure(counted == free, || format!("{counted} frames are free, not {free}")))
            .map_err(|said| format!("{op:?}: {said}"))
    }

    fn perform(&mut self, op: Op) -> Result<(), Disagreement> {
        match op {
            Op::By(core) => self.core.set(core),
            Op::Take(number) => {
                let size = 1 << number;
                return self.take(Request::order(order(number)), size, size, WINDOW);
            }
            Op::TakeFrames(0) => {
                let refused = self.frames.alloc(Request::frames(0));
                return equal(refused, Err(AllocError::BadSize { frames: 0 }));
            }
            Op::TakeFrames(count) => {
                let needed = count.next_power_of_two() as usize;
                return self.take(Request::frames(count), count as usize, needed, WINDOW);
            }
            Op::TakeBelow(number, end) => {
                let size = 1 << number;
                return self.take(Request::order(order(number)).below(address(end)), size, size, end);
            }
            Op::TakeAt(frame, number) => return self.take_at(frame, number),
            Op::TakeMany(number, count) => return self.take_many(number, count),
            Op::Give(number) => {
                if let Some(at) = number.checked_rem(self.held.len()) {
                    return self.give(at);
                }
            }
            Op::GiveAt(frame) => match self.held.iter().position(|held| held.0 == frame) {
                Some(at) => return self.give(at),
                None => return self.give_wrong(frame),
            },
            Op::GiveInside(frame, offset) => {
                let address = PhysAddr(address(frame).0 + offset % FRAME_SIZE);
                if !offset.is_multiple_of(FRAME_SIZE) {
                    return equal(self.frames.free_frame(address), Err(FreeError::Misaligned { address }));
                }
            }
            Op::Add(start, count) => return self.add(start, count),
            Op::Drain => self.frames.drain(),
            Op::DrainAll => return equal(self.frames.drain_all(), self.core.get() < 2),
        }
        Ok(())
    }

    /// What could be had must be had, and have been free; but in no core's place nothing is had out of the caches.
    fn take(&mut self, request: Request, size: usize, needed: usize, end: usize) -> Result<(), Disagreement> {
        let owner = self.next_owner();
        // The window itself starts at no multiple of more.
        let can = FIRST.is_multiple_of(needed as u64) && self.model.can_take_below(needed, end);
        match self.frames.alloc(request.owned_by(owner)) {
            Ok(start) => {
                let first = place(start);
                let fits = first.is_multiple_of(needed) && first + needed <= end;
                ensure(fits, || format!("{start} is not where it should be"))?;
                self.took(first, size, owner)
            }
            Err(AllocError::OutOfMemory(_)) => ensure(!can || self.is_cached(), || "could be had".into()),
            Err(other) => Err(other.to_string()),
        }
    }

    fn take_at(&mut self, frame: usize, number: u8) -> Result<(), Disagreement> {
        let (size, owner) = (1 << number, self.next_owner());
        let can = self.model.0.get(frame..frame + size).is_some_and(|run| run.iter().all(Option::is_none));
        match self.frames.alloc_at(address(frame), order(number), owner) {
            Ok(start) => {
                ensure(start == address(frame) && frame.is_multiple_of(size), || start.to_string())?;
                self.took(frame, size, owner)
            }
            Err(AllocError::Misaligned { .. }) => ensure(!frame.is_multiple_of(size), || "is aligned".into()),
            Err(AllocError::NotFree { .. }) => ensure(!can || self.is_cached(), || "is free".into()),
            Err(other) => Err(other.to_string()),
        }
    }

    fn take_many(&mut self, number: u8, count: usize) -> Result<(), Disagreement> {
        let (size, owner) = (1 << number, self.next_owner());
        let can = self.model.0.chunks_exact(size).filter(|run| run.iter().all(Option::is_none)).count();
        let mut places = vec![PhysAddr(0); count];
        let taken = self.frames.alloc_bulk(order(number), owner, &mut places);
        let all = taken == can.min(count) || taken < can && self.is_cached();
        ensure(all, || format!("{taken} of {count}, and {can} were free"))?;
        places[..taken].iter().try_for_each(|&start| self.took(place(start), size, owner))
    }

    fn took(&mut self, first: usize, size: usize, owner: Owner) -> Result<(), Disagreement> {
        let run = self.model.0.get(first..first + size);
        let was_free = run.is_some_and(|run| run.iter().all(Option::is_none));
        ensure(was_free, || format!("frame {first} and {size} on were not free"))?;
        self.model.take(first, size);
        self.free -= size as u64;
        self.held.push((first, size, owner));
        self.is_held(&(first, size, owner))
    }

    /// The map says of a block's first and last frame whose it is.
    fn is_held(&self, &(first, size, owner): &Held) -> Result<(), Disagreement> {
        let right = State::Allocated { head: head(first), frames: size as u64, owner };
        equal(self.frames.state(address(first)), right)?;
        equal(self.frames.state(address(first + size - 1)), right)
    }

    fn give(&mut self, at: usize) -> Result<(), Disagreement> {
        let held = self.held.swap_remove(at);
        self.is_held(&held)?;
        equal(self.frames.free_frame(address(held.0)), Ok(held.1 as u64))?;
        self.model.give(held.0);
        self.free += held.1 as u64;
        self.give_wrong(held.0)
    }

    /// Gives back what nobody has, or what is no start of a block.
    fn give_wrong(&self, frame: usize) -> Result<(), Disagreement> {
        let address = address(frame);
        match (self.frames.free_frame(address), self.model.0[frame]) {
            (Err(FreeError::NotAllocated { found, .. }), owned) => self.is_state(frame, found, owned),
            (Err(FreeError::NotHead { head: at, .. }), Some((start, _))) => equal(at, head(start)),
            (other, _) => Err(format!("{other:?}")),
        }
    }

    fn add(&mut self, start: usize, count: usize) -> Result<(), Disagreement> {
        let added = start..(start + count).min(WINDOW);
        let range = range(address(start).0, address(added.end).0);
        let wrong = added.clone().find(|&frame| self.model.0[frame] != Some(RESERVED));
        match (self.frames.add(range), wrong) {
            (Ok(frames), None) => {
                equal(frames, added.len() as u64)?;
                self.added |= !added.is_empty();
                self.free += frames;
                self.model.0[added].fill(None);
                Ok(())
            }
            (Err(AddError::NotReserved { frame, .. }), Some(wrong)) => equal(frame, head(wrong)),
            (other, wrong) => Err(format!("{other:?}, and {wrong:?} is not reserved")),
        }
    }

    fn give_all(&mut self) -> Result<(), Disagreement> {
        while !self.held.is_empty() {
            self.give(self.held.len() - 1)?;
        }
        equal(self.frames.drain_all(), true)
    }

    fn compare_all(&self) -> Result<(), Disagreement> {
        for (frame, owned) in self.model.0.iter().enumerate().step_by(scaled(1, 31)) {
            self.is_state(frame, self.frames.state(address(frame)), *owned)?;
        }
        let free = self.model.0.iter().filter(|frame| frame.is_none()).count() as u64;
        equal(free, self.free)?;
        self.frames.verify().map_err(|fault| format!("{fault:?} in the end"))
    }

    fn is_state(
        &self,
        frame: usize,
        found: State,
        owned: Option<(usize, usize)>,
    ) -> Result<(), Disagreement> {
        let right = match found {
            State::Hole => owned == Some(HOLE),
            State::Reserved => owned == Some(RESERVED),
            State::Free { .. } | State::Cached { .. } => owned.is_none(),
            State::Allocated { head: at, frames, .. } => {
                owned.is_some_and(|(start, size)| (head(start), size as u64) == (at, frames))
            }
            State::Pending { .. } | State::Slab { .. } | State::Changing | State::Damaged { .. } => false,
        };
        ensure(right, || format!("frame {frame} is {found}, not {owned:?}"))
    }

    fn is_cached(&self) -> bool {
        self.core.get() == 2 && self.frames.free().cached() > 0
    }

    fn next_owner(&self) -> Owner {
        Owner::new(self.held.len() as u8)
    }
}

fn head(frame: usize) -> Frame {
    Frame::containing(address(frame))
}

fn place(start: PhysAddr) -> usize {
    Frame::containing(start).number().wrapping_sub(FIRST) as usize
}

fn ensure(agreed: bool, what: impl FnOnce() -> String) -> Result<(), Disagreement> {
    if agreed { Ok(()) } else { Err(what()) }
}

#[expect(clippy::needless_pass_by_value, reason = "what is compared is made for it")]
fn equal<T: PartialEq + std::fmt::Debug>(one: T, other: T) -> Result<(), Disagreement> {
    let agreed = one == other;
    ensure(agreed, || format!("{one:?}, not {other:?}"))
}
