//! One of the phone's two watchdogs: a counter that runs down, and resets the phone at zero unless it is fed.

/// Offsets of registers.
mod register {
    pub(super) const CONTROL: u64 = 0x0;
    pub(super) const RELOAD: u64 = 0x4;
    pub(super) const COUNT: u64 = 0x8;
}

const RESET_ENABLE: u32 = 1 << 0;
const ENABLE: u32 = 1 << 5;

/// A watchdog. Its clock is taken for the timer's, which the public sources do not say.
#[derive(Clone, Debug, Default)]
pub struct Watchdog {
    control: u32,
    reload: u32,
    /// What the counter held at `since`.
    count: u32,
    since: u64,
}

impl Watchdog {
    /// One that a boot loader has armed: it bites `ticks` after `now`.
    #[must_use]
    pub fn armed(now: u64, ticks: u64) -> Self {
        // The slowest that the control register can say: divided by 128 and by 256.
        let control = ENABLE | RESET_ENABLE | 0b11 << 3 | 0xff << 8;
        let count = (ticks / divisor(control)).max(1) as u32;
        Self { control, reload: count, count, since: now }
    }

    /// Reads the register at `offset`.
    #[must_use]
    pub fn read(&self, offset: u64, now: u64) -> u32 {
        match offset {
            register::CONTROL => self.control,
            register::RELOAD => self.reload,
            register::COUNT => self.left(now),
            _ => 0,
        }
    }

    /// Writes it.
    pub fn write(&mut self, offset: u64, value: u32, now: u64) {
        match offset {
            register::CONTROL => {
                (self.count, self.since) = (self.left(now), now);
                self.control = value;
            }
            register::RELOAD => self.reload = value,
            register::COUNT => (self.count, self.since) = (value, now),
            _ => {}
        }
    }

    /// Whether it resets the phone now.
    #[must_use]
    pub fn bites(&self, now: u64) -> bool {
        self.is_running() && self.control & RESET_ENABLE != 0 && self.left(now) == 0
    }

    /// Whether it counts.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.control & ENABLE != 0
    }

    fn left(&self, now: u64) -> u32 {
        if !self.is_running() {
            return self.count;
        }
        let gone = now.saturating_sub(self.since) / divisor(self.control);
        u64::from(self.count).saturating_sub(gone) as u32
    }
}

/// How many ticks of the clock are one of the counter.
const fn divisor(control: u32) -> u64 {
    let prescaler = (control >> 8 & 0xff) as u64 + 1;
    prescaler * (16 << (control >> 3 & 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_bites_and_can_be_fed_and_stopped() {
        let mut dog = Watchdog::default();
        dog.write(0x8, 10, 0);
        dog.write(0x0, ENABLE | RESET_ENABLE, 100);
        assert_eq!((dog.read(0x8, 100 + 16 * 4), dog.bites(100 + 16 * 4)), (6, false));
        assert!(dog.bites(100 + 160));
        dog.write(0x8, 10, 100 + 159);
        assert!(!dog.bites(100 + 160), "fed");
        dog.write(0x0, 0, 200);
        assert!(!dog.bites(u64::MAX), "stopped");
    }

    #[test]
    fn one_that_may_not_reset_does_not_bite() {
        let mut dog = Watchdog::default();
        dog.write(0x8, 1, 0);
        dog.write(0x0, ENABLE, 0);
        assert_eq!((dog.read(0x8, 1000), dog.bites(1000)), (0, false));
    }

    #[test]
    fn one_that_the_boot_loader_armed_bites_in_its_time() {
        let dog = Watchdog::armed(1000, 24_576_000);
        assert!(!dog.bites(1000 + 24_000_000));
        assert!(dog.bites(1000 + 24_576_000));
    }
}
