//! One direction of a line that damages what goes over it.

use crate::dice::Dice;
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(1);

/// A burst that is lost takes no longer than this, however little is sent: it is a receiver that overflows.
const LONGEST_BURST: Duration = Duration::from_secs(2);

/// How often what goes wrong. Rates are per byte, or per block where that is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// A bit is flipped.
    pub(crate) flips: f64,
    /// A byte is lost.
    pub(crate) lost: f64,
    /// A byte comes twice.
    pub(crate) doubled: f64,
    /// A burst of bytes is lost.
    pub(crate) bursts: f64,
    /// The shortest and the longest burst.
    pub(crate) burst: (usize, usize),
    /// Everything is lost for a while. Per block.
    pub(crate) outages: f64,
    /// For how long at most.
    pub(crate) outage: Duration,
    /// Everything is read at another speed than it was sent at, for a second. Per block.
    pub(crate) misread: f64,
    /// A block comes byte by byte, one each second, and what is sent meanwhile after it. Per block.
    pub(crate) trickles: f64,
    /// A block comes again, up to two seconds later. Per block.
    pub(crate) repeated: f64,
    /// A block is overtaken by those after it. Per block.
    pub(crate) delayed: f64,
    /// Random bytes come before, in or after a block. Per block.
    pub(crate) garbage: f64,
    /// Zero bytes or 0xff come before, in or after a block. Per block.
    pub(crate) floods: f64,
    /// Text of another program comes before, in or after a block. Per block.
    pub(crate) foreign: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            flips: 0.0,
            lost: 0.0,
            doubled: 0.0,
            bursts: 0.0,
            burst: (0, 0),
            outages: 0.0,
            outage: Duration::from_secs(3),
            misread: 0.0,
            trickles: 0.0,
            repeated: 0.0,
            delayed: 0.0,
            garbage: 0.0,
            floods: 0.0,
            foreign: 0.0,
        }
    }
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Line {
    faults: Faults,
    dice: Dice,
    under_way: BTreeMap<(Duration, u64), Vec<u8>>,
    sent: u64,
    /// Bytes until the next flip, loss, doubling and burst.
    until: [usize; 4],
    /// Bytes of the present burst that are still to be lost.
    burst: usize,
    burst_until: Duration,
    dead_until: Duration,
    is_dead: bool,
    misread_until: Duration,
    /// The last byte of a trickle comes then.
    trickles_until: Duration,
}

impl Line {
    /// A line with nothing on it.
    pub(crate) fn new(faults: Faults, mut dice: Dice) -> Self {
        let until = Self::rates(&faults).map(|rate| dice.failures(rate));
        Self {
            faults,
            dice,
            under_way: BTreeMap::new(),
            sent: 0,
            until,
            burst: 0,
            burst_until: Duration::ZERO,
            dead_until: Duration::ZERO,
            is_dead: false,
            misread_until: Duration::ZERO,
            trickles_until: Duration::ZERO,
        }
    }

    /// Sends a block.
    pub(crate) fn send(&mut self, block: &[u8], now: Duration) {
        // Behind each outage something is heard: else a few of them together are as a line that is dead for longer.
        let is_just_over = std::mem::replace(&mut self.is_dead, now < self.dead_until) && !self.is_dead;
        if !self.is_dead && !is_just_over && self.dice.chance(self.faults.outages) {
            let most = self.faults.outage.as_millis() as usize;
            self.dead_until = now + Duration::from_millis(self.dice.below(most) as u64);
            self.is_dead = true;
        }
        if now < self.dead_until {
            return;
        }
        if now < self.trickles_until || self.dice.chance(self.faults.trickles) {
            return self.trickle(block, now);
        }
        let whole = self.insert(block.to_vec());
        let block = self.damage(whole, now);
        if self.dice.chance(self.faults.repeated) {
            let later = Duration::from_micros(self.dice.below(2_000_000) as u64);
            self.put(block.clone(), now + LATENCY + later);
        }
        let delayed = self.dice.chance(self.faults.delayed);
        let delay = Duration::from_micros(if delayed { self.dice.below(400_000) as u64 } else { 0 });
        self.put(block, now + LATENCY + delay);
    }

    /// What would take too long overflows somewhere.
    fn trickle(&mut self, block: &[u8], now: Duration) {
        const LONGEST: Duration = Duration::from_secs(20);
        for &byte in block {
            if self.trickles_until.saturating_sub(now) > LONGEST {
                return;
            }
            self.trickles_until = self.trickles_until.max(now) + Duration::from_secs(1);
            self.put(vec![byte], self.trickles_until);
        }
    }

    /// Puts bytes on the line as they are.
    pub(crate) fn put(&mut self, block: Vec<u8>, at: Duration) {
        self.sent += 1;
        self.under_way.insert((at, self.sent), block);
    }

    /// When the next block arrives.
    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// When the last block arrives.
    pub(crate) fn last_arrival(&self) -> Option<Duration> {
        self.under_way.keys().next_back().map(|(at, _)| *at)
    }

    /// The next block that has arrived.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.under_way.first_entry().filter(|entry| entry.key().0 <= now).map(OccupiedEntry::remove)
    }

    fn rates(faults: &Faults) -> [f64; 4] {
        [faults.flips, faults.lost, faults.doubled, faults.bursts]
    }

    /// Inserts what does not belong there.
    fn insert(&mut self, mut block: Vec<u8>) -> Vec<u8> {
        if self.dice.chance(self.faults.garbage) {
            let length = self.dice.between(1, 300);
            let garbage = self.dice.bytes(length);
            self.insert_into(&mut block, &garbage);
        }
        if self.dice.chance(self.faults.floods) {
            let byte = if self.dice.chance(0.5) { 0 } else { 0xff };
            let flood = vec![byte; self.dice.between(1, 3000)];
            self.insert_into(&mut block, &flood);
        }
        if self.dice.chance(self.faults.foreign) {
            let text = "[    3.141592] usb 1-1: new device\r\ntest_3 ... ok\r\nVerdict(Passed)\r\n";
            let length = self.dice.between(1, text.len());
            self.insert_into(&mut block, &text.as_bytes()[..length]);
        }
        block
    }

    fn insert_into(&mut self, block: &mut Vec<u8>, bytes: &[u8]) {
        let at = self.dice.below(block.len() + 1);
        block.splice(at..at, bytes.iter().copied());
    }

    /// Strikes single bytes and bursts.
    fn damage(&mut self, block: Vec<u8>, now: Duration) -> Vec<u8> {
        if self.dice.chance(self.faults.misread) {
            self.misread_until = now + Duration::from_secs(1);
        }
        if now < self.misread_until {
            let length = self.dice.between(1, block.len() + 1);
            return self.dice.bytes(length);
        }
        if now >= self.burst_until {
            self.burst = 0;
        }
        if self.burst == 0 && self.until.iter().all(|&until| until >= block.len()) {
            self.until.iter_mut().for_each(|until| *until = until.saturating_sub(block.len()));
            return block;
        }
        let mut damaged = Vec::with_capacity(block.len() + 8);
        for byte in block {
            let [flip, lose, double, burst] = std::array::from_fn(|fault| self.strikes(fault));
            if burst {
                self.burst = self.dice.between(self.faults.burst.0, self.faults.burst.1);
                self.burst_until = now + LONGEST_BURST;
            }
            if self.burst > 0 {
                self.burst -= 1;
            } else if !lose {
                let byte = if flip { byte ^ 1 << self.dice.below(8) } else { byte };
                damaged.extend(std::iter::repeat_n(byte, 1 + usize::from(double)));
            }
        }
        damaged
    }

    fn strikes(&mut self, fault: usize) -> bool {
        let strikes = self.until[fault] == 0;
        self.until[fault] = match self.until[fault].checked_sub(1) {
            Some(left) => left,
            None => self.dice.failures(Self::rates(&self.faults)[fault]),
        };
        strikes
    }
}
