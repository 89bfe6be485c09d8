//! Times work that may turn out to be hopeless: who takes a hundred times as long as the others is cut off.

use crate::figure::{NOTHING, Reading};
use std::time::{Duration, Instant};

/// Steps between two looks at the clock: few enough for steps of 100 us, many enough to make the looks cheap.
const BETWEEN_LOOKS: usize = 256;

/// Timed work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    /// Nanoseconds a step.
    pub(crate) reading: Reading,
    /// Steps.
    pub(crate) done: usize,
}

/// Does `count` steps, or as many as it can in that time. A step without a result could not be done, and ends it.
pub(crate) fn time(count: usize, budget: Duration, mut step: impl FnMut(usize) -> Option<()>) -> Timed {
    let began = Instant::now();
    let mut done = 0;
    while done < count && began.elapsed() < budget {
        let until = count.min(done + BETWEEN_LOOKS);
        if (done..until).try_for_each(&mut step).is_none() {
            return Timed { reading: FAILED, done };
        }
        done = until;
    }
    let value = began.elapsed().as_nanos() as f64 / done.max(1) as f64;
    Timed { reading: Reading { value, mark: mark(done, count) }, done }
}

/// Cut off, unless everything was done.
pub(crate) const fn mark(done: usize, count: usize) -> &'static str {
    if done < count { ">" } else { "" }
}

/// There was nothing to be had.
pub(crate) const FAILED: Reading = Reading { value: f64::NAN, mark: "failed" };

/// Not asked for, or nothing to answer.
pub(crate) const NONE: Reading = Reading { value: f64::NAN, mark: NOTHING };
