//! The link to the host: the station of the `wire` crate behind one lock, on a serial port, or in RAM for a debugger.
//!
//! The lock is taken with interrupts masked and held for one frame at a time. A core that already holds it gets
//! nothing instead of waiting for itself: an exception taken inside cannot log. It comes last in the lock order.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | one driver for the port | [`LINK`], filled once per start, if the machine has a port that may be used | – |
//! | a lock is broken only when its owner will not go on | [`seize`] is for crashes and waits first | the crash tests |

#![expect(unsafe_code, reason = "gives the driver the port's registers, and breaks the lock of a dead core")]

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use machine::SerialKind;
use spin::Mutex;
use wire::{BootId, BuildId, Channel, Doing, FromBoard, Hello, Station, ToBoard};

use crate::{
    boot, clock,
    clock::Deadline,
    cores::{self, CoreId},
    interrupts, layout, notes, persist,
    port::Port,
    power,
};

static LINK: Mutex<Option<Link>> = Mutex::new(None);
/// The core that holds the lock, plus one; zero for none. Only compared with the own number, so no order is needed.
static OWNER: AtomicU64 = AtomicU64::new(0);

/// How many bytes were sent so far: a lock whose owner still sends is not taken from it.
static SENT: AtomicU64 = AtomicU64::new(0);

/// How long a crashing core lets the lock's owner stand still before it takes the lock.
const SEIZE_MS: u64 = 50;
/// How many frames a tick sends again while a test runs.
const FRAMES_PER_TICK: u32 = 4;
/// From one sign of life to the next while waiting.
const BEACON_MS: u64 = 100;

/// The station and the port.
pub(crate) struct Link {
    station: &'static mut Station<&'static mut [u8]>,
    port: Port,
}

impl Link {
    /// Sends a control message.
    pub(crate) fn say(&mut self, message: &FromBoard<'_>) {
        let Self { station, port } = self;
        station.say(message, &mut |bytes: &[u8]| send(port, bytes));
    }

    pub(crate) fn doing(&self) -> Doing {
        self.station.doing()
    }

    pub(crate) fn set_doing(&mut self, doing: Doing) {
        self.station.set_doing(doing);
    }

    fn send(&mut self, channel: Channel, body: &[u8]) {
        let Self { station, port } = self;
        station.send(channel, body, &mut |bytes: &[u8]| send(port, bytes));
    }

    fn beacon(&mut self) {
        let Self { station, port } = self;
        station.beacon(&mut |bytes: &[u8]| send(port, bytes));
    }

    /// Sends one frame that was asked for again; false if none is owed.
    fn send_owed(&mut self) -> bool {
        let Self { station, port } = self;
        station.send_owed(&mut |bytes: &[u8]| send(port, bytes))
    }

    /// The next order that has arrived whole.
    fn receive(&mut self) -> Option<ToBoard> {
        let Self { station, port } = self;
        core::iter::from_fn(|| port.receive()).find_map(|byte| station.receive(byte))
    }

    /// Says who is speaking; a board that did not get as far as knowing it says nothing, and the host's time for the
    /// boot runs out.
    fn say_hello(&mut self) {
        let Some(machine) = boot::try_machine() else { return };
        self.say(&FromBoard::Hello(Hello {
            protocol: wire::PROTOCOL,
            build: build_id(),
            restarts: boot::restarts(),
            machine: machine.name.as_str(),
            cores: cores::online() as u32,
            ram_bytes: boot::free_ram().size(),
            entry_level: boot::entry_level() as u8,
            load_address: boot::load_address().0,
            timer_hz: clock::frequency(),
        }));
    }
}

fn send(port: &mut Port, bytes: &[u8]) {
    for &byte in bytes {
        if port.send(byte) {
            SENT.fetch_add(1, Relaxed);
        }
    }
}

/// Opens the link on a serial port of this kind whose registers are at `registers`.
pub(crate) fn open(kind: SerialKind, registers: u64, seed: u64) {
    open_on(serial(kind, registers), seed);
}

/// Opens the link in RAM, for a debugger.
pub(crate) fn open_in_ram(seed: u64) {
    if boot::restarts() == 0 {
        persist::ring().open();
    }
    open_on(Port::ram(), seed);
}

fn open_on(port: Port, seed: u64) {
    let station = if boot::restarts() == 0 {
        // A value that no two boots share: the counter, and what the boot loader drew at random, if it did.
        let boot = BootId(seed.rotate_left(17) ^ clock::now());
        // SAFETY: this runs once per start, on the boot core, and this start is a cold boot.
        unsafe { persist::new_station(boot) }
    } else {
        // SAFETY: this runs once per start, on the boot core, and a cold boot came before.
        unsafe { persist::station() }
    };
    *LINK.lock() = Some(Link { station, port });
}

/// Goes on with the registers of a serial port at another virtual address: the tables have changed.
pub(crate) fn move_to(kind: SerialKind, registers: u64) {
    with(|link| {
        if link.port.is_serial() {
            link.port = serial(kind, registers);
        }
    });
}

/// Whether there is a link at all.
pub(crate) fn is_open() -> bool {
    with(|_| ()).is_some()
}

fn serial(kind: SerialKind, registers: u64) -> Port {
    // SAFETY: the device tree names these registers, they are mapped as device memory, and this driver replaces the
    // one before it.
    unsafe { Port::serial(kind, registers) }
}

/// Uses the link, with interrupts masked. `None` if it is not open, or this core is using it already.
pub(crate) fn with<R>(work: impl FnOnce(&mut Link) -> R) -> Option<R> {
    interrupts::without(|| {
        let me = CoreId::current().index() as u64 + 1;
        if OWNER.load(Relaxed) == me {
            return None;
        }
        let mut link = LINK.lock();
        OWNER.store(me, Relaxed);
        let result = link.as_mut().map(work);
        OWNER.store(0, Relaxed);
        result
    })
}

/// Uses the link whoever holds it: for a core that crashes. An owner that neither sends nor lets go for a while is taken
/// for dead.
pub(crate) fn seize<R>(work: impl FnOnce(&mut Link) -> R) -> Option<R> {
    interrupts::mask();
    let me = CoreId::current().index() as u64 + 1;
    let progress = || (OWNER.load(Relaxed), SENT.load(Relaxed));
    let (mut seen, mut deadline) = (progress(), Deadline::in_ms(SEIZE_MS));
    while OWNER.load(Relaxed) != me && LINK.is_locked() && !deadline.has_passed() {
        if progress() != seen {
            (seen, deadline) = (progress(), Deadline::in_ms(SEIZE_MS));
        }
        core::hint::spin_loop();
    }
    if LINK.is_locked() {
        // SAFETY: the owner is this core, inside an exception that never returns, or it has done nothing for so long
        // that it is dead: a live owner sends or lets go.
        unsafe { LINK.force_unlock() };
        OWNER.store(0, Relaxed);
    }
    with(work)
}

/// Whether somebody is at the other end, as far as can be told: a host has bound this boot, and the port takes bytes.
pub(crate) fn is_heard() -> bool {
    with(|link| link.station.is_bound() && !link.port.is_stuck()).unwrap_or(false)
}

/// Looks for orders and answers those that concern the link; for the timer tick, so it never waits for the lock. A board
/// that has given up waiting listens between its tests, and not in their midst: a host finds it ready for orders.
pub(crate) fn tend(beacon: bool) {
    if persist::is_alone() {
        return;
    }
    let Some(mut guard) = LINK.try_lock() else { return };
    let me = CoreId::current().index() as u64 + 1;
    OWNER.store(me, Relaxed);
    let mut report = false;
    if let Some(link) = guard.as_mut() {
        while let Some(order) = link.receive() {
            match order {
                ToBoard::Report => report = true,
                ToBoard::Reset { into } => power::reset(into),
                ToBoard::Begin { .. } | ToBoard::Run { .. } | ToBoard::Again { .. } => {}
            }
        }
        // The rest at the next ticks: a tick must not take long.
        for _ in 0..FRAMES_PER_TICK {
            link.send_owed();
        }
        if beacon {
            link.beacon();
        }
    }
    OWNER.store(0, Relaxed);
    drop(guard);
    if report {
        cores::ask_all_to_report();
    }
}

/// Answers the host until `choose` takes one of its orders; none if no host has bound this boot by the end of `patience`.
/// One that has passed already asks for none.
pub(crate) fn serve<R>(
    patience: Option<Deadline>,
    mut choose: impl FnMut(&mut Link, ToBoard) -> Option<R>,
) -> Option<R> {
    let mut next_beacon = Deadline::in_ms(0);
    loop {
        let is_bound = with(|link| link.station.is_bound()).unwrap_or(false);
        if !is_bound && patience.is_some_and(Deadline::has_passed) {
            return None;
        }
        let mut is_bound_now = false;
        let chosen = with(|link| {
            if next_beacon.has_passed() {
                link.beacon();
                next_beacon = Deadline::in_ms(BEACON_MS);
            }
            match link.receive() {
                Some(ToBoard::Begin { .. }) => {
                    link.say_hello();
                    link.beacon();
                    is_bound_now = true;
                    None
                }
                Some(ToBoard::Reset { into }) => {
                    power::reset(into);
                    None
                }
                Some(order) => choose(link, order),
                None => {
                    link.send_owed();
                    None
                }
            }
        });
        if is_bound_now {
            notes::tell();
        }
        if let Some(chosen) = chosen.flatten() {
            return Some(chosen);
        }
        core::hint::spin_loop();
    }
}

/// Says hello after a warm restart; a host that is bound hears it, another one will ask.
pub(crate) fn greet() {
    with(|link| {
        if link.station.is_bound() {
            link.say_hello();
        }
    });
}

/// Sends one core's log record. False if it could not be sent.
pub(crate) fn log(body: &[u8]) -> bool {
    with(|link| link.send(Channel::Log, body)).is_some()
}

/// Sends a number. False if it could not be sent.
pub(crate) fn number(body: &[u8]) -> bool {
    with(|link| link.send(Channel::Numbers, body)).is_some()
}

/// The build id, from the note that the linker made (ELF, "Note Section"): three words, the name, the id.
#[must_use]
fn build_id() -> BuildId {
    const HEADER: u64 = 12 + 4;
    let start = layout::build_id_start() + HEADER;
    let size = layout::build_id_end().saturating_sub(start).min(20) as usize;
    let bytes = core::ptr::with_exposed_provenance::<u8>(start as usize);
    // SAFETY: the note lies in the image's constants, between its two symbols.
    let bytes = unsafe { core::slice::from_raw_parts(bytes, size) };
    let mut id = BuildId::default();
    for (slot, byte) in id.0.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    id
}
