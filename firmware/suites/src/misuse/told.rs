//! What the allocator's hook is told: kept until somebody asks for it.

use framekeeper::slabs::Misuse;
use spin::Mutex;

/// What was told since somebody asked: how often, and what last.
static TOLD: Mutex<(u64, Option<Misuse>)> = Mutex::new((0, None));

/// The hook.
pub(crate) fn hear(misuse: Misuse) {
    let mut told = TOLD.lock();
    *told = (told.0 + 1, Some(misuse));
}

/// How often the hook was told of something since this was asked, and what it was told last.
pub(crate) fn told() -> (u64, Option<Misuse>) {
    core::mem::take(&mut *TOLD.lock())
}
