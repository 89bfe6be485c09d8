//! M17: used before it has memory, told of its memory twice, and memory that is added twice.

use framekeeper::{
    AddError, CoreCache, FRAME_SIZE, Frame, FrameAllocator, OneCore, PhysAddr, PhysRange, State, Storage,
    heap::{Heap, HeapError, InitError},
    slabs::{Hardening, HasSlabs, Misuse, ObjectAddr, Pools, Setup, Standard},
};

use super::{
    cell::{Outcome, Trial, measure},
    cpu::OneThread,
    memory,
    promises::Event,
    scene::Scene,
};
use crate::{
    Machine,
    arena::{BLOCKS, SECRET, SLABS, Window, ram},
};

struct Beginnings;

/// For a heap that is refused before it looks at them.
static POOLS: Pools = Pools::new();

/// Used before it has memory, told of its memory twice, and memory that is added twice.
pub fn m17_beginnings<M: Machine>(machine: &M) {
    measure::<M, Beginnings>(machine);
}

impl Trial for Beginnings {
    const ID: &'static str = "M17";

    fn object<M: Machine, H: Hardening>(_: &M, scene: &mut Scene<'_, '_, H>) -> Outcome {
        let setup = Setup {
            memory: scene.arena.window,
            pools: &POOLS,
            magazines: &[],
            owner: SLABS,
            secret: SECRET,
            hook: None,
            sites: None,
        };
        let heap = Heap::<OneThread, Window, H>::new();
        match scene.dice.below(4) {
            0 => before_it_has_memory(scene, &heap),
            1 => scene.same(scene.arena.heap.init(scene.arena.frames, setup, BLOCKS), Err(InitError::Twice)),
            2 => {
                let told = heap.init(scene.arena.frames, setup, BLOCKS);
                scene.same(told, Err(InitError::HasSlabs(HasSlabs { owner: SLABS })));
                scene.same(heap.slabs().err(), Some(HeapError::NotReady));
            }
            _ => {
                let told = heap.init(scene.arena.frames, setup, SLABS);
                scene.same(told, Err(InitError::OneOwner { owner: SLABS }));
                scene.same(heap.slabs().err(), Some(HeapError::NotReady));
            }
        }
        Outcome::at(Event::Call)
    }

    fn block<M: Machine>(_: &M, scene: &mut Scene<'_, '_, Standard>) -> Outcome {
        match scene.dice.below(4) {
            0 => without_room_for_the_map(scene),
            _ => added_twice(scene),
        }
        Outcome::at(Event::Call)
    }
}

fn before_it_has_memory<H: Hardening>(scene: &mut Scene<'_, '_, H>, heap: &Heap<'_, OneThread, Window, H>) {
    let layout = scene.layout();
    scene.same(heap.alloc(layout), Err(HeapError::NotReady));
    scene.says(&HeapError::NotReady, "the heap has no memory yet");
    let piece = scene.take(layout);
    let address = ObjectAddr(piece.start.as_ptr().addr());
    let refused = memory::free_to_heap(heap, piece.start, layout);
    scene.same(refused, Err(Misuse::Foreign { address, found: State::Hole }));
    scene.same((heap.usage().total(), heap.shrink()), (0, false));
    scene.give(piece);
}

/// A range in which, somewhere, there is memory that was added already, or none at all.
fn added_twice(scene: &mut Scene<'_, '_, Standard>) {
    let first = a_frame_that_is_not_reserved(scene);
    let before = scene.arena.frames.free();
    let (in_front, behind) = (scene.dice.below(4), scene.dice.below(4));
    let range = PhysRange::new(
        PhysAddr(first.0.saturating_sub(in_front * FRAME_SIZE)),
        PhysAddr(first.0 + (1 + behind) * FRAME_SIZE),
    );
    let frames = (0..range.size() / FRAME_SIZE).map(|frame| PhysAddr(range.start().0 + frame * FRAME_SIZE));
    let wrong = frames.into_iter().find(|&frame| scene.arena.frames.state(frame) != State::Reserved);
    let Some(wrong) = wrong else { scene.broken(format_args!("{first} was not reserved")) };
    let found = scene.arena.frames.state(wrong);
    let error = AddError::NotReserved { range, frame: Frame::containing(wrong), found };
    scene.same(scene.arena.frames.add(range), Err(error));
    scene.same(scene.arena.frames.free(), before);
}

fn a_frame_that_is_not_reserved(scene: &mut Scene<'_, '_, Standard>) -> PhysAddr {
    match scene.dice.below(3) {
        0 => scene.free_frame(),
        1 => PhysAddr(scene.dice.below(1 << 30) & !(FRAME_SIZE - 1)),
        _ => {
            let block = scene.take_block();
            scene.blocks.push(block);
            block
        }
    }
}

fn without_room_for_the_map(scene: &Scene<'_, '_, Standard>) {
    let ((ram, free), caches) = (ram(), [CoreCache::new()]);
    let storage = Storage { words: &mut [], index: &mut [] };
    let refused = FrameAllocator::new(&ram, &free, storage, &caches, OneCore);
    scene.same(refused.is_err(), true);
    let nothing = framekeeper::RegionSet::<4>::new();
    let storage = Storage { words: &mut [], index: &mut [] };
    scene.same(FrameAllocator::new(&nothing, &nothing, storage, &caches, OneCore).is_err(), true);
}
