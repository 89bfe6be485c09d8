//! What a test has measured, on its way to the host.
//!
//! Any core sends at any time, also while others log: a number goes out whole, as one frame of the link. One that cannot
//! be sent, because its names are too long or because an exception interrupted the link's use on the same core, is
//! counted, and the count is sent with the verdict.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use machine::MAX_CORES;
use wire::{MAX_BODY, Number};

use crate::{cores::CoreId, link};

static DROPPED: [AtomicU32; MAX_CORES] = [const { AtomicU32::new(0) }; MAX_CORES];

/// Sends a number to the host, as part of the test under way.
///
/// What is sent after the test has returned is lost. A handler that interrupted a send on its own core cannot send.
pub fn send(number: &Number<'_>) {
    let mut body = [0; MAX_BODY];
    let sent = number.encode(&mut body).is_ok_and(link::number);
    if let Some(dropped) = DROPPED.get(CoreId::current().index()).filter(|_| !sent) {
        dropped.fetch_add(1, Relaxed);
    }
}

/// How many numbers of `core` were dropped since this was last asked.
pub(crate) fn take_dropped(core: CoreId) -> u32 {
    DROPPED.get(core.index()).map_or(0, |dropped| dropped.swap(0, Relaxed))
}
