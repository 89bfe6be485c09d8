//! Panics: the message goes to the host, then the test ends.
//!
//! A panic of the test's own code ends the test with a verdict. One on another core, or inside an exception, is a
//! crash: what was interrupted cannot be ended in good order.

use core::{
    fmt::Write,
    panic::{Location, PanicInfo},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use aarch64_cpu::registers::{Readable, SPSel};
use wire::{Doing, FromBoard, MAX_TEXT, Outcome};

use crate::{alone, cores::CoreId, crash, exceptions, interrupts, link, notes, semihosting};

/// Set by the first panic: one while it is being reported must not start over.
static PANICKING: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    interrupts::mask();
    let mut message = Message { bytes: [0; MAX_TEXT], length: 0 };
    // Text that does not fit is cut: `write_str` never fails.
    let _ = write!(message, "{}", info.message());
    let location = info.location();
    let note = FromBoard::Panic {
        core: CoreId::current().index() as u32,
        message: message.as_str(),
        file: location.map_or("", Location::file),
        line: location.map_or(0, Location::line),
        backtrace: exceptions::backtrace_from_here(),
    };
    let running = link::seize(|link| {
        link.say(&note);
        matches!(link.doing(), Doing::Running { .. })
    });
    let line = location.map_or(0, Location::line);
    notes::note(format_args!("core {} panics, line {line}: {}", CoreId::current().index(), info.message()));
    // SPSel is 0 in code and 1 in an exception.
    let is_testing = running == Some(true) || alone::is_testing();
    let in_test = is_testing && CoreId::current() == CoreId::BOOT && SPSel.get() == 0;
    if in_test && !PANICKING.swap(true, Relaxed) {
        semihosting::finish(Outcome::Panicked);
    }
    crash::stop_all()
}

struct Message {
    bytes: [u8; MAX_TEXT],
    length: usize,
}

impl Message {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let fitting = text.floor_char_boundary(MAX_TEXT - self.length);
        let end = self.length + fitting;
        if let (Some(place), Some(text)) =
            (self.bytes.get_mut(self.length..end), text.as_bytes().get(..fitting))
        {
            place.copy_from_slice(text);
            self.length = end;
        }
        Ok(())
    }
}
