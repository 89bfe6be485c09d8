//! Against a model that is too simple to be wrong: one entry for each frame.

use crate::ground::{digest, map_memory, ram, zone};
use framekeeper::{FRAME_SIZE, FrameMap, Order, Owner, PhysAddr, State};
use proptest::prelude::*;

const FRAMES: usize = 256;

/// Whose each frame is: the start and size of the block it belongs to, or `None` if it is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model(pub(crate) Vec<Option<(usize, usize)>>);

impl Model {
    /// Whether some aligned run of so many frames is free: then taking one must not fail.
    pub(crate) fn can_take(&self, size: usize) -> bool {
        self.0.chunks_exact(size).any(|run| run.iter().all(Option::is_none))
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

#[derive(Clone, Debug)]
enum Step {
    Take(u8),
    TakeFrames(u64),
    TakeAt(usize, u8),
    Give(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..=6u8).prop_map(Step::Take),
        2 => (1..40u64).prop_map(Step::TakeFrames),
        1 => (0..FRAMES, 0..=4u8).prop_map(|(frame, order)| Step::TakeAt(frame, order)),
        6 => (0..FRAMES).prop_map(Step::Give),
    ]
}

proptest! {
    #[test]
    fn a_zone_does_what_the_model_does(steps in prop::collection::vec(step(), 0..200)) {
        let ram = ram(&[(0, FRAMES as u64 * FRAME_SIZE)]);
        let memory = map_memory(&ram);
        let map = FrameMap::new(&ram, &memory).unwrap();
        let mut zone = zone(&map, &ram);
        let before = digest(&zone);
        let mut model = Model(vec![None; FRAMES]);
        for step in steps {
            match step {
                Step::Take(order) => {
                    let order = Order::new(order).unwrap();
                    let size = order.frames() as usize;
                    let can = model.can_take(size);
                    let taken = zone.take(order, Owner(7));
                    prop_assert_eq!(taken.is_ok(), can);
                    taken.iter().for_each(|head| model.take(head.number() as usize, size));
                }
                Step::TakeFrames(frames) => {
                    let can = model.can_take(frames.next_power_of_two() as usize);
                    let taken = zone.take_frames(frames, Owner(8));
                    prop_assert_eq!(taken.is_ok(), can);
                    taken.iter().for_each(|head| model.take(head.number() as usize, frames as usize));
                }
                Step::TakeAt(frame, order) => {
                    let order = Order::new(order).unwrap();
                    let size = order.frames() as usize;
                    let can = frame % size == 0 && frame + size <= FRAMES && model.0[frame..frame + size].iter().all(Option::is_none);
                    let taken = zone.take_at(PhysAddr(frame as u64 * FRAME_SIZE), order, Owner(9));
                    prop_assert_eq!(taken.is_ok(), can);
                    taken.iter().for_each(|head| model.take(head.number() as usize, size));
                }
                Step::Give(frame) => {
                    let given = zone.give(PhysAddr(frame as u64 * FRAME_SIZE));
                    prop_assert_eq!(given.ok().map(|frames| frames as usize), model.give(frame));
                }
            }
            prop_assert_eq!(zone.verify(), Ok(()));
            for (frame, owned) in model.0.iter().enumerate() {
                let state = map.state(PhysAddr(frame as u64 * FRAME_SIZE));
                let seen = match state {
                    State::Allocated { head, frames, .. } => Some((head.number() as usize, frames as usize)),
                    State::Free { .. } => None,
                    State::Hole | State::Reserved => panic!("frame {frame} is {state:?}"),
                };
                prop_assert_eq!(seen, *owned);
            }
        }
        for frame in 0..FRAMES {
            if model.give(frame).is_some() {
                zone.give(PhysAddr(frame as u64 * FRAME_SIZE)).unwrap();
            }
        }
        prop_assert_eq!(digest(&zone), before, "all came back, and all was joined");
    }
}
