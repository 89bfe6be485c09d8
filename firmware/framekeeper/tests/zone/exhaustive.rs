//! Every sequence of operations on a zone of sixteen frames, up to a depth, against the model.

use crate::{
    ground::{map_memory, ram, zone},
    model::Model,
};
use framekeeper::{FRAME_SIZE, FrameMap, Order, Owner, PhysAddr};
use std::collections::HashSet;

const FRAMES: usize = 16;
const DEPTH: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(u8),
    TakeThree,
    Give(usize),
}

fn steps() -> impl Iterator<Item = Step> {
    (0..=4).map(Step::Take).chain([Step::TakeThree]).chain((0..FRAMES).map(Step::Give))
}

/// Runs `path` on a new zone; says what the model is then.
fn run(path: &[Step]) -> Model {
    let ram = ram(&[(0, FRAMES as u64 * FRAME_SIZE)]);
    let memory = map_memory(&ram);
    let map = FrameMap::new(&ram, &memory).unwrap();
    let mut zone = zone(&map, &ram);
    let mut model = Model(vec![None; FRAMES]);
    for step in path {
        let (taken, size) = match *step {
            Step::Take(order) => (zone.take(Order::new(order).unwrap(), Owner(1)), 1 << order),
            Step::TakeThree => (zone.take_frames(3, Owner(1)), 3),
            Step::Give(frame) => {
                let given = zone.give(PhysAddr(frame as u64 * FRAME_SIZE));
                assert_eq!(given.ok().map(|frames| frames as usize), model.give(frame), "{path:?}");
                continue;
            }
        };
        let needed = if size == 3 { 4 } else { size };
        assert_eq!(taken.is_ok(), model.can_take(needed), "{path:?}");
        if let Ok(head) = taken {
            model.take(head.number() as usize, size);
        }
    }
    assert_eq!(zone.verify(), Ok(()), "{path:?}");
    let free = model.0.iter().filter(|frame| frame.is_none()).count();
    assert_eq!(zone.free_frames(), free as u64, "{path:?}");
    model
}

/// Depth first would repeat itself: paths that lead to the same model are followed once, from the first one found.
/// That the lists may differ between them is what the random test is for.
#[test]
fn every_sequence_on_sixteen_frames_does_what_the_model_does() {
    let mut frontier = vec![Vec::new()];
    let mut seen = HashSet::new();
    let mut runs = 0_u64;
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for path in &frontier {
            for step in steps() {
                let longer = [path.as_slice(), &[step]].concat();
                runs += 1;
                if seen.insert(run(&longer).0) {
                    next.push(longer);
                }
            }
        }
        frontier = next;
    }
    println!("{runs} sequences, {} states", seen.len());
    assert!(runs > 10_000, "{runs} sequences are not all");
}
