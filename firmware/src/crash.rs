//! The end of a test that cannot go on: every core says what it was doing, and the board only answers questions.
//!
//! The host resets the board then. Until it does, the first core that crashed serves the link, so that frames which
//! got lost can still be asked for.

use core::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{AcqRel, Acquire},
};

use wire::{Cause, CoreReport, Doing, FromBoard, RunId};

use crate::{clock::Deadline, cores, exceptions::Frame, link, notes};

static CRASHED: AtomicBool = AtomicBool::new(false);
/// How many cores have reported since the crash.
static REPORTED: AtomicUsize = AtomicUsize::new(0);

/// How long the other cores have for their reports.
const REPORT_MS: u64 = 100;

/// Reports this core's crash and never returns.
pub(crate) fn stop(report: &CoreReport) -> ! {
    link::seize(|link| link.say(&FromBoard::Core(report.clone())));
    let CoreReport { core, cause, esr, far, elr, .. } = report;
    notes::note(format_args!("core {core}: {cause:?}, esr {esr:#x}, far {far:#x}, elr {elr:#x}"));
    stop_all()
}

/// The same for a crash that was reported in another way.
pub(crate) fn stop_all() -> ! {
    // AcqRel: exactly one core finds `false`.
    if CRASHED.swap(true, AcqRel) {
        REPORTED.fetch_add(1, AcqRel);
        cores::halt();
    }
    cores::let_go();
    let others = cores::ask_others_to_report();
    let deadline = Deadline::in_ms(REPORT_MS);
    while REPORTED.load(Acquire) < others && !deadline.has_passed() {
        core::hint::spin_loop();
    }
    link::seize(|link| {
        let run = match link.doing() {
            Doing::Running { run } | Doing::Crashed { run } | Doing::Waiting { last: run } => run,
        };
        link.set_doing(Doing::Crashed { run });
    });
    link::serve(None, |_, _| None::<RunId>);
    cores::halt()
}

/// A core was asked what it does: it says so, and goes on unless there was a crash.
pub(crate) fn report_if_asked(frame: &Frame) {
    let report = frame.report(Cause::Asked);
    if !CRASHED.load(Acquire) {
        link::with(|link| link.say(&FromBoard::Core(report)));
        return;
    }
    link::seize(|link| link.say(&FromBoard::Core(report)));
    REPORTED.fetch_add(1, AcqRel);
    cores::halt();
}
