//! What outlives a warm restart: where the image came from, and the link with the frames it keeps.
//!
//! It lies in a section that the boot code does not clear. A cold boot writes all of it before anything reads it;
//! what RAM held before is never read.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | `STATION` is initialised | a cold boot calls [`new_station`] first | – |
//! | one reference to it at a time | one of the two is called once per start, by the boot core alone | `link`'s lock |

#![expect(unsafe_code, reason = "places statics in a section of their own and initialises one by hand")]

use core::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
};
use framekeeper::PhysAddr;
use wire::{BootId, Station};

/// How many bytes of sent frames can be sent again.
const RING: usize = 1 << 20;

/// The bytes that a debugger is given and gives: what it finds each time is as much as it has to fetch in the time between.
pub(crate) type Ring = wire::ram::Ring<0x1_0000, 0x1000>;

/// Memory that is initialised by hand.
struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: only the boot core touches a slot, while opening the link, before it starts any other core.
unsafe impl<T> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// # Safety
    ///
    /// The reference is the only one.
    #[expect(clippy::mut_from_ref, reason = "a cell; the caller vouches for uniqueness")]
    unsafe fn get_mut(&self) -> &mut MaybeUninit<T> {
        // SAFETY: the caller says so.
        unsafe { &mut *self.0.get() }
    }
}

#[unsafe(link_section = ".persist")]
static STATION: Slot<Station<&'static mut [u8]>> = Slot(UnsafeCell::new(MaybeUninit::uninit()));
#[unsafe(link_section = ".persist")]
static RING_BYTES: Slot<[u8; RING]> = Slot(UnsafeCell::new(MaybeUninit::uninit()));
#[unsafe(link_section = ".persist")]
#[unsafe(export_name = "_SEGGER_RTT")]
static FOR_DEBUGGERS: Ring = Ring::new();
#[unsafe(link_section = ".persist")]
static LOAD_ADDRESS: AtomicU64 = AtomicU64::new(0);
#[unsafe(link_section = ".persist")]
static DEVICE_TREE: AtomicU64 = AtomicU64::new(0);
#[unsafe(link_section = ".persist")]
static ENTRY_LEVEL: AtomicU32 = AtomicU32::new(0);
#[unsafe(link_section = ".persist")]
static RESTARTS: AtomicU32 = AtomicU32::new(0);
#[unsafe(link_section = ".persist")]
static TESTS: AtomicU32 = AtomicU32::new(0);
#[unsafe(link_section = ".persist")]
static IS_ALONE: AtomicBool = AtomicBool::new(false);
#[unsafe(link_section = ".persist")]
static SCREEN_LINE: AtomicU32 = AtomicU32::new(0);

/// Begins a cold boot.
pub(crate) fn begin(load: u64, device_tree: u64, entry_level: u32) {
    LOAD_ADDRESS.store(load, Relaxed);
    DEVICE_TREE.store(device_tree, Relaxed);
    ENTRY_LEVEL.store(entry_level, Relaxed);
    RESTARTS.store(0, Relaxed);
    TESTS.store(0, Relaxed);
    IS_ALONE.store(false, Relaxed);
    SCREEN_LINE.store(0, Relaxed);
}

/// A new board's end of the link.
///
/// # Safety
///
/// Called once per cold boot, by the boot core, and not after [`station`].
pub(crate) unsafe fn new_station(boot: BootId) -> &'static mut Station<&'static mut [u8]> {
    // SAFETY: no reference to it exists yet.
    let station = unsafe { STATION.get_mut() };
    // SAFETY: likewise.
    let ring = unsafe { RING_BYTES.get_mut() };
    // In place: an array by value would pass over the stack.
    // SAFETY: the pointer is to the slot, and zeros are bytes.
    unsafe { ring.as_mut_ptr().write_bytes(0, 1) };
    // SAFETY: every byte was just given a value.
    let ring = unsafe { ring.assume_init_mut() };
    station.write(Station::new(boot, ring))
}

/// The board's end of the link, as it was before the warm restart.
///
/// # Safety
///
/// Called once per warm restart, by the boot core; a station was made in this boot.
pub(crate) unsafe fn station() -> &'static mut Station<&'static mut [u8]> {
    // SAFETY: the reference from before the restart is gone with its stacks.
    let station = unsafe { STATION.get_mut() };
    // SAFETY: initialised by `new_station` in this boot.
    unsafe { station.assume_init_mut() }
}

/// The ring that a debugger finds by the symbol [`wire::ram::SYMBOL`]. Whoever uses it has opened it in this boot.
pub(crate) fn ring() -> &'static Ring {
    &FOR_DEBUGGERS
}

/// Where the image was loaded.
pub(crate) fn load_address() -> PhysAddr {
    PhysAddr(LOAD_ADDRESS.load(Relaxed))
}

/// Where the boot loader put the device tree.
pub(crate) fn device_tree() -> PhysAddr {
    PhysAddr(DEVICE_TREE.load(Relaxed))
}

/// The exception level the boot loader entered at.
pub(crate) fn entry_level() -> u32 {
    ENTRY_LEVEL.load(Relaxed)
}

/// Warm restarts since the boot.
pub(crate) fn restarts() -> u32 {
    RESTARTS.load(Relaxed)
}

/// How many tests were begun without an order since the boot.
pub(crate) fn tests() -> u32 {
    TESTS.load(Relaxed)
}

/// Counts one more; returns how many there were.
pub(crate) fn count_test() -> u32 {
    TESTS.fetch_add(1, Relaxed)
}

/// Whether the board has given up waiting for a host, and runs tests by itself.
pub(crate) fn is_alone() -> bool {
    IS_ALONE.load(Relaxed)
}

/// Says whether it has.
pub(crate) fn set_alone(is_alone: bool) {
    IS_ALONE.store(is_alone, Relaxed);
}

/// The line of the screen that the next text goes to.
pub(crate) fn screen_line() -> u32 {
    SCREEN_LINE.load(Relaxed)
}

/// Says which it is.
pub(crate) fn set_screen_line(line: u32) {
    SCREEN_LINE.store(line, Relaxed);
}

/// Counts a warm restart.
pub(crate) fn count_restart() {
    RESTARTS.fetch_add(1, Relaxed);
}
