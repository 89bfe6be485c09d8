//! A model that is too simple to be wrong: one entry for each frame.

use crate::ground::scaled;
use framekeeper::{CpuLocal, FRAME_SIZE, FrameAllocator, Order, Owner, PhysAddr, Request, State};

/// Whose each frame is: the start and size of the block it belongs to, or `None` if it is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model(pub(crate) Vec<Option<(usize, usize)>>);

impl Model {
    /// Whether some aligned run of so many frames that ends at or below `end` is free: then taking one must not fail.
    pub(crate) fn can_take_below(&self, size: usize, end: usize) -> bool {
        self.0[..end].chunks_exact(size).any(|run| run.iter().all(Option::is_none))
    }

    /// Notes that the frames were handed out; they must have been free.
    pub(crate) fn take(&mut self, start: usize, size: usize) {
        for frame in &mut self.0[start..start + size] {
            assert_eq!(frame.replace((start, size)), None, "handed out twice");
        }
    }

    /// Notes that the block at `start` was given back; says how large it was.
    pub(crate) fn give(&mut self, start: usize) -> Option<usize> {
        let (head, size) = self.0.get(start).copied().flatten()?;
        if head != start {
            return None;
        }
        self.0[start..start + size].fill(None);
        Some(size)
    }
}

/// An operation, by numbers of frames and orders.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Take(u8),
    TakeFrames(u64),
    TakeBelow(u8, usize),
    TakeAt(usize, u8),
    Give(usize),
    /// Makes the block at a frame one of so many frames.
    Resize(usize, u64),
}

/// Does one step to both; what is handed out must have been free, and what could be had must be had.
pub(crate) fn same<C: CpuLocal>(frames: &FrameAllocator<'_, C>, model: &mut Model, step: Step) {
    let address = |frame: usize| PhysAddr(frame as u64 * FRAME_SIZE);
    let order = |number: u8| Order::new(number).unwrap();
    let request = match step {
        Step::Resize(frame, size) => return resize(frames, model, frame, size as usize),
        Step::Give(frame) => {
            let given = frames.free_frame(address(frame));
            assert_eq!(given.ok().map(|frames| frames as usize), model.give(frame), "{step:?}");
            return;
        }
        Step::TakeAt(frame, number) => {
            let size = 1 << number;
            let can = frame % size == 0
                && model.0.get(frame..frame + size).is_some_and(|run| run.iter().all(Option::is_none));
            let taken = frames.alloc_at(address(frame), order(number), Owner::new(9));
            assert_eq!(taken.ok(), can.then(|| address(frame)), "{step:?}");
            can.then(|| model.take(frame, size));
            return;
        }
        Step::Take(number) => Request::order(order(number)),
        Step::TakeFrames(count) => Request::frames(count),
        Step::TakeBelow(number, end) => Request::order(order(number)).below(address(end)),
    };
    let (size, needed, end) = match step {
        Step::TakeFrames(count) => (count as usize, count.next_power_of_two() as usize, model.0.len()),
        Step::TakeBelow(number, end) => (1 << number, 1 << number, end.min(model.0.len())),
        Step::Take(number) | Step::TakeAt(_, number) => (1 << number, 1 << number, model.0.len()),
        Step::Give(_) | Step::Resize(..) => unreachable!("returned above"),
    };
    let taken = frames.alloc(request.owned_by(Owner::new(7)));
    assert_eq!(taken.is_ok(), model.can_take_below(needed, end), "{step:?}");
    if let Ok(start) = taken {
        let first = (start.0 / FRAME_SIZE) as usize;
        assert!(first.is_multiple_of(needed) && first + needed <= end, "{step:?}");
        model.take(first, size);
    }
}

/// Resizes a block in both. What lies in a cache is not had by address, so with one in front it may be refused.
fn resize<C: CpuLocal>(frames: &FrameAllocator<'_, C>, model: &mut Model, frame: usize, size: usize) {
    let before = frames.state(PhysAddr(frame as u64 * FRAME_SIZE));
    let resized = frames.resize(PhysAddr(frame as u64 * FRAME_SIZE), size as u64);
    let had = model.give(frame);
    let behind = had.and_then(|had| model.0.get(frame + had.min(size)..frame + size));
    let is_free = behind.is_some_and(|behind| behind.iter().all(Option::is_none));
    let fits = size > 0 && (had >= Some(size) || frame.is_multiple_of(size.next_power_of_two()));
    let may = fits && is_free;
    let must = may && (had >= Some(size) || frames.free().cached() == 0);
    assert!(resized.is_err() || may, "{frame} to {size}: {resized:?}, {before}");
    assert!(resized.is_ok() || !must, "{frame} to {size}: {resized:?}, {before}");
    if let Ok(was) = resized {
        assert_eq!(Some(was as usize), had);
    }
    if let Some(had) = had {
        model.take(frame, if resized.is_ok() { size } else { had });
    }
}

/// What the allocator says of each frame, under Miri of some, must be what the model says.
pub(crate) fn agree<C: CpuLocal>(frames: &FrameAllocator<'_, C>, model: &Model) {
    for (frame, owned) in model.0.iter().enumerate().step_by(scaled(1, 7)) {
        let state = frames.state(PhysAddr(frame as u64 * FRAME_SIZE));
        let seen = match state {
            State::Allocated { head, frames, .. } => Some((head.number() as usize, frames as usize)),
            State::Free { .. } | State::Cached { .. } => None,
            other => panic!("frame {frame} is {other}"),
        };
        assert_eq!(seen, *owned, "frame {frame}");
    }
    let free = model.0.iter().filter(|frame| frame.is_none()).count();
    assert_eq!(frames.free().total(), free as u64);
}
