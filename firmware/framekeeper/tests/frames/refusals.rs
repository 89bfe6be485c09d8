//! A machine that does not admit a request: the call says so, and all is as it was; the same call is met when it is admitted.

use crate::{
    crowd::{Cores, cores::refuse_after, on_core},
    ground::{MIB, Memory, check, digest, ram, range, scaled},
};
use framekeeper::{
    AddError, AllocError, Asked, Core, CoreCache, CpuLocal, FRAME_SIZE, FrameAllocator, Order, Owner,
    PhysAddr, PhysRange, Request, ResizeError, Zero, ZoneKind,
};
use std::cell::Cell;

const ME: Owner = Owner::new(1);

/// RAM that is reserved at first.
const LATE: PhysRange = PhysRange::new(PhysAddr(4 * MIB), PhysAddr(5 * MIB));

/// A machine of one core, which refuses one request.
#[derive(Default)]
struct Gate {
    /// How many requests come before that.
    left: Cell<Option<u64>>,
    asked: Cell<Option<Asked>>,
    /// How often other cores were to be held.
    held: Cell<u64>,
    /// How often memory was filled with zeros.
    zeroed: Cell<u64>,
    is_handler: Cell<bool>,
}

impl CpuLocal for Gate {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work((!self.is_handler.get()).then_some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        self.held.set(self.held.get() + 1);
        true
    }

    fn admits(&self, asked: &Asked) -> bool {
        self.asked.set(Some(*asked));
        let left = self.left.get();
        self.left.set(left.and_then(|left| left.checked_sub(1)));
        left != Some(0)
    }
}

impl Zero for &Gate {
    fn zero(&self, _: PhysRange) {
        self.zeroed.set(self.zeroed.get() + 1);
    }
}

impl Gate {
    /// Refuses the next request.
    fn close(&self) {
        self.left.set(Some(0));
    }
}

type Allocator<'f> = FrameAllocator<'f, &'f Gate>;

/// The first 4 MiB of 5, with so many caches.
fn with_gate(caches: usize, work: impl FnOnce(&Allocator<'_>, &Gate)) {
    let ram = ram(&[(0, 5 * MIB)]);
    let mut free = ram;
    free.subtract(LATE).unwrap();
    let (gate, one, mut memory) = (Gate::default(), [CoreCache::new()], Memory::of(&ram));
    let frames = FrameAllocator::new(&ram, &free, memory.storage(), &one[..caches], &gate).unwrap();
    work(&frames, &gate);
}

/// Does a call that asks for so many frames, while one core is there and while none is: refused, and again.
fn refused_and_repeated<T: std::fmt::Debug + PartialEq, E: std::fmt::Debug + PartialEq + From<Asked>>(
    wanted: u64,
    call: impl Fn(&Allocator<'_>) -> Result<T, E>,
) {
    for (caches, is_handler) in [(0, false), (1, false), (1, true)] {
        with_gate(caches, |frames, gate| {
            let block = frames.alloc_at(PhysAddr(MIB), Order::FRAME, ME).unwrap();
            gate.is_handler.set(is_handler);
            let before = digest(frames, &ram(&[(0, 5 * MIB)]));
            gate.close();
            let core = (!is_handler).then_some(Core::new(0));
            let Err(refused) = call(frames) else { panic!("admitted") };
            let asked = gate.asked.get().unwrap();
            assert_eq!((asked.frames, asked.core, gate.left.get()), (wanted, core, None));
            assert_eq!(refused, E::from(asked));
            assert_eq!(digest(frames, &ram(&[(0, 5 * MIB)])), before, "{asked}");
            assert!(call(frames).is_ok(), "{asked}");
            check(frames);
            assert_eq!(frames.state(block), frames.state(PhysAddr(MIB)));
        });
    }
}

#[test]
fn each_form_of_allocation_that_is_refused_changes_nothing() {
    for order in Order::all().take(10).step_by(scaled(1, 10)) {
        let request = Request::order(order).owned_by(ME);
        refused_and_repeated(order.frames(), |frames| frames.alloc(request));
        refused_and_repeated(order.frames(), |frames| frames.alloc(request.dma32()));
        refused_and_repeated(order.frames(), |frames| frames.alloc_at(PhysAddr(2 * MIB), order, ME));
    }
    for &count in scaled::<&[_]>(&[3, 100, 500], &[100]) {
        refused_and_repeated(count, |frames| frames.alloc(Request::frames(count)));
        refused_and_repeated(count, |frames| frames.alloc_zeroed(Request::frames(count)));
    }
}

#[test]
fn a_block_whose_growth_is_refused_keeps_its_size() {
    for &count in scaled::<&[_]>(&[2, 3, 100, 256], &[256]) {
        refused_and_repeated(count - 1, |frames| frames.resize(PhysAddr(MIB), count));
    }
}

#[test]
fn memory_whose_adding_is_refused_stays_reserved() {
    refused_and_repeated(256, |frames| frames.add(LATE));
}

#[test]
fn where_no_reason_is_told_nothing_is_handed_out() {
    for caches in [0, 1] {
        with_gate(caches, |frames, gate| {
            let before = frames.free();
            gate.close();
            assert_eq!((frames.alloc_frame(), frames.free()), (None, before));
            gate.close();
            assert_eq!((frames.alloc_frames(Order::MIB_2), frames.free()), (None, before));
            gate.close();
            assert!(frames.alloc_zeroed(Request::frames(1)).is_err());
            assert_eq!(gate.zeroed.get(), 0, "nobody's memory");
            assert!(frames.alloc_frame().is_some() && frames.alloc_frames(Order::MIB_2).is_some());
        });
    }
}

/// In chunks of 64; what is refused ends it.
#[test]
fn a_bulk_that_is_refused_at_any_point_keeps_what_it_got() {
    const WANTED: usize = scaled(200, 70);
    for (caches, refused) in (0..2).flat_map(|caches| (0..scaled(5, 3)).map(move |refused| (caches, refused)))
    {
        with_gate(caches, |frames, gate| {
            let total = frames.free().total();
            let mut places = [PhysAddr(u64::MAX); WANTED];
            gate.left.set(Some(refused));
            let got = frames.alloc_bulk(Order::FRAME, ME, &mut places);
            assert_eq!(got, WANTED.min(64 * refused as usize));
            assert!(places[got..].iter().all(|place| *place == PhysAddr(u64::MAX)), "the rest is untouched");
            check(frames);
            assert_eq!(frames.free().total(), total - got as u64);
            gate.left.set(None);
            let rest = frames.alloc_bulk(Order::FRAME, ME, &mut places[got..]);
            assert_eq!(got + rest, WANTED);
            places.iter().for_each(|&place| assert_eq!(frames.free_frame(place), Ok(1)));
            assert_eq!(frames.free().total(), total);
        });
    }
}

#[test]
fn a_bulk_asks_for_the_frames_of_a_chunk_at_once() {
    with_gate(0, |frames, gate| {
        let order = Order::new(3).unwrap();
        let mut places = [PhysAddr(0); 5];
        assert_eq!(frames.alloc_bulk(order, ME, &mut places), 5);
        assert_eq!(gate.asked.get().unwrap().frames, 40);
    });
}

#[test]
fn no_cache_is_emptied_for_what_is_refused() {
    with_gate(1, |frames, gate| {
        let places = [0; 3].map(|_| frames.alloc_frame().unwrap());
        places.iter().for_each(|&place| assert_eq!(frames.free_frame(place), Ok(1)));
        let before = frames.free();
        assert!(before.cached() > 0);
        gate.close();
        assert!(matches!(frames.alloc(Request::order(Order::MAX)), Err(AllocError::Refused(_))));
        assert_eq!((frames.free(), gate.held.get()), (before, 0));
        // Admitted it empties all of them, in vain.
        assert!(matches!(frames.alloc(Request::order(Order::MAX)), Err(AllocError::OutOfMemory(_))));
        assert_ne!(frames.free(), before);
    });
}

#[test]
fn what_comes_from_a_cache_or_is_given_back_is_not_asked_about() {
    with_gate(1, |frames, gate| {
        let first = frames.alloc_frame().unwrap();
        assert!(frames.free().cached() > 0);
        let block = frames.alloc(Request::frames(100)).unwrap();
        gate.asked.set(None);
        let second = frames.alloc_frame().unwrap();
        assert_eq!((frames.free_frame(first), frames.free_frame(second)), (Ok(1), Ok(1)));
        assert_eq!((frames.resize(block, 100), frames.resize(block, 50)), (Ok(100), Ok(100)));
        assert_eq!(frames.free_frame(block), Ok(50));
        frames.drain_all();
        assert_eq!(gate.asked.get(), None);
    });
}

/// What can never be is told as what it is, and not asked about.
#[test]
fn a_wrong_request_is_wrong_also_where_all_are_refused() {
    with_gate(1, |frames, gate| {
        let block = frames.alloc_at(PhysAddr(MIB), Order::FRAME, ME).unwrap();
        gate.asked.set(None);
        gate.close();
        assert_eq!(frames.alloc(Request::frames(0)), Err(AllocError::BadSize { frames: 0 }));
        assert!(matches!(frames.alloc_at(block, Order::FRAME, ME), Err(AllocError::NotFree { .. })));
        assert!(matches!(frames.alloc_at(PhysAddr(1), Order::FRAME, ME), Err(AllocError::Misaligned { .. })));
        assert_eq!(frames.resize(block, 0), Err(ResizeError::BadSize { frames: 0 }));
        assert!(matches!(frames.resize(PhysAddr(2 * MIB), 3), Err(ResizeError::NotAllocated(_))));
        assert_eq!(gate.asked.get(), None);
    });
}

/// A day of calls on two cores in turn, of which as many are refused as is told.
fn day(frames: &FrameAllocator<'_, Cores>) -> u64 {
    let (mut held, mut refused) = (Vec::new(), 0);
    for number in 0..scaled(90_u64, 12) {
        on_core((number % 2) as u8);
        let request = Request::frames(number * number % 13 + 1).owned_by(ME);
        match frames.alloc(request) {
            Ok(start) => held.push(start),
            Err(AllocError::Refused(_)) => {
                refused += 1;
                held.push(frames.alloc(request).unwrap());
            }
            Err(error) => panic!("{error}"),
        }
        if number % 3 > 0 {
            let block = held.swap_remove((number * 7) as usize % held.len());
            frames.free_frame(block).unwrap();
        }
    }
    check(frames);
    for block in held {
        frames.free_frame(block).unwrap();
    }
    refused
}

#[test]
fn each_of_many_requests_can_be_the_one_that_is_refused() {
    let (ram, two) = (ram(&[(0, 4 * MIB)]), [CoreCache::new(), CoreCache::new()]);
    for caches in [0, 2] {
        let mut memory = Memory::of(&ram);
        let frames =
            FrameAllocator::new(&ram, &ram, memory.storage(), &two[..caches], Cores::new(2)).unwrap();
        let mut refusals = 0;
        loop {
            refuse_after(Some(refusals));
            let refused = day(&frames);
            assert_eq!(refuse_after(None), refused == 0);
            frames.drain_all();
            check(&frames);
            assert_eq!(frames.free().blocks(ZoneKind::Dma32, Order::new(10).unwrap()), 1);
            if refused == 0 {
                break;
            }
            refusals += refused;
        }
        println!("{refusals} refusals with {caches} caches");
        assert!(refusals > scaled(20, 3));
    }
}

#[test]
fn a_refusal_says_what_was_wanted_and_where() {
    with_gate(0, |frames, gate| {
        gate.close();
        let error = frames.alloc(Request::frames(3)).unwrap_err();
        assert_eq!(error.to_string(), "3 frames were refused on core 0");
        gate.is_handler.set(true);
        gate.close();
        let error = frames.add(range(4 * MIB, 4 * MIB + FRAME_SIZE)).unwrap_err();
        assert!(matches!(error, AddError::Refused(Asked { frames: 1, core: None, .. })));
        assert_eq!(error.to_string(), "1 frames were refused, where no core is pinned");
    });
}
