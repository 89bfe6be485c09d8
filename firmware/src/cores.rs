//! The cores: bringing them up, giving them work, parking them.
//!
//! Core 0 is the one that boots and runs the tests. The others wait for work with `wfi`, so that an emulator does not
//! spend its time on idle cores; a software-generated interrupt wakes them.
//!
//! A core's state is one atomic, written by the core itself when it starts, ends its work or is about to go off, and
//! by whoever gives it work, who must find it idle first.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | a task outlives its use on other cores | [`on_each`] waits for all of them before it returns | – |
//! | a core that is held stands in its interrupt handler | [`hold_others`] waits until each has said so, and lets them go before it returns | `cores::holding` in the suite |
//! | TPIDR_EL1 holds the core's index | [`become_core`], the first thing a core calls | – |

#![expect(unsafe_code, reason = "lends a task to other cores")]

mod hold;

pub(crate) use hold::{be_held, hold_others, let_go, park_later};

use core::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use aarch64_cpu::registers::{MPIDR_EL1, Readable, TPIDR_EL1, Writeable};
use machine::{MAX_CORES, Machine};
use spin::Mutex;

use crate::{
    boot::{self, Start},
    clock::Deadline,
    exceptions, interrupts, psci,
};

/// Work that several cores share.
pub type Task<'a> = dyn Fn(CoreId) + Sync + 'a;

/// How long a core may take to come up, to go off, or to stand still.
const POWER_MS: u64 = 500;

/// The affinity fields of MPIDR_EL1.
const AFFINITY: u64 = 0xff_00ff_ffff;

/// A core, by its place in the device tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, defmt::Format)]
pub struct CoreId(u8);

impl CoreId {
    /// The core that boots and runs the tests.
    pub const BOOT: Self = Self(0);

    /// The core this runs on.
    #[inline]
    #[must_use]
    pub fn current() -> Self {
        Self(TPIDR_EL1.get() as u8)
    }

    /// The core at this place in the device tree.
    pub(crate) const fn new(index: u8) -> Self {
        Self(index)
    }

    /// All cores that the device tree names, up or not.
    pub fn all() -> impl Iterator<Item = Self> {
        // None while the device tree has not been read: a crash may ask as early as that.
        (0..boot::try_machine().map_or(0, Machine::core_count)).map(|index| Self(index as u8))
    }

    /// Its place in the device tree.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its place in the device tree, as a number.
    #[inline]
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its MPIDR affinity.
    #[must_use]
    pub fn affinity(self) -> u64 {
        boot::machine().cores.get(self.index()).copied().flatten().unwrap_or_default()
    }

    fn slot(self) -> &'static Slot {
        // The index comes from `all` or from TPIDR_EL1: it is below MAX_CORES.
        SLOTS.get(self.index()).unwrap_or(&SLOTS[0])
    }
}

/// What a core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, defmt::Format)]
#[repr(u8)]
pub enum State {
    /// It is off, or has not started yet.
    Off = 0,
    /// It waits for work.
    Idle = 1,
    /// It works.
    Busy = 2,
}

struct Slot {
    state: AtomicU8,
    task: Mutex<Option<&'static Task<'static>>>,
    ticks: AtomicU64,
    /// Whether it holds others or is about to, and is to be parked after that.
    holds: AtomicU8,
    /// The last round in which it stood still.
    held_in: AtomicU64,
}

impl Slot {
    const fn new() -> Self {
        Self {
            state: AtomicU8::new(State::Off as u8),
            task: Mutex::new(None),
            ticks: AtomicU64::new(0),
            holds: AtomicU8::new(0),
            held_in: AtomicU64::new(0),
        }
    }

    fn state(&self) -> State {
        // Acquire, pairs with the Release in `set`: what the core did before is visible.
        match self.state.load(Acquire) {
            1 => State::Idle,
            2 => State::Busy,
            _ => State::Off,
        }
    }

    fn set(&self, state: State) {
        self.state.store(state as u8, Release);
    }
}

static SLOTS: [Slot; MAX_CORES] = [const { Slot::new() }; MAX_CORES];

/// What `core` does.
#[must_use]
pub fn state(core: CoreId) -> State {
    core.slot().state()
}

/// How many timer ticks `core` has had since it came up.
#[must_use]
pub fn ticks(core: CoreId) -> u64 {
    core.slot().ticks.load(Relaxed)
}

pub(crate) fn count_tick() -> u64 {
    CoreId::current().slot().ticks.fetch_add(1, Relaxed)
}

/// How many cores are up.
#[must_use]
pub fn online() -> usize {
    CoreId::all().filter(|&core| state(core) != State::Off).count()
}

/// The affinity of the core this runs on, from its own register.
#[must_use]
pub fn current_affinity() -> u64 {
    MPIDR_EL1.get() & AFFINITY
}

/// Runs `task` once on every core that is up, this one included, and waits until all are done.
///
/// # Panics
///
/// Another core is at work already.
pub fn on_each(task: &Task<'_>) {
    let here = CoreId::current();
    // SAFETY: only the lifetime changes; every core that got the task is waited for below. A core that panics in it
    // stops the whole board, so this function does not return then.
    let lent = unsafe { core::mem::transmute::<&Task<'_>, &'static Task<'static>>(task) };
    let others = || CoreId::all().filter(|&core| core != here && state(core) != State::Off);
    for core in others() {
        give(core, lent);
    }
    task(here);
    for core in others() {
        wait(core);
    }
}

/// Gives `core` work.
///
/// # Panics
///
/// It is off, or at work.
pub fn give(core: CoreId, task: &'static Task<'static>) {
    let slot = core.slot();
    // AcqRel: pairs with the Release in `set` by the core, and only one giver succeeds.
    let was = slot.state.compare_exchange(State::Idle as u8, State::Busy as u8, AcqRel, Acquire);
    assert!(was.is_ok(), "core {} is not idle", core.index());
    *slot.task.lock() = Some(task);
    interrupts::wake(core);
}

/// Waits until `core` has no work left.
pub fn wait(core: CoreId) {
    while state(core) == State::Busy {
        core::hint::spin_loop();
    }
}

/// Why a core did not do as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, defmt::Format)]
pub enum PowerError {
    /// PSCI refused; its error code.
    Refused(i64),
    /// Nothing happened in time.
    TimedOut,
}

/// Brings `core` up, and waits until it is idle.
///
/// # Errors
///
/// PSCI refused, or the core did not come up in time.
pub fn bring_up(core: CoreId) -> Result<(), PowerError> {
    // Nobody takes it for off from here on, and empties its cache.
    let _alone = hold::alone();
    let start = Start::of(core, enter).store(core);
    psci::cpu_on(core.affinity(), Start::entry_point(), start.0).map_err(PowerError::Refused)?;
    wait_for(POWER_MS, || state(core) == State::Idle)
}

/// Switches `core` off, whatever it does, unless it has its interrupts masked.
///
/// # Errors
///
/// It did not go off in time.
pub fn park(core: CoreId) -> Result<(), PowerError> {
    park_within(core, POWER_MS)
}

/// As [`park`], where the other cores are at work: those hold each other, and an emulator has few processors for all.
///
/// # Errors
///
/// It did not go off within so many milliseconds.
pub fn park_within(core: CoreId, ms: u64) -> Result<(), PowerError> {
    // Once only: a second request would stay pending and park the core when it comes back.
    interrupts::ask_to_park(core);
    wait_until_off(core, ms)
}

/// Parks all cores but this one; says which could not be parked, a bit each.
pub(crate) fn park_others() -> u64 {
    let here = CoreId::current();
    let others = || CoreId::all().filter(|&core| core != here && state(core) != State::Off);
    others().for_each(interrupts::ask_to_park);
    // PSCI is asked about every core: one that was started and did not come up in time may still be on its way.
    let all_others = CoreId::all().filter(|&core| core != here);
    all_others
        .filter(|&core| wait_until_off(core, POWER_MS).is_err())
        .fold(0, |lost, core| lost | 1 << core.index())
}

/// Brings up all cores but the one that boots. One that does not come up is logged, and left off.
pub(crate) fn start_all() {
    for core in CoreId::all().filter(|&core| core != CoreId::BOOT) {
        if let Err(error) = bring_up(core) {
            defmt::error!("core {} did not come up: {}", core.index() as u32, error);
        }
    }
}

/// Has every other core say what it does; returns how many were asked.
pub(crate) fn ask_others_to_report() -> usize {
    let here = CoreId::current();
    let others = || CoreId::all().filter(|&core| core != here && state(core) != State::Off);
    others().for_each(interrupts::ask_to_report);
    others().count()
}

/// Has every core, this one included, say what it does.
pub(crate) fn ask_all_to_report() {
    ask_others_to_report();
    interrupts::ask_to_report(CoreId::current());
}

/// Makes the calling context that of `core`.
pub(crate) fn become_core(core: u64) {
    TPIDR_EL1.set(core);
    if core == 0 {
        CoreId::BOOT.slot().set(State::Busy);
    }
}

/// Ends this core's part, without switching it off: its registers can still be looked at.
pub(crate) fn halt() -> ! {
    interrupts::mask();
    loop {
        aarch64_cpu::asm::wfi();
    }
}

/// Switches this core off. The interrupt that asked for it must have been ended.
pub(crate) fn switch_off() -> ! {
    psci::cpu_off();
    halt()
}

/// Where cores other than the boot core begin.
extern "C" fn enter(core: u64) -> ! {
    become_core(core);
    exceptions::install();
    interrupts::start_secondary();
    let (core, slot) = (CoreId::current(), CoreId::current().slot());
    slot.set(State::Idle);
    loop {
        let task = interrupts::wait_until(|| slot.task.lock().take());
        task(core);
        slot.set(State::Idle);
    }
}

fn wait_until_off(core: CoreId, ms: u64) -> Result<(), PowerError> {
    wait_for(ms, || psci::is_off(core.affinity()))?;
    core.slot().set(State::Off);
    Ok(())
}

fn wait_for(ms: u64, condition: impl Fn() -> bool) -> Result<(), PowerError> {
    let deadline = Deadline::in_ms(ms);
    while !condition() {
        if deadline.has_passed() {
            return Err(PowerError::TimedOut);
        }
        core::hint::spin_loop();
    }
    Ok(())
}
