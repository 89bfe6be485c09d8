//! The groups of figures, in the order in which they run.

mod bulk;
mod latency;
mod mixed;
mod pairs;
mod placement;
mod start;
mod threads;

use crate::{
    groups::Group,
    memory::Memory,
    subject::{FRAME, Subject},
};
use std::hint::black_box;

pub(crate) const GROUPS: &[Group<Memory>] = &[
    Group { name: "F1", run: pairs::run },
    Group { name: "F2", run: bulk::run },
    Group { name: "F3", run: mixed::run },
    Group { name: "F4", run: placement::run },
    Group { name: "F5", run: threads::run },
    Group { name: "F6", run: start::run },
    Group { name: "F7", run: latency::run },
];

/// Takes single frames until there are `count` or no more; how many there were is the length.
fn take_frames<S: Subject>(subject: &S, frames: &mut [u64]) -> usize {
    for (index, frame) in frames.iter_mut().enumerate() {
        let Some(address) = subject.alloc(0) else { return index };
        *frame = address;
    }
    frames.len()
}

/// Takes and gives back the same frame, over and over.
fn repeat_pair<S: Subject>(subject: &S, pairs: usize) {
    for _ in 0..pairs {
        if let Some(address) = black_box(subject.alloc(0)) {
            subject.free(address, 0);
        }
    }
}

/// Leaves 2,048 single frames out and 2,048 free that can merge with nothing: what a pair finds in a kernel that has
/// run for a while, where a frame need not be split off a large block.
fn litter<S: Subject>(subject: &S) {
    let mut frames = vec![0; 4096];
    let taken = take_frames(subject, &mut frames);
    for &frame in &frames[..taken] {
        if frame / FRAME % 2 == 1 {
            subject.free(frame, 0);
        }
    }
    subject.settle();
}
