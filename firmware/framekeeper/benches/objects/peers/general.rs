//! Allocators for processes: they have caches for each thread, and the operating system's memory below them. No kernel
//! can have them, so they say what is possible where everything else is given.

use super::global::Global;
use mimalloc::MiMalloc;
use tikv_jemallocator::Jemalloc;

pub(crate) const fn mimalloc() -> Global<MiMalloc> {
    Global(MiMalloc)
}

pub(crate) const fn jemalloc() -> Global<Jemalloc> {
    Global(Jemalloc)
}
