//! The monitor: runs the phone's image at EL1 on every core, and answers for the devices that QEMU does not have.
//!
//! QEMU enters it at EL2 with the MMU off, and every core that the image starts comes through here as well. It lies
//! in RAM that the phone does not have, and never takes an interrupt but its own.
//!
//! | invariant | kept by | checked by |
//! |---|---|---|
//! | the image cannot reach the monitor or QEMU's devices | the second stage of translation, on before EL1 is entered | the runner's tests of the twin |
//! | one core at a time uses the models | the lock around them; the monitor is never interrupted | – |
//! | no atomic is used before the MMU is on | `start_cold` and `start_core` turn it on first | – |

#![expect(unsafe_code, reason = "sets up a processor's second exception level, and reaches devices")]
#![no_std]
#![no_main]

mod cores;
mod frame;
mod memory;
mod power;
mod registers;
mod trap;

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use spin::Mutex;
use twin::block::{End, OPTION_WORDS, Options, RECORD_WORDS, Record};
use twin::devices::Devices;
use twin::{gic, map};

use memory::Registers;

core::arch::global_asm!(
    include_str!("entry.s"),
    start_cold = sym start_cold,
    start_core = sym cores::start,
    stack_size = const 16 << 10,
);

/// The models, once the host's wishes are known.
static DEVICES: Mutex<Option<Devices>> = Mutex::new(None);

/// The boot core, on its stack, with zeros in `.bss`.
extern "C" fn start_cold() -> ! {
    memory::turn_on_first();
    let Some(options) = options() else { panic!("the host has left no options") };
    memory::map_phone(&options);
    let mut devices = Devices::new(&options, registers::now());
    gic::prepare(&mut Registers);
    publish(&mut devices.record);
    *DEVICES.lock() = Some(devices);
    cores::begin_watch();
    cores::enter(0, options.entry, options.device_tree)
}

fn options() -> Option<Options> {
    let mut words = [0; OPTION_WORDS];
    for (place, address) in words.iter_mut().zip((map::OPTIONS..).step_by(8)) {
        *place = memory::read(address, 8);
    }
    Options::from_words(&words)
}

/// Uses the models.
fn with_devices<R>(work: impl FnOnce(&mut Devices) -> R) -> R {
    match DEVICES.lock().as_mut() {
        Some(devices) => work(devices),
        None => panic!("the models are there before the image runs"),
    }
}

/// Puts the record where the host reads it, at any time: from its end on, so that no access is counted before it is
/// described.
fn publish(record: &mut Record) {
    for (place, word) in record.to_words().into_iter().enumerate().rev() {
        memory::write(map::RECORD + 8 * place as u64, 8, word);
    }
}

/// Ends the machine; the host reads how.
fn end(end: End) -> ! {
    with_devices(|devices| {
        devices.record.end = Some(end);
        publish(&mut devices.record);
    });
    match end {
        End::PsciOff | End::PowerOff | End::Monitor => power::off(),
        End::PsciReset | End::WarmReset | End::Watchdog(_) => power::reset(),
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    // The lock may be held, by this core even: only the words of the end are written. Magic first, for there may be
    // none yet.
    if PANICS.fetch_add(1, Relaxed) == 0 {
        let words: [u64; RECORD_WORDS] = Record { end: Some(End::Monitor), ..Record::default() }.to_words();
        for (&word, address) in words.iter().take(2).zip((map::RECORD..).step_by(8)) {
            memory::write(address, 8, word);
        }
    }
    power::off()
}
