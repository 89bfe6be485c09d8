//! The debugger's end: what is read and written in the board's memory to exchange bytes with a [`Ring`](super::Ring).

use std::collections::VecDeque;
use std::vec::Vec;

/// What a control block with one channel each way takes.
const BLOCK: usize = HEADER + 2 * CHANNEL;
const HEADER: usize = 24;
const CHANNEL: usize = 32;
/// Where a channel has its two places.
const WRITE: usize = 20;
const READ: usize = 24;

const ID: &[u8; 16] = b"SEGGER RTT\0\0\0\0\0\0";

/// More is no ring of ours: what lies there is something else.
const MOST: u32 = 1 << 24;

/// A board's memory as a debugger reaches it.
pub trait Memory {
    /// Why it is not reached.
    type Error;

    /// The bytes from `address` on.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    fn read(&mut self, address: u64, length: usize) -> Result<Vec<u8>, Self::Error>;

    /// Changes the bytes from `address` on.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Takes everything that the board has written into the ring at `ring`, and gives it as much of `outgoing` as there is room
/// for. Nothing is taken and nothing given where no ring is yet, or something else lies there.
///
/// # Errors
///
/// When the memory is not reached. What was taken by then comes again.
pub fn exchange<M: Memory>(
    memory: &mut M,
    ring: u64,
    outgoing: &mut VecDeque<u8>,
) -> Result<Vec<u8>, M::Error> {
    let block = memory.read(ring, BLOCK)?;
    let Some((up, down)) = channels(&block) else { return Ok(Vec::new()) };
    let heard = up.take(memory, ring + HEADER as u64)?;
    down.give(memory, ring + (HEADER + CHANNEL) as u64, outgoing)?;
    Ok(heard)
}

/// The two channels, if that is a control block with one each way.
fn channels(block: &[u8]) -> Option<(Channel, Channel)> {
    let counts = (word(block, 16)?, word(block, 20)?);
    let is_ours = block.starts_with(ID) && counts == (1, 1);
    let channels = is_ours.then(|| (Channel::at(block, HEADER), Channel::at(block, HEADER + CHANNEL)))?;
    Some((channels.0?, channels.1?))
}

/// A channel as it was when it was read.
#[derive(Clone, Copy, Debug)]
struct Channel {
    buffer: u64,
    size: u32,
    write: u32,
    read: u32,
}

impl Channel {
    /// None if it contradicts itself.
    fn at(block: &[u8], offset: usize) -> Option<Self> {
        let [low, high] = [word(block, offset + 8)?, word(block, offset + 12)?];
        let channel = Self {
            buffer: u64::from(high) << 32 | u64::from(low),
            size: word(block, offset + 16)?,
            write: word(block, offset + WRITE)?,
            read: word(block, offset + READ)?,
        };
        let Self { buffer, size, write, read } = channel;
        let fits = size <= MOST && buffer.checked_add(u64::from(size)).is_some();
        (fits && write < size && read < size).then_some(channel)
    }

    /// Everything in it. The board may write there again afterwards.
    fn take<M: Memory>(self, memory: &mut M, channel: u64) -> Result<Vec<u8>, M::Error> {
        let mut bytes = Vec::new();
        for (start, end) in self.between(self.read, self.write) {
            bytes.extend(memory.read(self.buffer + u64::from(start), (end - start) as usize)?);
        }
        if self.read != self.write {
            memory.write(channel + READ as u64, &self.write.to_le_bytes())?;
        }
        Ok(bytes)
    }

    /// As much of `outgoing` as there is room for. The board reads it when all of it is there.
    fn give<M: Memory>(
        self,
        memory: &mut M,
        channel: u64,
        outgoing: &mut VecDeque<u8>,
    ) -> Result<(), M::Error> {
        // The place before the one that is read next stays empty.
        let last = if self.read == 0 { self.size - 1 } else { self.read - 1 };
        let mut write = self.write;
        for (start, end) in self.between(self.write, last) {
            let count = u32::try_from(outgoing.len()).unwrap_or(u32::MAX).min(end - start);
            let bytes: Vec<u8> = outgoing.iter().copied().take(count as usize).collect();
            if bytes.is_empty() {
                break;
            }
            memory.write(self.buffer + u64::from(start), &bytes)?;
            outgoing.drain(..bytes.len());
            write = if start + count == self.size { 0 } else { start + count };
        }
        if write != self.write {
            memory.write(channel + WRITE as u64, &write.to_le_bytes())?;
        }
        Ok(())
    }

    /// The places from one to another, in at most two pieces without a gap.
    fn between(self, from: u32, to: u32) -> impl Iterator<Item = (u32, u32)> {
        let pieces = if from <= to { [(from, to), (0, 0)] } else { [(from, self.size), (0, to)] };
        pieces.into_iter().filter(|(start, end)| start < end)
    }
}

fn word(block: &[u8], offset: usize) -> Option<u32> {
    block.get(offset..offset + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
#[expect(unsafe_code, reason = "reaches the ring as a debugger does: by its addresses alone")]
mod tests {
    use super::*;
    use crate::ram::Ring;
    use proptest::prelude::*;
    use std::convert::Infallible;
    use std::ptr::{from_ref, with_exposed_provenance_mut};
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

    type Small = Ring<8, 6>;

    /// This process's own memory.
    struct Own;

    impl Memory for Own {
        type Error = Infallible;

        fn read(&mut self, address: u64, length: usize) -> Result<Vec<u8>, Infallible> {
            Ok((0..length as u64).map(|offset| byte(address + offset).load(Relaxed)).collect())
        }

        fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Infallible> {
            for (offset, value) in bytes.iter().enumerate() {
                byte(address + offset as u64).store(*value, Relaxed);
            }
            Ok(())
        }
    }

    fn byte<'a>(address: u64) -> &'a AtomicU8 {
        // SAFETY: a ring of these tests lies there, all of whose fields are atomic, and it outlives the access; no other thread
        // uses it.
        unsafe { AtomicU8::from_ptr(with_exposed_provenance_mut(address as usize)) }
    }

    fn address(ring: &Small) -> u64 {
        from_ref(ring).expose_provenance() as u64
    }

    fn debug(ring: &Small, outgoing: &mut VecDeque<u8>) -> Vec<u8> {
        let Ok(heard) = exchange(&mut Own, address(ring), outgoing);
        heard
    }

    fn received(ring: &Small) -> Vec<u8> {
        std::iter::from_fn(|| ring.receive()).collect()
    }

    #[test]
    fn the_control_block_is_laid_out_as_rtts_is() {
        let ring = Small::new();
        ring.open();
        let Ok(block) = Own.read(address(&ring), BLOCK);
        assert_eq!(&block[..16], b"SEGGER RTT\0\0\0\0\0\0");
        assert_eq!((word(&block, 16), word(&block, 20)), (Some(1), Some(1)));
        // Name, buffer, size, places, flags; the bytes lie behind the block.
        let [up, down] = [24, 56].map(|at| Channel::at(&block, at).unwrap());
        let behind = address(&ring) + BLOCK as u64;
        assert_eq!((up.buffer, up.size, down.buffer, down.size), (behind, 8, behind + 8, 6));
        let name = u64::from_le_bytes(block[24..32].try_into().unwrap());
        assert_eq!(Own.read(name, 12), Ok(b"framekeeper\0".to_vec()));
    }

    #[test]
    fn a_ring_that_was_not_opened_is_left_alone() {
        let ring = Small::new();
        let mut outgoing = VecDeque::from([1]);
        assert_eq!((debug(&ring, &mut outgoing), outgoing.len()), (vec![], 1));
    }

    #[test]
    fn a_full_ring_takes_nothing_until_it_was_read() {
        let ring = Small::new();
        ring.open();
        let taken = (0..20).take_while(|&byte| ring.send(byte)).count();
        assert_eq!((taken, ring.is_full()), (7, true));
        assert_eq!(debug(&ring, &mut VecDeque::new()), [0, 1, 2, 3, 4, 5, 6]);
        assert!(!ring.is_full() && ring.send(7));
        assert_eq!(debug(&ring, &mut VecDeque::new()), [7]);
    }

    #[test]
    fn what_does_not_fit_down_waits_on_the_host() {
        let ring = Small::new();
        ring.open();
        let mut outgoing: VecDeque<u8> = (0..8).collect();
        debug(&ring, &mut outgoing);
        assert_eq!((received(&ring), outgoing.len()), (vec![0, 1, 2, 3, 4], 3));
        debug(&ring, &mut outgoing);
        assert_eq!((received(&ring), outgoing.len()), (vec![5, 6, 7], 0));
    }

    #[test]
    fn what_was_opened_anew_is_empty() {
        let ring = Small::new();
        ring.open();
        ring.send(1);
        debug(&ring, &mut VecDeque::from([2]));
        ring.send(3);
        ring.open();
        assert_eq!((debug(&ring, &mut VecDeque::new()), received(&ring)), (vec![], vec![]));
    }

    /// A debugger that went astray, or RAM that nobody has initialised.
    #[test]
    fn places_outside_of_the_ring_do_no_harm() {
        let ring = Small::new();
        ring.open();
        for place in [8, 6, u32::MAX] {
            let fields = address(&ring) + HEADER as u64;
            for offset in [WRITE, READ, CHANNEL + WRITE, CHANNEL + READ] {
                let Ok(()) = Own.write(fields + offset as u64, &place.to_le_bytes());
            }
            ring.send(9);
            assert_eq!(ring.receive(), None);
            assert_eq!(debug(&ring, &mut VecDeque::from([1])), []);
            // Only the debugger's own place is wrong.
            ring.open();
            let Ok(()) = Own.write(fields + (CHANNEL + WRITE) as u64, &place.to_le_bytes());
            assert_eq!(ring.receive(), None);
        }
    }

    proptest! {
        /// Whatever the order of steps, each side hears what the other has said, in order and once.
        #[test]
        fn every_byte_arrives_once_in_order(steps in prop::collection::vec((0..4_u8, 0..12_usize), 0..200)) {
            let ring = Small::new();
            ring.open();
            let mut bytes = (0..=u8::MAX).cycle();
            let (mut sent, mut heard) = (vec![], vec![]);
            let (mut ordered, mut outgoing, mut got) = (vec![], VecDeque::new(), vec![]);
            for (step, count) in steps {
                match step {
                    0 => sent.extend(bytes.by_ref().take(count).filter(|&byte| ring.send(byte))),
                    1 => ordered.extend(bytes.by_ref().take(count).inspect(|&byte| outgoing.push_back(byte))),
                    2 => heard.extend(debug(&ring, &mut outgoing)),
                    _ => got.extend((0..count).filter_map(|_| ring.receive())),
                }
            }
            // Each time one byte at least.
            for _ in 0..ordered.len() {
                heard.extend(debug(&ring, &mut outgoing));
                got.extend(received(&ring));
            }
            heard.extend(debug(&ring, &mut outgoing));
            prop_assert_eq!(heard, sent);
            prop_assert_eq!(got, ordered);
        }
    }
}
