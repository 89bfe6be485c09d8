//! A1: each request for memory that a call makes is refused once: the first, the second, until it makes no more.
//!
//! A call is done on an [`arena`] of its own for each of its requests. It says that it was refused; what the allocators
//! believe is right and, where the call says that nothing changes, what it was; and the same call is met afterwards. That
//! nothing is lost shows when the arena ends.

mod blocks;
mod heaps;
mod maps;
mod objects;

pub use blocks::*;
pub(super) use blocks::{LATE, keep_late};
pub use heaps::*;
pub use maps::*;
pub use objects::*;

use framekeeper::{AllocError, Asked, FRAME_SIZE, OneCore, Owner, heap::HeapUsage, slabs::Hardening};

use super::refusing::{Plan, Refusing};
use crate::{
    Machine,
    arena::{self, Arena, Course},
};

/// Whose the blocks of this scenario are.
const ME: Owner = Owner::new(26);

/// The arena that a call is done on.
type Ground<'a, 'r, H> = Arena<'a, 'a, &'r Refusing<OneCore>, H>;

/// What came of a call: refused, with what the error says of the request, if it can say that.
type Outcome = Result<(), Option<Asked>>;

/// What the error says of the request that was refused; no other error may be.
fn refused(error: AllocError) -> Option<Asked> {
    match error {
        AllocError::Refused(asked) => Some(asked),
        error => panic!("not refused: {error}"),
    }
}

/// What a call that was refused may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// Nothing: it is one call.
    Nothing,
    /// Slabs of free objects: it is many calls, of which some were met.
    Slabs,
}

/// A call.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// What it does.
    name: &'static str,
    /// Of how many requests it is made, at least.
    least: u64,
    leaves: Leaves,
}

impl Path {
    const fn one(name: &'static str, least: u64) -> Self {
        Self { name, least, leaves: Leaves::Nothing }
    }

    const fn many(name: &'static str, least: u64) -> Self {
        Self { name, least, leaves: Leaves::Slabs }
    }

    /// Does the call with each of its requests refused. `prepare` makes what the call works on, and `undo` gives back what
    /// there is afterwards. How many requests those were.
    fn attack<M: Machine, H: Hardening, S>(
        self,
        machine: &M,
        prepare: impl Fn(&Ground<'_, '_, H>) -> S,
        call: impl Fn(&Ground<'_, '_, H>, &mut S) -> Outcome,
        undo: impl Fn(&Ground<'_, '_, H>, S),
    ) -> u64 {
        for number in 0.. {
            let refusing = Refusing::new(OneCore, Plan::Nth(number));
            let plan = arena::Plan { cpu: &refusing, cores: 1, hook: None, course: Course::Fixed };
            let is_refused = arena::run::<_, _, H, _>(machine, plan, |arena| {
                let mut state = prepare(arena);
                let is_refused = self.is_refused(arena, &refusing, number, |arena| call(arena, &mut state));
                if is_refused {
                    assert_eq!(call(arena, &mut state), Ok(()), "{}, request {number}, again", self.name);
                }
                undo(arena, state);
                is_refused
            });
            if !is_refused {
                assert!(number >= self.least, "{} asked {number} times", self.name);
                return number;
            }
        }
        0
    }

    /// Whether the call got as far as the request of this number, and was refused.
    fn is_refused<H: Hardening>(
        self,
        arena: &Ground<'_, '_, H>,
        refusing: &Refusing<OneCore>,
        number: u64,
        call: impl FnOnce(&Ground<'_, '_, H>) -> Outcome,
    ) -> bool {
        // Behind its first request a call may have moved frames to a cache and back.
        let changes_nothing = number == 0 && self.leaves == Leaves::Nothing;
        let digest = || changes_nothing.then(|| arena.state());
        let (before, digest_before) = (State::of(arena, refusing), digest());
        refusing.begin();
        let outcome = call(arena);
        let asked = refusing.end();
        let place = format_args!("{}, request {number} of {asked}", self.name);
        match (outcome, refusing.refused()) {
            (Ok(()), 0) => return false,
            (Err(Some(said)), 1) => assert_eq!(said.frames, refusing.refused_frames(), "{place}"),
            (Err(None), 1) => {}
            (outcome, refused) => panic!("{place}: {outcome:?}, and {refused} were refused"),
        }
        let after = State::of(arena, refusing);
        arena.verify();
        assert_eq!(after.kept(self.leaves), before.kept(self.leaves), "{place}");
        assert_eq!(digest(), digest_before, "{place}: something has changed");
        true
    }
}

/// What the allocators of an arena have.
struct State {
    usage: HeapUsage,
    objects: u64,
    /// Frames that slabs have or that nobody has.
    frames: u64,
    zeroed: u64,
}

impl State {
    /// What they believe to have now.
    fn of<H: Hardening>(arena: &Ground<'_, '_, H>, refusing: &Refusing<OneCore>) -> Self {
        let usage = arena.heap.usage();
        let slabs = (usage.slabs + usage.descriptors) / FRAME_SIZE;
        let frames = arena.frames.free().total() + slabs;
        let objects = arena.slabs().report().allocated();
        Self { usage, objects, frames, zeroed: refusing.zeroed() }
    }

    /// What a call that leaves this must not have changed.
    fn kept(&self, leaves: Leaves) -> impl core::fmt::Debug + PartialEq {
        let Self { usage, objects, frames, zeroed } = *self;
        let usage = match leaves {
            Leaves::Nothing => usage,
            Leaves::Slabs => HeapUsage { blocks: usage.blocks, ..HeapUsage::default() },
        };
        (usage, objects, frames, zeroed)
    }
}
