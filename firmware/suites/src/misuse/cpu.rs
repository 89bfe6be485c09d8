//! One thread as two cores, or as a core and its handler: what comes in between comes where a core can be interrupted.
//!
//! Whoever is pinned is not interrupted. So what one core does while another is in a call, or a handler while its core is,
//! happens between two pinned parts of that call, and all its places are tried by counting these.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | a visitor is called only while it lives | `visited` takes it out before it ends, also by a panic | – |

#![expect(unsafe_code, reason = "keeps a visitor whose life is not part of the type")]

use alloc::rc::Rc;
use core::{cell::Cell, ptr::NonNull};

use framekeeper::{Core, CpuLocal};

/// The thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct OneThread(Rc<State>);

/// After so many ends of pinned parts, who comes.
type Visit = (u64, NonNull<dyn Fn()>);

#[derive(Debug, Default)]
struct State {
    core: Cell<u8>,
    visitor: Cell<Option<Visit>>,
}

impl OneThread {
    /// How many cores it is.
    pub(crate) const CORES: u8 = 2;

    /// Goes on as this core.
    pub(crate) fn go_to(&self, core: u8) {
        self.0.core.set(core % Self::CORES);
    }

    /// Which core it is.
    pub(crate) fn core(&self) -> Core {
        Core::new(self.0.core.get())
    }

    /// Does `work` as the other core.
    pub(crate) fn as_other<R>(&self, work: impl FnOnce() -> R) -> R {
        let own = self.0.core.get();
        self.go_to(own + 1);
        let result = work();
        self.go_to(own);
        result
    }

    /// Does `work`, and at the `end`th end of its pinned parts what the visitor does; afterwards, if there were not so many.
    pub(crate) fn visited<R>(&self, end: u64, visitor: &dyn Fn(), work: impl FnOnce() -> R) -> R {
        let kept = NonNull::from(visitor);
        // SAFETY: the same pointer. `Leave` takes it out before the visitor's life ends.
        let kept = unsafe { core::mem::transmute::<NonNull<dyn Fn() + '_>, NonNull<dyn Fn()>>(kept) };
        self.0.visitor.set(Some((end, kept)));
        let leave = Leave(self);
        let result = work();
        drop(leave);
        result
    }

    fn end_of_part(&self) {
        match self.0.visitor.take() {
            Some((0, visitor)) => {
                // SAFETY: it lives, for it was not taken out.
                let visitor = unsafe { visitor.as_ref() };
                visitor();
            }
            later => self.0.visitor.set(later.map(|(parts, visitor)| (parts - 1, visitor))),
        }
    }
}

/// Lets a visitor in who did not come before.
struct Leave<'c>(&'c OneThread);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if let Some((_, visitor)) = self.0.0.visitor.take() {
            // SAFETY: it lives as long as the call that this is dropped in.
            let visitor = unsafe { visitor.as_ref() };
            visitor();
        }
    }
}

impl CpuLocal for OneThread {
    fn pinned<R>(&self, work: impl FnOnce(Option<Core>) -> R) -> R {
        self.end_of_part();
        let result = work(Some(self.core()));
        self.end_of_part();
        result
    }

    fn hold_others(&self, mut work: impl FnMut(Core)) -> bool {
        work(Core::new(1 - self.0.core.get()));
        true
    }
}
