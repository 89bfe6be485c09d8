//! Frames that a scenario is done with: all of the machine's, or those of an arena.
//!
//! What is done with all of RAM shows what is wrong with this machine; done with an arena as well, it ends with the same
//! digest on every machine.
//!
//! What is looked at when a scenario is over, and is the same for all of them, is here and in [`arena`](crate::arena).

use framekeeper::{CpuLocal, FrameAllocator, slabs::Slabs};

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

/// Runs `work`, after which everything must be given back, and nothing damaged.
pub(crate) fn all_comes_back<M: Machine>(machine: &M, work: impl FnOnce()) {
    let heap = machine.heap();
    let reports = || heap.slabs().map(Slabs::reports);
    assert!(heap.shrink(), "all cores can be held");
    let (before, reported, used) = (machine.frames().free().total(), reports(), heap.usage().used());
    work();
    assert!(heap.shrink(), "all cores can be held");
    assert_eq!((heap.usage().used(), machine.frames().free().total()), (used, before), "{}", heap.usage());
    assert_eq!(reports(), reported);
    assert!(machine.frames().drain_all());
    assert_eq!(machine.frames().verify(), Ok(()));
}

/// As [`all_comes_back`], after which the frames are what they were, to the last word of their map.
pub(crate) fn leaving_no_trace<M: Machine>(machine: &M, work: impl FnOnce()) {
    all_comes_back(machine, || {
        Ground::whole(machine).leaves_no_trace(|| {
            work();
            machine.heap().shrink();
        });
    });
}

/// Makes a scenario of each of these functions: done with all of the machine's RAM, and then with an arena.
macro_rules! on_both {
    ($($module:ident::$scenario:ident,)*) => { $(
        #[doc = concat!("`", stringify!($scenario), "`, with all of RAM and with an arena.")]
        pub fn $scenario<M: $crate::Machine>(machine: &M) {
            $crate::ground::all_comes_back(machine, || $module::$scenario(&$crate::ground::Ground::whole(machine)));
            let plan = $crate::arena::Plan::ONE_CORE;
            $crate::arena::run::<_, _, framekeeper::slabs::Standard, _>(machine, plan, |arena| $module::$scenario(&arena.ground()));
        }
    )* };
}
pub(crate) use on_both;
