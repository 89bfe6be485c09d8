//! The ways to misbehave that need more than a line.

use core::{
    arch::asm,
    hint::black_box,
    ptr::{with_exposed_provenance, with_exposed_provenance_mut},
    sync::atomic::AtomicBool,
};

use firmware::{boot, cores::CoreId, frames, layout, machine::SerialKind};
use framekeeper::Request;

/// Set by a core just before it hangs for good.
pub(crate) static HUNG: AtomicBool = AtomicBool::new(false);

pub(crate) fn core(index: usize) -> CoreId {
    match CoreId::all().nth(index) {
        Some(core) => core,
        None => panic!("this test needs core {index}"),
    }
}

pub(crate) fn hang() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

pub(crate) fn read(address: u64) -> u64 {
    // SAFETY: it is not safe. The fault is what the test is about.
    unsafe { with_exposed_provenance::<u64>(address as usize).read_volatile() }
}

pub(crate) fn write(address: u64, value: u64) {
    // SAFETY: it is not safe. The fault is what the test is about.
    unsafe { with_exposed_provenance_mut::<u64>(address as usize).write_volatile(value) }
}

pub(crate) fn call(address: u64) {
    // SAFETY: it is not safe. The fault is what the test is about.
    unsafe { asm!("blr {}", in(reg) address, clobber_abi("C")) }
}

pub(crate) fn undefined() {
    // SAFETY: the exception is what the test is about.
    unsafe { asm!("udf #0") }
}

/// Uses stack until there is none.
#[inline(never)]
pub(crate) fn recurse(depth: u64) -> u64 {
    let filler = black_box([depth; 64]);
    if depth == 0 { 0 } else { recurse(depth - 1) + filler[depth as usize % 64] }
}

/// Reads a register of the serial port, or what lies in the page behind it.
pub(crate) fn read_port(offset: u64) -> u32 {
    let Some(serial) = boot::machine().serial else { return 0 };
    let port = layout::DEVICES + serial.registers.start().0 + offset;
    // SAFETY: it is not safe. The fault is what the test is about.
    unsafe { with_exposed_provenance::<u32>(port as usize).read_volatile() }
}

/// Puts a byte on the serial port by a store of 8 bits, and waits until that must have had its effect.
pub(crate) fn send_byte(byte: u8) {
    let Some(data) = data_register() else { return };
    // SAFETY: it is not safe. The fault is what the test is about.
    unsafe { with_exposed_provenance_mut::<u8>(data as usize).write_volatile(byte) };
    aarch64_cpu::asm::barrier::dsb(aarch64_cpu::asm::barrier::SY);
    aarch64_cpu::asm::barrier::isb(aarch64_cpu::asm::barrier::SY);
}

/// Where the serial port takes what it is to send.
fn data_register() -> Option<u64> {
    let serial = boot::machine().serial?;
    let data = match serial.kind {
        SerialKind::Pl011 => 0,
        SerialKind::Samsung => 0x20,
    };
    Some(layout::DEVICES + serial.registers.start().0 + data)
}

/// Puts bytes on the serial port, past everything that would frame them.
pub(crate) fn send(bytes: &[u8]) {
    let Some(data) = data_register() else { return };
    for &byte in bytes {
        // SAFETY: the port's data register; the link's driver does not expect this, and that is the point.
        unsafe { with_exposed_provenance_mut::<u32>(data as usize).write_volatile(u32::from(byte)) };
    }
}

/// Bytes from a fixed seed, zeros among them.
pub(crate) fn send_random(count: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..count {
        // Xorshift: any spread of bytes will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        send(&[state as u8]);
    }
}

/// A frame with a right checksum that says this test passed; only the nonce is a guess.
pub(crate) fn forge_verdict() {
    use wire::{FromBoard, Outcome, RunId, Station, Verdict};
    let mut station = Station::new(wire::BootId(1), [0; 0]);
    for run in 1..100 {
        let verdict = Verdict { run: RunId(run), outcome: Outcome::Passed, lost_cores: 0 };
        station.say(&FromBoard::Verdict(verdict), &mut |bytes: &[u8]| send(bytes));
    }
}

/// Something that is left behind: its place in a block of memory, in words.
#[derive(Clone, Copy)]
pub(crate) struct Thing(u64);

pub(crate) const KEY: Thing = Thing(7);
pub(crate) const LOCK: Thing = Thing(4711);

/// What a place holds where a thing lies.
const LEFT: u64 = 0x6c65_6674_6c65_6674;

/// Leaves something in memory and gives the memory back.
pub(crate) fn leave(thing: Thing) {
    with_the_same_block(|block| write(block + 8 * thing.0, LEFT));
}

/// Whether something was left in free memory.
pub(crate) fn finds(thing: Thing) -> bool {
    with_the_same_block(|block| read(block + 8 * thing.0) == LEFT)
}

/// How many frames a block has that is the same one after each start: the firmware takes none as large.
const LARGE: u64 = 1 << 14;

fn with_the_same_block<R>(work: impl FnOnce(u64) -> R) -> R {
    let frames = frames::frames();
    let block = match frames.alloc(Request::frames(LARGE)) {
        Ok(block) => block,
        Err(error) => panic!("{error}"),
    };
    let result = work(layout::DIRECT_MAP + block.0);
    if let Err(error) = frames.free_frame(block) {
        panic!("{error}");
    }
    result
}
