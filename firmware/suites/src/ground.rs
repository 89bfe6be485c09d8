//! Frames that a scenario is done with: all of the machine's, or those of an arena.
//!
//! What is done with all of RAM shows what is wrong with this machine; done with an arena as well, it ends with the same
//! digest on every machine.

use framekeeper::{CpuLocal, FrameAllocator};

use crate::{Machine, Regions, arena::Course, digest::Digest, trail};

/// Where a scenario has its frames from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'g, 'a, C> {
    /// Their allocator.
    pub(crate) frames: &'g FrameAllocator<'a, C>,
    /// RAM that it was given.
    pub(crate) free_ram: &'g Regions,
    /// What decides over what is handed out.
    pub(crate) course: Course,
}

impl<'g, C: CpuLocal + 'static> Ground<'g, 'static, C> {
    /// All of a machine's RAM.
    pub(crate) fn whole<M: Machine<Cpu = C>>(machine: &'g M) -> Self {
        Self { frames: machine.frames(), free_ram: machine.free_ram(), course: Course::Chance }
    }
}

impl<C: CpuLocal> Ground<'_, '_, C> {
    /// The frames' whole state, as the allocator believes it is.
    fn digest(&self) -> u64 {
        assert!(self.frames.drain_all(), "all cores can be held");
        let mut digest = Digest::new();
        digest.frames(self.frames);
        digest.value()
    }

    /// Adds what was handed out, or how much, to the digest of the scenario, where that is the same on every machine.
    pub(crate) fn mark(&self, value: u64) {
        if self.course == Course::Fixed {
            trail::add(value);
        }
    }

    /// Runs `work`, after which the frames are what they were, to the last word of their map. Whether the allocator is right
    /// about them is looked at when the arena ends, and for a machine by whoever calls this.
    ///
    /// # Panics
    ///
    /// They are not.
    pub(crate) fn leaves_no_trace(&self, work: impl FnOnce()) {
        let before = self.digest();
        work();
        assert_eq!(self.digest(), before);
    }
}

/// Makes a scenario of each of these functions: done with all of the machine's RAM, and then with an arena.
macro_rules! on_both {
    ($($module:ident::$scenario:ident,)*) => { $(
        #[doc = concat!("`", stringify!($scenario), "`, with all of RAM and with an arena.")]
        pub fn $scenario<M: $crate::Machine>(machine: &M) {
            $crate::heap::all_comes_back(machine, || $module::$scenario(&$crate::ground::Ground::whole(machine)));
            let plan = $crate::arena::Plan::ONE_CORE;
            $crate::arena::run::<_, _, framekeeper::slabs::Standard, _>(machine, plan, |arena| $module::$scenario(&arena.ground()));
        }
    )* };
}
pub(crate) use on_both;
