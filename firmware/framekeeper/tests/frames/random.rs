//! Random steps, against the model.

use crate::{
    ground::{ram, scaled, with_cache, with_zones},
    model::{Model, Step, agree, same},
};
use framekeeper::{CpuLocal, FRAME_SIZE, FrameAllocator, PhysAddr};
use proptest::prelude::*;

const FRAMES: usize = scaled(2048, 512);

/// Sequences, and steps of each at most; less under Miri, which wants `-Zmiri-disable-isolation` for proptest.
const CASES: u32 = scaled(64, 2);
const STEPS: usize = scaled(150, 10);

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..=10u8).prop_map(Step::Take),
        2 => (1..1100u64).prop_map(Step::TakeFrames),
        1 => (0..=9u8, 0..FRAMES).prop_map(|(order, end)| Step::TakeBelow(order, end)),
        1 => (0..FRAMES, 0..=10u8).prop_map(|(frame, order)| Step::TakeAt(frame, order)),
        2 => (0..FRAMES / 64, 0..1100u64).prop_map(|(part, size)| Step::Resize(part * 64, size)),
        2 => (0..FRAMES / 512, 0..2100u64).prop_map(|(area, size)| Step::Resize(area * 512, size)),
        6 => (0..FRAMES).prop_map(Step::Give),
        6 => (0..FRAMES / 512).prop_map(|area| Step::Give(area * 512)),
    ]
}

fn run<C: CpuLocal>(frames: &FrameAllocator<'_, C>, steps: Vec<Step>) {
    let before = frames.free();
    let mut model = Model(vec![None; FRAMES]);
    for step in steps {
        same(frames, &mut model, step);
        agree(frames, &model);
    }
    frames.verify().unwrap();
    for frame in 0..FRAMES {
        if model.give(frame).is_some() {
            frames.free_frame(PhysAddr(frame as u64 * FRAME_SIZE)).unwrap();
        }
    }
    frames.drain();
    assert_eq!(frames.free(), before, "all came back, and all was joined");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_zones_do_what_the_model_does(steps in prop::collection::vec(step(), 0..STEPS)) {
        let ram = ram(&[(0, FRAMES as u64 * FRAME_SIZE)]);
        with_zones(&ram, &ram, |frames| run(frames, steps));
    }

    #[test]
    fn with_a_cache_in_front_they_do_so_too(steps in prop::collection::vec(step(), 0..STEPS)) {
        let ram = ram(&[(0, FRAMES as u64 * FRAME_SIZE)]);
        with_cache(&ram, &ram, |frames| run(frames, steps));
    }
}
