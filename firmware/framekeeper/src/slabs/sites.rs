//! Who asked for objects and who gave them back last, at [`Debug`](super::Debug): a ring of what was done, in memory of its
//! own.

use core::panic::Location;

use super::errors::ObjectAddr;
use crate::sync::Mutex;

/// How many events are remembered.
const EVENTS: usize = 1024;

/// Where in the code something was done.
pub type Site = &'static Location<'static>;

/// Where an object was asked for and given back last, as far as that is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sites {
    /// Where it was asked for.
    pub allocated: Option<Site>,
    /// Where it was given back.
    pub freed: Option<Site>,
}

/// The last things that were done to objects. For a `static`: it is too large for a kernel's stack.
#[derive(Debug)]
pub struct SiteRing {
    events: Mutex<Events>,
}

#[derive(Debug)]
struct Events {
    events: [Option<Event>; EVENTS],
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    object: ObjectAddr,
    site: Site,
    done: Done,
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Allocated,
    Freed,
}

impl SiteRing {
    /// A ring without events.
    #[must_use]
    pub const fn new() -> Self {
        Self { events: Mutex::new(Events { events: [None; EVENTS], next: 0 }) }
    }

    /// Notes what was done, unless somebody else is noting something now.
    pub(crate) fn note(&self, object: ObjectAddr, site: Site, done: Done) {
        let Some(mut events) = self.events.try_lock() else { return };
        let next = events.next;
        events.next = (next + 1) % EVENTS;
        events.events.get_mut(next).into_iter().for_each(|place| *place = Some(Event { object, site, done }));
    }

    /// What is remembered of an object.
    pub(crate) fn of(&self, object: ObjectAddr) -> Sites {
        let Some(events) = self.events.try_lock() else { return Sites::default() };
        // From the oldest to the newest.
        let (newer, older) = events.events.split_at(events.next.min(EVENTS));
        let mut sites = Sites::default();
        for event in older.iter().chain(newer).flatten().filter(|event| event.object == object) {
            match event.done {
                Done::Allocated => sites.allocated = Some(event.site),
                Done::Freed => sites.freed = Some(event.site),
            }
        }
        sites
    }
}

impl Default for SiteRing {
    fn default() -> Self {
        Self::new()
    }
}
