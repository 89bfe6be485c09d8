//! What the allocators' hooks are told: kept until somebody asks for it.

use framekeeper::{WrittenAfterFree, slabs::Misuse};
use spin::Mutex;

/// What was told since somebody asked: how often, and what last.
type Told<T> = Mutex<(u64, Option<T>)>;

static OBJECTS: Told<Misuse> = Mutex::new((0, None));
static FRAMES: Told<WrittenAfterFree> = Mutex::new((0, None));

/// The hook of slabs.
pub(crate) fn hear(misuse: Misuse) {
    keep(&OBJECTS, misuse);
}

/// How often it was told of something since this was asked, and what it was told last.
pub(crate) fn told() -> (u64, Option<Misuse>) {
    core::mem::take(&mut *OBJECTS.lock())
}

/// The hook of frames that are watched.
pub(super) fn hear_of_frames(written: WrittenAfterFree) {
    keep(&FRAMES, written);
}

/// As [`told`], of these.
pub(super) fn told_of_frames() -> (u64, Option<WrittenAfterFree>) {
    core::mem::take(&mut *FRAMES.lock())
}

fn keep<T>(told: &Told<T>, what: T) {
    let mut told = told.lock();
    *told = (told.0 + 1, Some(what));
}
