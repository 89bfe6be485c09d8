//! A file of registers that keep what is written to them.

/// The most registers that can be told from zero.
const SLOTS: usize = 64;

/// The registers, by their addresses.
#[derive(Debug)]
pub struct File {
    slots: [(u64, u32); SLOTS],
    used: usize,
}

impl Default for File {
    fn default() -> Self {
        Self { slots: [(0, 0); SLOTS], used: 0 }
    }
}

impl File {
    /// What was written there last; zero before.
    #[must_use]
    pub fn read(&self, address: u64) -> u32 {
        self.slots.iter().take(self.used).find(|slot| slot.0 == address).map_or(0, |slot| slot.1)
    }

    /// Keeps a value. Where there are too many, it is lost.
    pub fn write(&mut self, address: u64, value: u32) {
        let known = self.slots.iter_mut().take(self.used).find(|slot| slot.0 == address);
        if let Some(slot) = known {
            slot.1 = value;
        } else if let Some(slot) = self.slots.get_mut(self.used) {
            *slot = (address, value);
            self.used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_does_not_fit_is_not() {
        let mut file = File::default();
        assert_eq!(file.read(4), 0);
        for address in 0..SLOTS as u64 + 1 {
            file.write(address, 1);
            file.write(address, 2);
        }
        assert_eq!((file.read(4), file.read(SLOTS as u64)), (2, 0));
    }
}
