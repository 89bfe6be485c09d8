//! Who answers an access that is not to RAM.

use crate::block::{End, Options, Record};
use crate::file::File;
use crate::map::{FILES, GICD, GICR, PMU, UART, WATCHDOGS};
use crate::pmu::Pmu;
use crate::uart::Uart;
use crate::watchdog::Watchdog;
use crate::{Hardware, TIMER_HZ, gic};
use core::ops::Range;

/// Every device that the phone's firmware may touch.
#[derive(Debug)]
pub struct Devices {
    uart: Uart,
    watchdogs: [Watchdog; 2],
    pmu: Pmu,
    files: File,
    /// What happened so far.
    pub record: Record,
}

/// What comes of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done; of a load, this was read.
    Done(u64),
    /// The device cannot be accessed like that: an SError.
    SError,
    /// There is nothing there.
    Stray,
}

/// A load or a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where.
    pub address: u64,
    /// How wide.
    pub bytes: u8,
    /// What is stored, if it is a store.
    pub stored: Option<u64>,
}

impl Devices {
    /// As the host wants them, at this time.
    #[must_use]
    pub fn new(options: &Options, now: u64) -> Self {
        let mut watchdogs = [Watchdog::default(), Watchdog::default()];
        if options.watchdog_ms > 0 {
            watchdogs[0] = Watchdog::armed(now, options.watchdog_ms * TIMER_HZ / 1000);
        }
        let mut devices = Self {
            uart: Uart::new(options.baud, TIMER_HZ, options.uart_dies_after),
            watchdogs,
            pmu: Pmu::new(PMU.start, options.reset_status, options.boot_mode),
            files: File::default(),
            record: Record { boot_mode: options.boot_mode, ..Record::default() },
        };
        devices.note_watchdogs();
        devices
    }

    /// Carries out an access.
    pub fn access(&mut self, access: Access, now: u64, hardware: &mut impl Hardware) -> Answer {
        let Access { address, bytes, stored } = access;
        if GICD.contains(&address) || GICR.contains(&address) {
            return Answer::Done(match stored {
                Some(value) => {
                    gic::write(address, bytes, value, hardware);
                    0
                }
                None => gic::read(address, bytes, hardware),
            });
        }
        if UART.contains(&address) {
            return self.access_uart(access, now, hardware);
        }
        if let Some(number) = WATCHDOGS.iter().position(|place| place.contains(&address)) {
            return self.access_watchdog(number, access, now);
        }
        if PMU.contains(&address) && stored.is_none() {
            return Answer::Done(u64::from(self.pmu.read(address - PMU.start)));
        }
        if FILES.iter().any(|place: &Range<u64>| place.contains(&address)) {
            return Answer::Done(self.access_file(address, stored));
        }
        Answer::Stray
    }

    fn access_uart(&mut self, access: Access, now: u64, hardware: &mut impl Hardware) -> Answer {
        if access.bytes != 4 {
            return Answer::SError;
        }
        let offset = access.address - UART.start;
        let read = match access.stored {
            Some(value) => {
                self.uart.write(offset, value as u32, now, hardware);
                0
            }
            None => self.uart.read(offset, now, hardware),
        };
        let Uart { sent, taken, overrun, .. } = self.uart;
        (self.record.sent, self.record.taken, self.record.overrun) = (sent, taken, overrun);
        Answer::Done(u64::from(read))
    }

    fn access_watchdog(&mut self, number: usize, access: Access, now: u64) -> Answer {
        let (Some(place), Some(dog)) = (WATCHDOGS.get(number), self.watchdogs.get_mut(number)) else {
            return Answer::Stray;
        };
        let offset = access.address - place.start;
        let Some(value) = access.stored else {
            return Answer::Done(u64::from(dog.read(offset, now)));
        };
        dog.write(offset, value as u32, now);
        self.note_watchdogs();
        Answer::Done(0)
    }

    fn note_watchdogs(&mut self) {
        let running = self.watchdogs.iter().enumerate().filter(|(_, dog)| dog.is_running());
        self.record.watchdogs = running.fold(0, |bits, (number, _)| bits | 1 << number);
    }

    fn access_file(&mut self, address: u64, stored: Option<u64>) -> u64 {
        if let Some(value) = stored {
            self.files.write(address, value as u32);
        }
        u64::from(self.files.read(address))
    }

    /// The secure monitor's call about the power management unit: what it returns, and how the machine ends if it does.
    pub fn call_pmu(&mut self, arguments: [u64; 4]) -> (u64, Option<End>) {
        let answer = self.pmu.call(arguments);
        self.record.boot_mode = self.pmu.boot_mode();
        answer
    }

    /// The watchdog that resets the phone now, if one does.
    #[must_use]
    pub fn biting(&self, now: u64) -> Option<End> {
        let number = self.watchdogs.iter().position(|dog| dog.bites(now))?;
        Some(End::Watchdog(number as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Hardware for Nothing {
        fn read(&mut self, _: u64, _: u8) -> u64 {
            1 << 4
        }

        fn write(&mut self, _: u64, _: u8, _: u64) {}
    }

    fn devices() -> Devices {
        Devices::new(&Options::new(0, 0), 0)
    }

    const fn load(address: u64, bytes: u8) -> Access {
        Access { address, bytes, stored: None }
    }

    #[test]
    fn the_serial_port_takes_32_bits_only() {
        let mut devices = devices();
        for bytes in [1, 2, 8] {
            assert_eq!(devices.access(load(UART.start + 0x18, bytes), 0, &mut Nothing), Answer::SError);
        }
        assert_eq!(devices.access(load(UART.start + 0x18, 4), 0, &mut Nothing), Answer::Done(0));
    }

    #[test]
    fn the_power_management_unit_is_read_by_loads_and_not_written_by_stores() {
        let mut devices = devices();
        assert_eq!(devices.access(load(PMU.start + 0x3e9c, 4), 0, &mut Nothing), Answer::Done(1 << 8));
        let store = Access { stored: Some(0), ..load(PMU.start + 0x3e9c, 4) };
        assert_eq!(devices.access(store, 0, &mut Nothing), Answer::Stray);
    }

    #[test]
    fn what_is_no_device_is_stray() {
        for address in [0, 0x0900_0000, UART.end + 0x1000, 0x1_0000_0000, GICR.end] {
            assert_eq!(devices().access(load(address, 4), 0, &mut Nothing), Answer::Stray, "{address:#x}");
        }
    }

    #[test]
    fn a_watchdog_that_is_armed_bites_and_one_that_is_stopped_does_not() {
        let mut options = Options::new(0, 0);
        options.watchdog_ms = 500;
        let mut devices = Devices::new(&options, 0);
        assert_eq!((devices.biting(TIMER_HZ / 4), devices.record.watchdogs), (None, 1));
        assert_eq!(devices.biting(TIMER_HZ), Some(End::Watchdog(0)));
        let stop = Access { stored: Some(0), ..load(WATCHDOGS[0].start, 4) };
        assert_eq!(devices.access(stop, 0, &mut Nothing), Answer::Done(0));
        assert_eq!((devices.biting(TIMER_HZ), devices.record.watchdogs), (None, 0));
    }
}
