//! A6: constructors that refuse.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use framekeeper::slabs::{Cache, Magazine, ObjectError};

use crate::{Dice, Machine, ground::all_comes_back};

/// For as many cores as a machine may have.
const CORES: usize = 16;
/// Objects that each core asks for in a run with the default budget.
const ROUNDS: u64 = 1_000;
/// After so many of them all slabs go that nobody needs.
const SHRUNK_ONE_IN: u64 = 100;
/// Of so many constructors, one after the other, one refuses: which, the seed says.
const ONE_IN: u64 = 50;
/// The first that refuses is among so many. A slab has 33 or 34 objects: so on one core the first slab is refused and the
/// second is had, whatever the seed.
const FIRST_AMONG: u64 = 16;

static SEATS: [Magazine; CORES] = [const { Magazine::new() }; CORES];
static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Large enough for a few in a slab.
struct Picky([u64; 60]);

impl Picky {
    /// The one of this number, counted from 0.
    fn new(dice: &Dice, number: u64) -> Option<Self> {
        let among = if number < ONE_IN { FIRST_AMONG } else { ONE_IN };
        if number % ONE_IN == dice.split(number / ONE_IN).below(among) {
            return None;
        }
        MADE.fetch_add(1, SeqCst);
        Some(Self([number; 60]))
    }
}

impl Drop for Picky {
    fn drop(&mut self) {
        assert!(self.0.iter().all(|word| Some(word) == self.0.first()), "it is what was made");
        DROPPED.fetch_add(1, SeqCst);
    }
}

/// How many were made and not dropped.
fn alive() -> u64 {
    MADE.load(SeqCst) - DROPPED.load(SeqCst)
}

/// On all cores, at any object of a slab: the slab goes, with those that were made; the next call may be met.
pub fn a6_constructors_that_refuse_leave_nothing<M: Machine>(machine: &M) {
    let rounds = machine.rounds(ROUNDS);
    all_comes_back(machine, || {
        let Ok(slabs) = machine.heap().slabs() else { panic!("a machine's heap has its memory") };
        let (dice, asked) = (machine.dice(1_300), AtomicU64::new(0));
        let construct = || Picky::new(&dice, asked.fetch_add(1, SeqCst));
        let Ok(cache) = Cache::new(slabs, "picky", &SEATS, construct) else { panic!("there are few caches") };
        let (refused, had) = (AtomicU64::new(0), AtomicU64::new(0));
        machine.on_each(&|_| {
            for round in 1..=rounds {
                match cache.alloc() {
                    Ok(_) => had.fetch_add(1, SeqCst),
                    Err(ObjectError::Refused) => refused.fetch_add(1, SeqCst),
                    Err(error) => panic!("{error}"),
                };
                // Objects that there are need no constructor. All cores are held for it, so not each time.
                if round.is_multiple_of(SHRUNK_ONE_IN) {
                    cache.shrink();
                }
            }
        });
        assert_eq!((alive(), cache.verify()), (cache.usage().objects(), Ok(())));
        assert!(refused.load(SeqCst) > 0 && had.load(SeqCst) > 0, "{refused:?} refused, {had:?} not");
        machine.log(format_args!("{} refused, {} had", refused.load(SeqCst), had.load(SeqCst)));
        assert_eq!((cache.destroy(), alive()), (Ok(()), 0));
    });
}
