//! A line that is memory: two rings that a debugger reads and writes, for a board that has no serial port.
//!
//! They are laid out as SEGGER lays out its Real Time Transfer (RTT), with 64-bit pointers, so that every tool that knows RTT
//! can look at them: a control block with an id, how many channels there are each way, and for each channel where its bytes
//! lie, how many there is room for, where the next one is written and where the next one is read. A channel whose two places
//! are the same is empty, so it never holds as many bytes as there is room for.
//!
//! [`Ring`] is the board's end; [`exchange`](host::exchange) (feature `host`) is the debugger's. Each side moves its own place
//! only: the board writes up and reads down, the debugger reads up and writes down.

#[cfg(feature = "host")]
pub mod host;

use core::sync::atomic::{
    AtomicU8, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// The name of the symbol by which a debugger finds the control block without a search: the one that SEGGER's has.
pub const SYMBOL: &str = "_SEGGER_RTT";

/// What the id says, backwards: constants lie in RAM, too, where a debugger that searches for the id must not find this one.
const ID_BACKWARDS: [u8; 16] = *b"\0\0\0\0\0\0TTR REGGES";

/// What a tool that lists channels shows; RTT wants a zero behind it.
static NAME: [u8; 12] = *b"framekeeper\0";

/// The board's end: the control block and the bytes of one channel each way. `UP` and `DOWN` are what there is room for.
///
/// It may lie in memory that nobody has initialised, for every field may have any value; [`Self::open`] comes first then.
#[derive(Debug)]
#[repr(C)]
pub struct Ring<const UP: usize, const DOWN: usize> {
    id: [AtomicU8; 16],
    up_channels: AtomicU32,
    down_channels: AtomicU32,
    up: Channel,
    down: Channel,
    up_bytes: [AtomicU8; UP],
    down_bytes: [AtomicU8; DOWN],
}

/// One channel, as it stands in the control block.
#[derive(Debug)]
#[repr(C)]
struct Channel {
    name: AtomicU64,
    buffer: AtomicU64,
    size: AtomicU32,
    write: AtomicU32,
    read: AtomicU32,
    /// 0: what does not fit is dropped. It says what RTT's own functions are to do, and there are none here.
    flags: AtomicU32,
}

impl<const UP: usize, const DOWN: usize> Ring<UP, DOWN> {
    /// One that no debugger takes for one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            id: [const { AtomicU8::new(0) }; 16],
            up_channels: AtomicU32::new(0),
            down_channels: AtomicU32::new(0),
            up: Channel::new(),
            down: Channel::new(),
            up_bytes: [const { AtomicU8::new(0) }; UP],
            down_bytes: [const { AtomicU8::new(0) }; DOWN],
        }
    }

    /// Empties both channels and lets debuggers find them, whatever was here before.
    pub fn open(&self) {
        // First of all: a debugger that looks in between finds no id, and comes back.
        self.id.iter().for_each(|byte| byte.store(0, Release));
        self.up_channels.store(1, Relaxed);
        self.down_channels.store(1, Relaxed);
        self.up.open(&self.up_bytes);
        self.down.open(&self.down_bytes);
        for (byte, value) in self.id.iter().zip(ID_BACKWARDS.iter().rev()) {
            // Release: a debugger that reads the whole id reads a whole control block.
            byte.store(*value, Release);
        }
    }

    /// Whether there is no room for a byte to the debugger.
    pub fn is_full(&self) -> bool {
        // Acquire: the debugger moves its place when it has read what was before it.
        next::<UP>(self.up.write.load(Relaxed)) == self.up.read.load(Acquire)
    }

    /// Writes a byte to the debugger; false if there is no room. One core at a time does this.
    pub fn send(&self, byte: u8) -> bool {
        let write = self.up.write.load(Relaxed);
        let Some(slot) = self.up_bytes.get(write as usize).filter(|_| !self.is_full()) else { return false };
        slot.store(byte, Relaxed);
        // Release: a debugger that sees the place moved reads the byte that is before it.
        self.up.write.store(next::<UP>(write), Release);
        true
    }

    /// The next byte from the debugger. A place that it has put outside of the ring means nothing. One core at a time does
    /// this.
    pub fn receive(&self) -> Option<u8> {
        let read = self.down.read.load(Relaxed);
        // Acquire: the debugger moves its place when it has written what is before it.
        let write = self.down.write.load(Acquire);
        if read == write || write >= size::<DOWN>() {
            return None;
        }
        let byte = self.down_bytes.get(read as usize)?.load(Relaxed);
        // Release: the debugger writes there again when it sees that the byte was taken.
        self.down.read.store(next::<DOWN>(read), Release);
        Some(byte)
    }
}

impl<const UP: usize, const DOWN: usize> Default for Ring<UP, DOWN> {
    fn default() -> Self {
        Self::new()
    }
}

impl Channel {
    const fn new() -> Self {
        Self {
            name: AtomicU64::new(0),
            buffer: AtomicU64::new(0),
            size: AtomicU32::new(0),
            write: AtomicU32::new(0),
            read: AtomicU32::new(0),
            flags: AtomicU32::new(0),
        }
    }

    fn open<const SIZE: usize>(&self, bytes: &[AtomicU8; SIZE]) {
        // Exposed: a debugger goes there by the number alone.
        self.name.store(NAME.as_ptr().expose_provenance() as u64, Relaxed);
        self.buffer.store(bytes.as_ptr().expose_provenance() as u64, Relaxed);
        self.size.store(size::<SIZE>(), Relaxed);
        self.write.store(0, Relaxed);
        self.read.store(0, Relaxed);
        self.flags.store(0, Relaxed);
    }
}

/// The place behind `place`, in a ring of this size.
fn next<const SIZE: usize>(place: u32) -> u32 {
    // No place is near the largest number: one that is outside of the ring is as good as the last one.
    if place >= size::<SIZE>() - 1 { 0 } else { place + 1 }
}

#[expect(clippy::cast_possible_truncation, reason = "it is checked when this is compiled")]
const fn size<const SIZE: usize>() -> u32 {
    const { assert!(SIZE > 1 && SIZE <= 1 << 24, "a ring has 2 bytes to 16 MiB") };
    SIZE as u32
}
