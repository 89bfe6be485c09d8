//! Holding the other cores: they stand still in their interrupt handlers while one does something to what is theirs.
//!
//! Each round has a number, which a core that stands still repeats. So an answer that comes too late is not taken for one
//! in the next round.

use core::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use spin::{Mutex, MutexGuard};

use super::{CoreId, POWER_MS, State, state, wait_for};
use crate::{clock, interrupts};

/// What [`Slot::holds`](super::Slot) says: the core holds others, or is about to; and is to be parked after that.
const HOLDS: u8 = 1;
const PARK_LATER: u8 = 2;

/// One core holds the others at a time. It is waited for with interrupts unmasked: whoever waits can be held.
static HOLDER: Mutex<()> = Mutex::new(());
/// The number of the round in which those that are asked are to stand still; zero while nobody is held.
static ROUND: AtomicU64 = AtomicU64::new(0);
static ROUNDS: AtomicU64 = AtomicU64::new(0);

/// Runs `work` for each other core while those that are up stand still, in their interrupt handlers; says whether they
/// could be held. They cannot with interrupts masked here, nor while one has its own masked for long: it may wait for
/// something that this core has. A core that is off needs no holding, and none comes up meanwhile.
pub(crate) fn hold_others(work: impl FnMut(CoreId)) -> bool {
    if interrupts::are_masked() {
        return false;
    }
    let here = CoreId::current();
    // Parked in between, it would leave the others standing.
    here.slot().holds.store(HOLDS, Release);
    let all = {
        let _alone = alone();
        hold_until_done(here, work)
    };
    // AcqRel, pairs with the one in `park_later`.
    if here.slot().holds.swap(0, AcqRel) == HOLDS | PARK_LATER {
        interrupts::ask_to_park(here);
    }
    all
}

/// Keeps others from holding cores.
pub(super) fn alone() -> MutexGuard<'static, ()> {
    HOLDER.lock()
}

fn hold_until_done(here: CoreId, work: impl FnMut(CoreId)) -> bool {
    let others = || CoreId::all().filter(|&core| core != here);
    let up =
        others().filter(|&core| state(core) != State::Off).fold(0, |bits, core| bits | 1_u64 << core.index());
    let asked = || others().filter(|core| up >> core.index() & 1 == 1);
    let round = ROUNDS.fetch_add(1, Relaxed) + 1;
    // Release and Acquire on both sides: what a core did before it stood still is seen here, and what is done here
    // meanwhile is seen there.
    ROUND.store(round, Release);
    asked().for_each(interrupts::ask_to_hold);
    let held = || asked().all(|core| core.slot().held_in.load(Acquire) == round);
    let all = wait_for(POWER_MS, held).is_ok();
    if all {
        others().for_each(work);
    }
    ROUND.store(0, Release);
    asked().for_each(interrupts::wake);
    all
}

/// Stands still until whoever asked for it is done. No longer, if others want the same next: between the rounds the core
/// has its ticks, so that the host hears of it.
pub(crate) fn be_held() {
    let round = ROUND.load(Acquire);
    if round == 0 {
        return;
    }
    // A core that spins would keep an emulator from running those that are waited for, and a tick that is due would have
    // it spin.
    clock::without_ticks(|| {
        CoreId::current().slot().held_in.store(round, Release);
        while ROUND.load(Acquire) == round {
            // The interrupt that ends it may have come already: then this does not wait.
            aarch64_cpu::asm::wfi();
        }
    });
}

/// Lets all go, for they are to be asked something else: somebody crashed.
pub(crate) fn let_go() {
    ROUND.store(0, Release);
}

/// Whether this core holds others. Then it parks itself when it has let them go.
pub(crate) fn park_later() -> bool {
    let holds = &CoreId::current().slot().holds;
    // AcqRel, pairs with the one in `hold_others`, on the same core.
    holds.compare_exchange(HOLDS, HOLDS | PARK_LATER, AcqRel, Acquire).is_ok()
}
