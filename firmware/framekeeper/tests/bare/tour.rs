//! Every operation once, right and wrong, without a heap.

use crate::ground::scaled;
use framekeeper::{
    AddError, AllocError, Core, CpuLocal, FRAME_SIZE, FrameAllocator, FreeError, Order, Owner, PhysAddr,
    PhysRange, Request, State, Zero,
};
use std::{cell::Cell, fmt::Write};

const OWNER: Owner = Owner::new(5);

/// One core, which counts the bytes that it was asked to fill with zeros.
pub(crate) struct Zeroing<'b>(pub(crate) &'b Cell<u64>);

impl CpuLocal for Zeroing<'_> {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        true
    }
}

impl Zero for Zeroing<'_> {
    fn zero(&self, range: PhysRange) {
        self.0.set(self.0.get() + range.size());
    }
}

/// Counts what is written to it.
struct Sink(usize);

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Calls everything on an allocator of which all is free but `reserved`, and leaves it so, with that added.
pub(crate) fn tour(frames: &FrameAllocator<'_, Zeroing<'_>>, reserved: PhysRange, zeroed: &Cell<u64>) {
    let free = frames.free();
    assert_eq!(frames.add(reserved), Ok(reserved.size() / FRAME_SIZE));
    assert!(matches!(frames.add(reserved), Err(AddError::NotReserved { .. })));
    let all = frames.free();
    assert!(all.total() > free.total());
    Order::all()
        .take(scaled(16, 10))
        .step_by(scaled(1, 9))
        .for_each(|order| one(frames, Request::order(order)));
    let counts: &[u64] = scaled(&[1, 3, 511, 513, 5000], &[3, 100]);
    counts.iter().for_each(|&count| one(frames, Request::frames(count)));
    one(frames, Request::order(Order::MIB_2).below(reserved.end()));
    let mut places = [PhysAddr(0); scaled(200, 20)];
    for order in [Order::FRAME, Order::MIB_2] {
        let taken = frames.alloc_bulk(order, OWNER, &mut places);
        assert!(taken > 0);
        places[..taken].iter().for_each(|&place| assert_eq!(frames.free_frame(place), Ok(order.frames())));
    }
    let start = frames.alloc_zeroed(Request::frames(3)).unwrap();
    assert_eq!(zeroed.get(), 3 * FRAME_SIZE);
    frames.free_frame(start).unwrap();
    exhaust(frames);
    frames.drain();
    assert_eq!(frames.free(), all);
}

/// Takes a block, asks about it, and gives it back, twice.
fn one(frames: &FrameAllocator<'_, Zeroing<'_>>, request: Request) {
    let start = frames.alloc(request.owned_by(OWNER)).unwrap();
    let State::Allocated { frames: size, owner: OWNER, .. } = frames.state(start) else { panic!("{start}") };
    assert_eq!(frames.owners().frames(OWNER), size);
    let inside = PhysAddr(start.0 + (size - 1) * FRAME_SIZE);
    assert!(size == 1 || matches!(frames.free_frame(inside), Err(FreeError::NotHead { .. })));
    assert_eq!(frames.free_frame(start), Ok(size));
    let twice = frames.free_frame(start).unwrap_err();
    let mut sink = Sink(0);
    write!(sink, "{twice} {twice:?} {} {}", frames.free(), frames.owners()).unwrap();
    assert!(sink.0 > 0);
    let order = Order::holding(size).unwrap();
    assert_eq!(frames.alloc_at(start, order, OWNER), Ok(start));
    assert!(matches!(frames.alloc_at(start, order, OWNER), Err(AllocError::NotFree { .. })));
    assert_eq!(frames.free_frame(start), Ok(order.frames()));
    frames.verify().unwrap();
}

/// Takes the largest blocks until there are none, so that a shortage is told, and gives all back.
fn exhaust(frames: &FrameAllocator<'_, Zeroing<'_>>) {
    let mut taken = [PhysAddr(0); 2048];
    let mut count = 0;
    for order in Order::all().rev() {
        while let Ok(start) = frames.alloc(Request::order(order)) {
            taken[count] = start;
            count += 1;
        }
    }
    let shortage = frames.alloc(Request::order(Order::FRAME)).unwrap_err();
    let mut sink = Sink(0);
    write!(sink, "{shortage} {shortage:?}").unwrap();
    assert!(matches!(shortage, AllocError::OutOfMemory(_)));
    taken[..count].iter().for_each(|&start| assert!(frames.free_frame(start).is_ok()));
    frames.verify().unwrap();
    assert!(frames.drain_all());
}
