//! Semihosting without a debugger.
//!
//! `embedded-test` asks for its test and gives its verdict by semihosting: `HLT #0xF000` (Arm, "Semihosting for
//! AArch32 and AArch64" §2). With no debugger attached that instruction is undefined, and the exception comes here. So
//! the same image runs under a debugger, under an emulator, and on a board that has only a serial port.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | a parameter block is read and written as its operation says | each operation below | every test that runs |

#![expect(unsafe_code, reason = "reads the instruction and the parameter block of a semihosting call")]

use core::fmt::Write;

use wire::{Doing, FromBoard, Outcome, RunId, ToBoard, Verdict};

use crate::{
    alone, boot, cores, cores::CoreId, crash, exceptions::Frame, interrupts, link, log, numbers, parameters,
    persist,
};

const HLT_F000: u32 = 0xd45e_0000;
const SYS_GET_CMDLINE: u64 = 0x15;
const SYS_EXIT: u64 = 0x18;
/// ADP_Stopped_ApplicationExit: the program ended by itself.
const APPLICATION_EXIT: u64 = 0x20026;
const FAILED: u64 = -1_i64 as u64;

/// Whether an exception is a semihosting call: class 0, and the instruction is the one.
pub(crate) fn is_call(esr: u64, elr: u64) -> bool {
    let instruction = core::ptr::with_exposed_provenance::<u32>(elr as usize);
    // SAFETY: an undefined instruction was fetched from there, so it can be read.
    esr >> 26 == 0 && elr.is_multiple_of(4) && unsafe { instruction.read() } == HLT_F000
}

/// Answers a call and has the program go on behind it; the call that ends the program does not return.
pub(crate) fn answer(frame: &mut Frame) {
    let [operation, block, ..] = frame.x;
    frame.x[0] = match operation & 0xffff_ffff {
        SYS_GET_CMDLINE => give_command_line(block),
        SYS_EXIT => exit(block),
        _ => FAILED,
    };
    frame.elr += 4;
}

/// SYS_GET_CMDLINE: a buffer and its length; what `embedded-test` wants to read there is `run_addr ADDRESS`.
fn give_command_line(block: u64) -> u64 {
    let block = core::ptr::with_exposed_provenance_mut::<[u64; 2]>(block as usize);
    // SAFETY: the operation's block is two words.
    let [buffer, capacity] = unsafe { block.read() };
    let mut line = Line { bytes: [0; 48], length: 0 };
    // A decimal address has at most 20 digits.
    let written = write!(line, "run_addr {}", wait_for_test());
    if written.is_err() || line.length as u64 >= capacity {
        return FAILED;
    }
    let buffer = core::ptr::with_exposed_provenance_mut::<u8>(buffer as usize);
    // SAFETY: the program owns `capacity` bytes there, and the text with the zero behind it is no longer.
    unsafe { buffer.copy_from_nonoverlapping(line.bytes.as_ptr(), line.length + 1) };
    // SAFETY: as above.
    unsafe { block.write([buffer.addr() as u64, line.length as u64]) };
    0
}

struct Line {
    bytes: [u8; 48],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let place = self.bytes.get_mut(self.length..self.length + text.len()).ok_or(core::fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

/// The entry address of the next test, when the host has ordered one, or the next at all where no host is heard.
fn wait_for_test() -> u64 {
    if !link::is_open() {
        return alone::next_test();
    }
    link::greet();
    let ordered = link::serve(alone::patience(), |link, order| match order {
        ToBoard::Run { run, entry, parameters } => {
            parameters::set(parameters);
            link.say(&FromBoard::Started { run });
            Some(entry)
        }
        _ => None,
    });
    match ordered {
        Some(entry) => {
            persist::set_alone(false);
            entry
        }
        None if persist::is_alone() => alone::next_test(),
        None => alone::begin(),
    }
}

/// SYS_EXIT: on AArch64 always a block of a reason and a code.
fn exit(block: u64) -> ! {
    let block = core::ptr::with_exposed_provenance::<[u64; 2]>(block as usize);
    // SAFETY: the operation's block is two words.
    let ended = unsafe { block.read() };
    finish(if ended == [APPLICATION_EXIT, 0] { Outcome::Passed } else { Outcome::Failed })
}

/// Ends the test: parks the other cores, gives the verdict, and starts anew for the next test.
pub(crate) fn finish(outcome: Outcome) -> ! {
    interrupts::mask();
    if CoreId::current() != CoreId::BOOT {
        // Only the core that runs the test may end it.
        crash::stop_all();
    }
    let lost_cores = cores::park_others();
    CoreId::all().for_each(say_what_was_dropped);
    link::with(|link| {
        let run = match link.doing() {
            Doing::Running { run } => run,
            Doing::Waiting { .. } | Doing::Crashed { .. } => RunId(0),
        };
        link.say(&FromBoard::Verdict(Verdict { run, outcome, lost_cores }));
        // A panic from here on is the boot's, not the test's.
        link.set_doing(Doing::Waiting { last: run });
    });
    alone::end_test(format_args!("{outcome:?}, lost cores {lost_cores:#x}"));
    if lost_cores == 0 {
        boot::restart()
    }
    // A core that still runs may touch anything: the memory cannot be given to another test.
    crash::stop_all()
}

/// Says how many log records and numbers of `core` could not be sent.
fn say_what_was_dropped(core: CoreId) {
    let (records, numbers) = (log::take_dropped(core), numbers::take_dropped(core));
    let core = core.index() as u32;
    link::with(|link| {
        if records > 0 {
            link.say(&FromBoard::LogDropped { core, records });
        }
        if numbers > 0 {
            link.say(&FromBoard::NumbersDropped { core, numbers });
        }
    });
}
