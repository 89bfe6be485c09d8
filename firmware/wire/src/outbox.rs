//! The board's last frames, kept to be sent again.

use crate::{Channel, MAX_BODY};

/// A record: sequence (4), channel (1), body length (2), body.
const HEADER: usize = 7;

/// The newest frames that fit into a buffer of the owner's kind, in one ring of variable-length records.
///
/// Invariant: the records between `oldest` and `oldest + used` (modulo the ring's length) are whole, and their
/// sequence numbers are consecutive and end with `next - 1`.
#[derive(Debug)]
pub struct Outbox<R> {
    ring: R,
    oldest: usize,
    used: usize,
    records: u32,
    next: u32,
}

impl<R: AsRef<[u8]> + AsMut<[u8]>> Outbox<R> {
    /// Empty; the first record gets number 0. What lies in `ring` does not matter. A ring that is shorter than a
    /// record keeps none of it.
    #[must_use]
    pub const fn new(ring: R) -> Self {
        Self { ring, oldest: 0, used: 0, records: 0, next: 0 }
    }

    /// Forgets everything and counts from 0 again.
    pub const fn clear(&mut self) {
        (self.oldest, self.used, self.records, self.next) = (0, 0, 0, 0);
    }

    /// The number the next record gets.
    #[must_use]
    pub const fn next_sequence(&self) -> u32 {
        self.next
    }

    /// The lowest number that can still be sent again.
    #[must_use]
    pub const fn oldest_sequence(&self) -> u32 {
        self.next.wrapping_sub(self.records)
    }

    /// Keeps a record, at the price of the oldest ones; returns its number. A body over [`MAX_BODY`] is cut.
    pub fn push(&mut self, channel: Channel, body: &[u8]) -> u32 {
        let body = body.get(..MAX_BODY.min(body.len())).unwrap_or_default();
        let sequence = self.next;
        self.next = self.next.wrapping_add(1);
        while self.used > 0 && self.used + HEADER + body.len() > self.size() {
            self.drop_oldest();
        }
        if HEADER + body.len() > self.size() {
            return sequence;
        }
        let [s0, s1, s2, s3] = sequence.to_le_bytes();
        let [l0, l1] = u16::try_from(body.len()).unwrap_or(0).to_le_bytes();
        self.append(&[s0, s1, s2, s3, channel as u8, l0, l1]);
        self.append(body);
        self.records += 1;
        sequence
    }

    /// Hands the records numbered `from..until` that are still kept to `each`, with their bodies.
    pub fn replay(&self, from: u32, until: u32, mut each: impl FnMut(u32, Channel, &[u8])) {
        let mut body = [0; MAX_BODY];
        let mut offset = 0;
        for _ in 0..self.records {
            let Some((sequence, channel, length)) = self.header(offset) else { return };
            let wanted = sequence.wrapping_sub(from) < until.wrapping_sub(from);
            if let Some(body) = body.get_mut(..length).filter(|_| wanted) {
                self.read(offset + HEADER, body);
                each(sequence, channel, body);
            }
            offset += HEADER + length;
        }
    }

    fn size(&self) -> usize {
        self.ring.as_ref().len()
    }

    fn drop_oldest(&mut self) {
        let Some((_, _, length)) = self.header(0) else {
            // Unreachable while the invariant holds; forgetting everything keeps `push` finite if it does not.
            (self.used, self.records) = (0, 0);
            return;
        };
        let size = HEADER + length;
        self.oldest = (self.oldest + size) % self.size();
        self.used = self.used.saturating_sub(size);
        self.records = self.records.saturating_sub(1);
    }

    fn header(&self, offset: usize) -> Option<(u32, Channel, usize)> {
        let mut header = [0; HEADER];
        self.read(offset, &mut header);
        let [s0, s1, s2, s3, channel, l0, l1] = header;
        let channel = Channel::from_byte(channel)?;
        Some((u32::from_le_bytes([s0, s1, s2, s3]), channel, usize::from(u16::from_le_bytes([l0, l1]))))
    }

    /// Copies out of the ring, `offset` bytes behind the oldest record.
    fn read(&self, offset: usize, into: &mut [u8]) {
        let start = (self.oldest + offset) % self.size();
        let (until_end, from_start) = into.split_at_mut(into.len().min(self.size() - start));
        for (part, at) in [(until_end, start), (from_start, 0)] {
            if let Some(bytes) = self.ring.as_ref().get(at..at + part.len()) {
                part.copy_from_slice(bytes);
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        let start = (self.oldest + self.used) % self.size();
        let (until_end, from_start) = bytes.split_at(bytes.len().min(self.size() - start));
        for (part, at) in [(until_end, start), (from_start, 0)] {
            if let Some(slot) = self.ring.as_mut().get_mut(at..at + part.len()) {
                slot.copy_from_slice(part);
            }
        }
        self.used += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn replayed<const N: usize>(outbox: &Outbox<[u8; N]>, from: u32, until: u32) -> Vec<(u32, Vec<u8>)> {
        let mut records = Vec::new();
        outbox.replay(from, until, |sequence, channel, body| {
            assert_eq!(channel, Channel::Log);
            records.push((sequence, body.to_vec()));
        });
        records
    }

    proptest! {
        #[test]
        fn the_newest_records_come_back_as_they_were(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=MAX_BODY), 0..60),
        ) {
            let mut outbox = Outbox::new([0; 3000]);
            for body in &bodies {
                outbox.push(Channel::Log, body);
            }
            let oldest = outbox.oldest_sequence();
            let kept: usize = bodies[oldest as usize..].iter().map(|body| HEADER + body.len()).sum();
            prop_assert!(kept <= 3000);
            if let Some(dropped) = oldest.checked_sub(1) {
                prop_assert!(kept + HEADER + bodies[dropped as usize].len() > 3000, "dropped without need");
            }
            let expected: Vec<_> = (oldest..).zip(bodies[oldest as usize..].to_vec()).collect();
            prop_assert_eq!(replayed(&outbox, 0, u32::MAX), expected);
        }
    }

    #[test]
    fn only_the_records_asked_for_are_replayed() {
        let mut outbox = Outbox::new([0; 4096]);
        for byte in 0..10 {
            outbox.push(Channel::Log, &[byte]);
        }
        assert_eq!(replayed(&outbox, 3, 5), [(3, vec![3]), (4, vec![4])]);
        assert_eq!(replayed(&outbox, 5, 5), []);
    }

    #[test]
    fn a_body_that_is_too_long_is_cut() {
        let mut outbox = Outbox::new([0; 4096]);
        outbox.push(Channel::Log, &[1; MAX_BODY + 1]);
        assert_eq!(replayed(&outbox, 0, 1), [(0, vec![1; MAX_BODY])]);
    }

    #[test]
    fn a_ring_too_short_for_a_record_keeps_none() {
        let mut outbox = Outbox::new([0; 16]);
        assert_eq!((outbox.push(Channel::Log, &[1; 3]), outbox.push(Channel::Log, &[1; 30])), (0, 1));
        assert_eq!((outbox.oldest_sequence(), outbox.next_sequence()), (2, 2));
    }
}
