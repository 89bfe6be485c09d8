//! Ctrl-C.
//!
//! The first ends the run under way, with a report of what ran until then: it comes to the run as anything else that happens
//! outside, and whoever waits for a board by then, and so keeps the run from hearing it, asks [`is_wanted`] and waits no
//! longer. The second ends the program, and its keeper what it has started. What is half done to a board meanwhile, an image that
//! is being sent, a supply that is being switched, is not cut off by the first.

use crate::loader::Incoming;
use crate::session::EXIT_INTERRUPTED;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whom an interrupt is told: the run under way.
static UNDER_WAY: Mutex<Option<Sender<Incoming>>> = Mutex::new(None);

/// Whether that run was told of one.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Has interrupts told to the run that begins, in which there was none so far. One handler serves every run of this process:
/// `check` makes several.
pub(crate) fn listen(outside: Sender<Incoming>) {
    let mut run = under_way();
    // Relaxed, here and below: a flag for itself, that is looked at again and again.
    WANTED.store(false, Ordering::Relaxed);
    *run = Some(outside);
    drop(run);
    // An error says that the handler is there already.
    let _ = ctrlc::set_handler(|| {
        let mut run = under_way();
        let is_told = run.take().is_some_and(|run| run.send(Incoming::Interrupted).is_ok());
        WANTED.store(is_told, Ordering::Relaxed);
        drop(run);
        if !is_told {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    });
}

/// Whether the run under way is to end.
pub(crate) fn is_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

fn under_way() -> MutexGuard<'static, Option<Sender<Incoming>>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}
