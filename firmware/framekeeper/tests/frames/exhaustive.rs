//! Every sequence of operations on sixteen frames, up to a depth, against the model.

use crate::{
    ground::{digest, ram, scaled, with_cache, with_zones},
    model::{Model, Step, agree, same},
};
use framekeeper::{CpuLocal, FRAME_SIZE, FrameAllocator, Free};
use std::collections::HashMap;

const FRAMES: usize = 16;
const DEPTH: usize = scaled(6, 1);

fn steps() -> impl Iterator<Item = Step> {
    let limited = [
        Step::TakeFrames(3),
        Step::TakeBelow(0, 8),
        Step::TakeBelow(1, 7),
        Step::TakeAt(5, 0),
        Step::TakeAt(8, 2),
    ];
    let resized = [(0, 1), (0, 3), (0, 6), (0, 16), (4, 2), (4, 4), (4, 7), (5, 2), (8, 8)];
    let resized = resized.map(|(frame, size)| Step::Resize(frame, size));
    (0..=4).map(Step::Take).chain(limited).chain(resized).chain((0..FRAMES).map(Step::Give))
}

/// Runs `path` on a new allocator, and compares all that can be seen from outside.
fn run<C: CpuLocal>(frames: &FrameAllocator<'_, C>, path: &[Step]) -> Model {
    let mut model = Model(vec![None; FRAMES]);
    path.iter().for_each(|step| same(frames, &mut model, *step));
    agree(frames, &model);
    model
}

/// Paths that lead to the same model are followed once, from the first one found. Without caches that leaves nothing out:
/// what the zones are is then decided by what is handed out, which is asserted.
fn search(run: impl Fn(&[Step]) -> (Model, Option<(u64, Free)>), verify: impl Fn(&[Step])) {
    let mut frontier = vec![Vec::new()];
    let mut seen: HashMap<_, Option<(u64, Free)>> = HashMap::new();
    let mut runs = 0_u64;
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for path in &frontier {
            for step in steps().step_by(scaled(1, 4)) {
                let longer = [path.as_slice(), &[step]].concat();
                let (model, digest) = run(&longer);
                runs += 1;
                if let Some(before) = seen.get(&model.0) {
                    assert_eq!(*before, digest, "{longer:?}");
                    continue;
                }
                verify(&longer);
                seen.insert(model.0, digest);
                next.push(longer);
            }
        }
        frontier = next;
    }
    println!("{runs} sequences, {} states", seen.len());
    assert!(cfg!(miri) || runs > 10_000, "{runs} sequences are not all");
}

#[test]
fn every_sequence_on_sixteen_frames_does_what_the_model_does() {
    let ram = ram(&[(0, FRAMES as u64 * FRAME_SIZE)]);
    search(
        |path| with_zones(&ram, &ram, |frames| (run(frames, path), Some((0, frames.free())))),
        |path| with_zones(&ram, &ram, |frames| drop((run(frames, path), digest(frames, &ram)))),
    );
}

#[test]
fn every_sequence_does_so_with_a_cache_in_front() {
    let ram = ram(&[(0, FRAMES as u64 * FRAME_SIZE)]);
    search(
        |path| with_cache(&ram, &ram, |frames| (run(frames, path), None)),
        |path| with_cache(&ram, &ram, |frames| drop((run(frames, path), digest(frames, &ram)))),
    );
}
