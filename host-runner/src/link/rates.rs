//! How fast a line is: each speed is tried in turn until a whole frame arrives.
//!
//! A board that waits for a host says so again and again (a beacon), so whichever speed is right is found within a round.
//! A frame has a checksum of 32 bits: text and noise at a wrong speed do not pass for one.

use std::time::{Duration, Instant};
use wire::host::{Heard, Receiver};

/// How long one speed is tried. A board says that it is there several times in it.
const TRIAL: Duration = Duration::from_secs(1);

/// For how long after a change of speed what is heard may have come before it: an adapter keeps bytes back for 16 ms, and the
/// reader may be late.
const BLUR: Duration = Duration::from_millis(200);

/// The speeds of a line, one of which is being tried or known to be right.
#[derive(Debug)]
pub(super) struct Rates {
    bauds: Vec<u32>,
    /// The place in `bauds` of the one that is set.
    current: usize,
    settled: bool,
    /// Whether another speed was set before.
    changed: bool,
    since: Instant,
    ear: Receiver,
}

impl Rates {
    /// Begins with `first` if it is one of `bauds`: the speed at which the line was heard last.
    pub(super) fn new(bauds: &[u32], first: Option<u32>, now: Instant) -> Self {
        let current = bauds.iter().position(|baud| Some(*baud) == first).unwrap_or_default();
        Self {
            bauds: bauds.to_vec(),
            current,
            settled: bauds.len() < 2,
            changed: false,
            since: now,
            ear: Receiver::default(),
        }
    }

    /// The speed to be set.
    pub(super) fn current(&self) -> u32 {
        self.bauds.get(self.current).copied().unwrap_or_default()
    }

    /// Takes what was heard; the speed, if that is known by it for the first time.
    pub(super) fn hear(&mut self, bytes: &[u8], now: Instant) -> Option<u32> {
        if self.settled || (self.changed && now.saturating_duration_since(self.since) < BLUR) {
            return None;
        }
        let mut heard = Vec::new();
        self.ear.receive(bytes, &mut heard);
        self.settled = heard.iter().any(|heard| !matches!(heard, Heard::Noise(_)));
        self.settled.then(|| self.current())
    }

    /// The next speed, if the current one has had its time.
    pub(super) fn next(&mut self, now: Instant) -> Option<u32> {
        if self.settled || now.saturating_duration_since(self.since) < TRIAL {
            return None;
        }
        (self.changed, self.since) = (true, now);
        self.ear = Receiver::default();
        self.current = (self.current + 1) % self.bauds.len();
        Some(self.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{BootId, Station};

    const FAST: u32 = 3_000_000;
    const SLOW: u32 = 115_200;

    fn beacon() -> Vec<u8> {
        let mut bytes = Vec::new();
        Station::new(BootId(1), [0; 4096]).beacon(&mut |sent: &[u8]| bytes.extend_from_slice(sent));
        bytes
    }

    #[test]
    fn each_speed_gets_its_time_in_turn() {
        let start = Instant::now();
        let mut rates = Rates::new(&[FAST, SLOW], None, start);
        assert_eq!(rates.current(), FAST);
        assert_eq!(rates.next(start + TRIAL / 2), None);
        assert_eq!(rates.next(start + TRIAL), Some(SLOW));
        assert_eq!(rates.next(start + TRIAL), None, "the new one has its own time");
        assert_eq!(rates.next(start + TRIAL * 2), Some(FAST));
    }

    #[test]
    fn a_whole_frame_settles_it_and_noise_does_not() {
        let start = Instant::now();
        let mut rates = Rates::new(&[FAST, SLOW], None, start);
        assert_eq!(rates.hear(b"LK boot loader, not a frame\r\n\0\xff\x01\x02\0", start), None);
        assert_eq!(rates.next(start + TRIAL), Some(SLOW));
        let (beacon, now) = (beacon(), start + TRIAL + BLUR);
        let (first, rest) = beacon.split_at(5);
        assert_eq!(rates.hear(first, now), None);
        assert_eq!(rates.hear(rest, now), Some(SLOW));
        assert_eq!(rates.hear(&beacon, now), None, "said once");
        assert_eq!(rates.next(start + TRIAL * 9), None);
    }

    #[test]
    fn the_first_frame_at_the_first_speed_settles_it() {
        let start = Instant::now();
        assert_eq!(Rates::new(&[FAST, SLOW], None, start).hear(&beacon(), start), Some(FAST));
    }

    #[test]
    fn a_frame_that_came_before_the_change_does_not_settle_it() {
        let start = Instant::now();
        let mut rates = Rates::new(&[FAST, SLOW], None, start);
        assert_eq!(rates.next(start + TRIAL), Some(SLOW));
        assert_eq!(rates.hear(&beacon(), start + TRIAL), None);
        assert_eq!(rates.next(start + TRIAL * 2), Some(FAST));
        assert_eq!(rates.hear(&beacon(), start + TRIAL * 2 + BLUR), Some(FAST));
    }

    #[test]
    fn the_last_boots_speed_is_tried_first() {
        let now = Instant::now();
        assert_eq!(Rates::new(&[FAST, SLOW], Some(SLOW), now).current(), SLOW);
        assert_eq!(Rates::new(&[FAST, SLOW], Some(9_600), now).current(), FAST);
    }

    #[test]
    fn the_only_speed_is_right() {
        let start = Instant::now();
        let mut rates = Rates::new(&[SLOW], None, start);
        assert_eq!((rates.current(), rates.next(start + TRIAL * 9)), (SLOW, None));
    }
}
