//! Free memory that is watched: what was written to is not handed out by any call, and what was not is never reported.

#![expect(unsafe_code, reason = "writes to memory that was given back")]

use std::{
    alloc::Layout,
    cell::{Cell, RefCell},
    mem,
    ptr::NonNull,
    thread,
};

use crate::{
    crowd::{Cores, in_handler, on_core},
    ground::{Dice, MIB, Memory, Ram, ram, range, scaled},
};
use framekeeper::{
    AllocError, Asked, Core, CoreCache, CpuLocal, FRAME_SIZE, FrameAllocator, OneCore, Order, Owner,
    PhysAddr, PhysRange, Poisoned, Request, ResizeError, State, Uncached, Watch, WrittenAfterFree, Zero,
    heap::Heap,
    slabs::{DirectMap, Magazines, Pools, Setup},
};

const START: u64 = 0x8000_0000;
const SIZE: u64 = scaled(4 * MIB, MIB / 8);
const KEEPER: Owner = Owner::new(200);
const OTHERS: Owner = Owner::new(5);
const SECRET: u64 = 0x0ddb_a115_5eed_0001;

thread_local! {
    static TOLD: RefCell<Vec<WrittenAfterFree>> = const { RefCell::new(Vec::new()) };
}

fn told() -> Vec<WrittenAfterFree> {
    TOLD.take()
}

/// RAM from `START` on.
#[derive(Clone, Copy)]
struct Mapped(NonNull<u64>);

// SAFETY: the words live as long as the test, begin at a multiple of 64 KiB, and are the allocator's alone.
unsafe impl DirectMap for Mapped {
    fn pointer(&self, address: PhysAddr) -> NonNull<u8> {
        NonNull::new(self.0.as_ptr().wrapping_byte_add((address.0 - START) as usize).cast()).unwrap()
    }

    fn address(&self, pointer: NonNull<u8>) -> PhysAddr {
        PhysAddr(START + (pointer.as_ptr().addr() - self.0.as_ptr().addr()) as u64)
    }
}

// SAFETY: an address; who has the memory there, the allocator says.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn byte(self, address: u64) -> *mut u8 {
        self.pointer(PhysAddr(address)).as_ptr()
    }

    fn turn(self, address: u64, bits: u8) {
        // SAFETY: RAM, which the allocator has written, and nobody else has a reference to.
        unsafe { *self.byte(address) ^= bits };
    }

    /// Fills a block as its owner.
    fn fill(self, start: PhysAddr, frames: u64, word: impl Fn(u64) -> u64) {
        for address in (start.0..start.0 + frames * FRAME_SIZE).step_by(8) {
            // SAFETY: whoever has the block may write to it.
            unsafe { self.byte(address).cast::<u64>().write(word(address)) };
        }
    }
}

type Watched<'a, C> = FrameAllocator<'a, Poisoned<C, Mapped>>;

fn verified<C: CpuLocal>(frames: &Watched<'_, C>) -> Result<(), WrittenAfterFree> {
    // SAFETY: these tests take and give back nothing meanwhile.
    unsafe { frames.verify_contents() }
}

fn with<C: CpuLocal>(cpu: C, free: &Ram, work: impl for<'a> FnOnce(&'a Watched<'a, C>, Mapped)) {
    with_caches(cpu, &[CoreCache::new()], free, work);
}

fn with_caches<C: CpuLocal>(
    cpu: C,
    caches: &[CoreCache],
    free: &Ram,
    work: impl for<'a> FnOnce(&'a Watched<'a, C>, Mapped),
) {
    let ram = ram(&[(START, START + SIZE)]);
    let layout = Layout::from_size_align(SIZE as usize, 1 << 16).unwrap();
    // SAFETY: not of no bytes.
    let memory = NonNull::new(unsafe { std::alloc::alloc(layout) }).unwrap();
    let mapped = Mapped(memory.cast());
    let watch = Watch {
        memory: mapped,
        secret: SECRET,
        keeper: KEEPER,
        hook: |written| TOLD.with_borrow_mut(|told| told.push(written)),
    };
    let mut words = Memory::of(&ram);
    // SAFETY: only this allocator uses the memory.
    let cpu = unsafe { Poisoned::new(cpu, watch) };
    let frames = FrameAllocator::new(&ram, free, words.storage(), caches, cpu).unwrap();
    verified(&frames).unwrap();
    work(&frames, mapped);
    frames.verify().unwrap();
    // SAFETY: as it was allocated, and nobody uses it any more.
    unsafe { std::alloc::dealloc(memory.as_ptr(), layout) };
}

fn all() -> Ram {
    ram(&[(START, START + SIZE)])
}

/// A way to ask for one or more frames; the block that it was handed.
type Ask<C> = fn(&Watched<'_, C>) -> Option<PhysAddr>;

fn ways<C: CpuLocal>() -> [(&'static str, Ask<C>); 6] {
    [
        ("a frame", |frames| frames.alloc_frame()),
        ("a block of an order", |frames| frames.alloc_frames(Order::new(2).unwrap())),
        ("just so many", |frames| frames.alloc(Request::frames(3).owned_by(OTHERS)).ok()),
        ("below an address", |frames| frames.alloc(Request::frames(1).below(PhysAddr(START + SIZE))).ok()),
        ("some at once", |frames| {
            let mut places = [PhysAddr(0); 7];
            let count = frames.alloc_bulk(Order::FRAME, OTHERS, &mut places);
            // The last, so that all before it are out as well.
            places[..count].last().copied()
        }),
        ("larger ones at once", |frames| {
            let mut places = [PhysAddr(0); 3];
            let count = frames.alloc_bulk(Order::new(1).unwrap(), OTHERS, &mut places);
            places[..count].last().copied()
        }),
    ]
}

/// Whatever is asked for in whatever way until there is no more: one written block stays with its keeper, and is told once.
fn nobody_is_handed_it<C: CpuLocal>(cpu: impl Fn() -> C) {
    let free = ram(&[(START + SIZE - scaled(SIZE, SIZE / 2), START + SIZE)]);
    for (name, ask) in ways::<C>() {
        with(cpu(), &free, |frames, mapped| {
            assert!(ask(frames).is_some(), "{name}");
            frames.drain_all();
            let address = START + SIZE - 5 * FRAME_SIZE + 13;
            assert!(matches!(frames.state(PhysAddr(address)), State::Free { .. }), "{name}");
            mapped.turn(address, 0x40);
            let written = verified(frames).unwrap_err();
            while ask(frames).is_some() {}
            assert_eq!(told(), [written], "{name}");
            let State::Allocated { head, frames: kept, owner: KEEPER } = frames.state(PhysAddr(address))
            else {
                panic!("{name}: {:?}", frames.state(PhysAddr(address)));
            };
            assert_eq!(frames.owners().frames(KEEPER), kept, "{name}");
            assert_eq!(verified(frames), Ok(()), "{name}");
            assert_eq!(frames.free_frame(head.start()), Ok(kept), "{name}: its keeper may give it back");
            assert!(ask(frames).is_some() || kept < 4, "{name}: and it is as good as any");
            assert_eq!(told(), [], "{name}");
        });
    }
}

#[test]
fn m10_what_was_written_to_is_not_handed_out_by_the_zones() {
    nobody_is_handed_it(|| Uncached);
}

#[test]
fn m10_what_was_written_to_is_not_handed_out_by_the_caches() {
    nobody_is_handed_it(|| OneCore);
}

/// In a core's cache.
#[test]
fn m10_what_was_written_to_in_a_cache_is_not_handed_out() {
    with(OneCore, &all(), |frames, mapped| {
        let (one, other) = (frames.alloc_frame().unwrap(), frames.alloc_frame().unwrap());
        frames.free_frame(one).unwrap();
        frames.free_frame(other).unwrap();
        assert!(matches!(frames.state(other), State::Cached { .. }));
        mapped.turn(other.0 + 4095, 1);
        while let Some(frame) = frames.alloc_frame() {
            assert_ne!(frame, other);
        }
        let [written] = told().try_into().unwrap();
        let left = (other.0 + 4088) ^ SECRET;
        let address = PhysAddr(other.0 + 4088);
        assert_eq!(written, WrittenAfterFree { address, found: left ^ 1 << 56, left });
        assert_eq!(
            written.to_string(),
            format!(
                "{address} was written to after it was given back: it is {:#x}, and was left as {left:#x}",
                left ^ 1 << 56
            )
        );
        assert_eq!(frames.owners().frames(KEEPER), 1);
    });
}

#[test]
fn m10_what_was_written_to_is_not_handed_out_by_its_address() {
    with(Uncached, &all(), |frames, mapped| {
        let address = PhysAddr(START + 16 * FRAME_SIZE);
        mapped.turn(address.0 + FRAME_SIZE, 8);
        let taken = frames.alloc_at(address, Order::new(1).unwrap(), OTHERS);
        let found = frames.state(address);
        assert!(matches!(found, State::Allocated { frames: 2, owner: KEEPER, .. }), "{found:?}");
        assert_eq!(taken, Err(AllocError::NotFree { address, found }));
        assert_eq!(told().len(), 1);
    });
}

#[test]
fn m10_no_block_grows_into_what_was_written_to() {
    with(Uncached, &all(), |frames, mapped| {
        let block = frames.alloc_at(PhysAddr(START), Order::FRAME, OTHERS).unwrap();
        let address = PhysAddr(START + 4 * FRAME_SIZE);
        mapped.turn(address.0, 8);
        let free = frames.free().total();
        let Err(ResizeError::NotFree { address: at, found }) = frames.resize(block, 8) else {
            panic!("it grew");
        };
        assert_eq!((at, told().len()), (address, 1));
        assert!(matches!(found, State::Allocated { owner: KEEPER, .. }), "{found:?}");
        assert_eq!(frames.resize(block, 4), Ok(1), "what lies before it is as it was");
        assert_eq!(frames.free().total(), free - 3 - frames.owners().frames(KEEPER));
        assert_eq!(verified(frames), Ok(()));
    });
}

#[test]
fn memory_that_is_added_is_watched_too() {
    let half = ram(&[(START, START + SIZE / 2)]);
    with(Uncached, &half, |frames, mapped| {
        let last = START + SIZE - FRAME_SIZE;
        frames.add(range(START + SIZE / 2, START + SIZE)).unwrap();
        assert_eq!(verified(frames), Ok(()));
        mapped.turn(last, 1);
        assert_eq!(verified(frames).unwrap_err().address, PhysAddr(last));
    });
}

/// What a block loses when it becomes smaller is watched from then on.
#[test]
fn the_end_of_a_block_that_became_smaller_is_watched() {
    with(OneCore, &all(), |frames, mapped| {
        let block = frames.alloc(Request::frames(8)).unwrap();
        mapped.fill(block, 8, |_| 7);
        assert_eq!(frames.resize(block, 3), Ok(8));
        assert_eq!(verified(frames), Ok(()));
        mapped.turn(block.0 + 3 * FRAME_SIZE, 1);
        assert_eq!(verified(frames).unwrap_err().address, PhysAddr(block.0 + 3 * FRAME_SIZE));
    });
}

/// Any byte of anything that is free, in as many states.
#[test]
#[cfg_attr(miri, ignore = "goes the ways of the others, for many minutes")]
fn m10_each_written_byte_is_found() {
    with(OneCore, &all(), |frames, mapped| {
        let (mut dice, mut held) = (Dice::new(3), Vec::new());
        let mut found = 0;
        while found < 10_000 {
            stir(frames, mapped, &mut dice, &mut held);
            let address = START + dice.below(SIZE);
            let state = frames.state(PhysAddr(address));
            if !matches!(state, State::Free { .. } | State::Cached { .. }) {
                continue;
            }
            let bits = 1 + dice.below(255) as u8;
            mapped.turn(address, bits);
            let frame = PhysAddr(address & !(FRAME_SIZE - 1));
            let at_rest = found % 64 == 0;
            let look = if at_rest { verified(frames) } else { Err(ask_for(frames, frame)) };
            assert_eq!(look.unwrap_err().address, PhysAddr(address & !7), "{state:?}");
            if at_rest {
                mapped.turn(address, bits);
            }
            found += 1;
        }
    });
}

/// What is told when somebody asks for just this frame.
fn ask_for(frames: &Watched<'_, OneCore>, frame: PhysAddr) -> WrittenAfterFree {
    frames.drain_all();
    assert!(frames.alloc_at(frame, Order::FRAME, OTHERS).is_err());
    assert_eq!(frames.free_frame(frame), Ok(1), "its keeper's");
    let [written] = told().try_into().unwrap();
    written
}

fn stir<C: CpuLocal>(
    frames: &Watched<'_, C>,
    mapped: Mapped,
    dice: &mut Dice,
    held: &mut Vec<(PhysAddr, u64)>,
) {
    for _ in 0..1 + dice.below(4) {
        let most = if dice.below(3) == 0 { 20 } else { 1 };
        let size = 1 + dice.below(most);
        if held.len() < 40 && dice.below(2) == 0 {
            let Ok(block) = frames.alloc(Request::frames(size)) else { continue };
            // What free memory holds, here and elsewhere.
            let away = [0, FRAME_SIZE, 8][dice.below(3) as usize];
            mapped.fill(block, size, |address| address.wrapping_add(away) ^ SECRET);
            held.push((block, size));
        } else if !held.is_empty() {
            let (block, _) = held.swap_remove(dice.below(held.len() as u64) as usize);
            frames.free_frame(block).unwrap();
        }
    }
}

#[test]
fn m22_legal_use_is_never_reported() {
    with(OneCore, &all(), |frames, mapped| {
        let (mut dice, mut held) = (Dice::new(4), Vec::new());
        for _ in 0..scaled(20_000, 10) {
            stir(frames, mapped, &mut dice, &mut held);
        }
        assert_eq!(verified(frames), Ok(()));
        for (block, _) in mem::take(&mut held) {
            frames.free_frame(block).unwrap();
        }
        assert_eq!(verified(frames), Ok(()));
        assert_eq!(told(), []);
    });
}

/// Blocks of a heap and slabs come and go by ways of their own.
#[test]
fn what_a_heap_takes_and_gives_back_is_watched() {
    static POOLS: Pools = Pools::new();
    static MAGAZINES: [Magazines; 1] = [Magazines::new()];
    with(OneCore, &all(), |frames, mapped| {
        let setup = Setup {
            memory: mapped,
            pools: &POOLS,
            magazines: &MAGAZINES,
            owner: OTHERS,
            secret: 3,
            hook: None,
            sites: None,
        };
        // It is borrowed as long as the frames are; nothing in it is to be dropped.
        let heap = mem::ManuallyDrop::new(Heap::<_, _>::new());
        heap.init(frames, setup, Owner::new(6)).unwrap();
        let layouts = [16, 300, 9_000, 16_384, scaled(200_000, 20_000)]
            .map(|size| Layout::from_size_align(size, 8).unwrap());
        for _ in 0..3 {
            let pieces = layouts.map(|layout| (heap.alloc(layout).unwrap(), layout));
            for (piece, layout) in pieces {
                // SAFETY: just handed out, with so many bytes.
                unsafe { piece.write_bytes(0xa5, layout.size()) };
                // SAFETY: nobody uses it from here on.
                unsafe { heap.free(piece, layout) }.unwrap();
            }
            assert_eq!(verified(frames), Ok(()));
        }
        heap.shrink();
        assert_eq!(verified(frames), Ok(()));
    });
    assert_eq!(told(), []);
}

/// Cores that note what they are asked.
#[derive(Default)]
struct Noting {
    admits: Cell<bool>,
    held: Cell<u32>,
    freed: Cell<u64>,
    asked: Cell<u64>,
    zeroed: Cell<u64>,
}

impl CpuLocal for Noting {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        work(Some(Core::new(0)))
    }

    fn hold_others(&self, _: impl FnMut(Core)) -> bool {
        self.held.update(|held| held + 1);
        true
    }

    fn admits(&self, _: &Asked) -> bool {
        self.admits.get()
    }

    fn freed(&self, range: PhysRange) {
        self.freed.update(|freed| freed + range.size() / FRAME_SIZE);
    }

    fn usable(&self, block: PhysRange) -> Result<(), Owner> {
        self.asked.update(|asked| asked + block.size() / FRAME_SIZE);
        if self.asked.get() > 8 { Err(OTHERS) } else { Ok(()) }
    }
}

impl Zero for &Noting {
    fn zero(&self, range: PhysRange) {
        self.zeroed.update(|zeroed| zeroed + range.size());
    }
}

#[test]
fn the_cores_behind_it_are_asked_and_told_as_before() {
    let cpu = Noting::default();
    with(&cpu, &all(), |frames, _| {
        assert_eq!(cpu.freed.get(), SIZE / FRAME_SIZE);
        assert!(matches!(frames.alloc(Request::frames(2)), Err(AllocError::Refused(_))));
        cpu.admits.set(true);
        let block = frames.alloc_zeroed(Request::frames(2)).unwrap();
        assert_eq!(cpu.zeroed.get(), 2 * FRAME_SIZE);
        assert_eq!((frames.free_frame(block), cpu.freed.get()), (Ok(2), SIZE / FRAME_SIZE + 2));
        assert!(frames.drain_all() && cpu.held.get() == 1);
        let asked = cpu.asked.get();
        assert!(asked >= 2, "{asked}");
        while cpu.asked.get() + 2 <= 8 {
            assert!(frames.alloc(Request::frames(2)).is_ok());
        }
        assert!(frames.alloc_at(PhysAddr(START + SIZE / 2), Order::new(3).unwrap(), OTHERS).is_err());
        assert_eq!(frames.owners().frames(OTHERS), 8, "what its own cores do not want is whom they say");
    });
}

/// Whoever is handed a block finds it as it was left, however soon after another core gave it back, and from where.
#[test]
fn m22_what_cores_and_handlers_give_each_other_is_never_reported() {
    const CORES: u8 = 3;
    let caches = [const { CoreCache::new() }; CORES as usize];
    with_caches(Cores::new(CORES), &caches, &all(), |frames, mapped| {
        let on = |core: u8| {
            let (mut dice, mut held) = (Dice::new(core.into()), Vec::new());
            for _ in 0..scaled(5_000, 4) {
                if dice.below(4) == 0 {
                    in_handler();
                } else {
                    on_core(core);
                }
                stir(frames, mapped, &mut dice, &mut held);
            }
            on_core(core);
            held.into_iter().for_each(|(block, _)| assert!(frames.free_frame(block).is_ok()));
            assert_eq!(told(), [], "core {core}");
        };
        thread::scope(|scope| (0..CORES).for_each(|core| _ = scope.spawn(move || on(core))));
        on_core(0);
        assert_eq!(verified(frames), Ok(()));
    });
}
