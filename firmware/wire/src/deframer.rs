//! Cuts a stream of bytes at its zero bytes.

use crate::{Frame, MAX_ENCODED};

/// What stood between two zero bytes.
#[derive(Debug)]
pub enum Chunk<'a> {
    /// A frame whose checksum is right.
    Frame(Frame<'a>),
    /// Anything else: boot loader text, noise, a damaged frame. Never empty.
    Noise(&'a [u8]),
}

/// Collects bytes until a zero byte ends them. `N` bounds what is kept; longer chunks come out in pieces,
/// as noise, for no frame is longer than [`MAX_ENCODED`].
#[derive(Debug)]
pub struct Deframer<const N: usize = MAX_ENCODED> {
    raw: [u8; N],
    length: usize,
    /// Where a chunk is decoded, so that `raw` still holds the bytes as they came if it is noise.
    decoded: [u8; N],
}

impl<const N: usize> Default for Deframer<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deframer<N> {
    /// Nothing collected.
    #[must_use]
    pub const fn new() -> Self {
        Self { raw: [0; N], length: 0, decoded: [0; N] }
    }

    /// Takes one byte; says what it completed, if anything.
    pub fn receive(&mut self, byte: u8) -> Option<Chunk<'_>> {
        if byte == 0 {
            return self.finish();
        }
        if let Some(slot) = self.raw.get_mut(self.length) {
            *slot = byte;
        }
        self.length += 1;
        // No frame fills the buffer, so what does is noise.
        (self.length >= N).then(|| Chunk::Noise(self.take_unfinished()))
    }

    /// The bytes since the last zero byte, left where they are.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        self.raw.get(..self.length).unwrap_or_default()
    }

    /// The bytes since the last zero byte. Between frames they are text whose line has fallen silent.
    pub fn take_unfinished(&mut self) -> &[u8] {
        let length = core::mem::take(&mut self.length);
        self.raw.get(..length).unwrap_or_default()
    }

    fn finish(&mut self) -> Option<Chunk<'_>> {
        let length = core::mem::take(&mut self.length);
        let raw = self.raw.get(..length)?;
        if raw.is_empty() {
            return None;
        }
        let decoded = self.decoded.get_mut(..length)?;
        decoded.copy_from_slice(raw);
        Some(match Frame::decode(decoded) {
            Ok(frame) => Chunk::Frame(frame),
            Err(_) => Chunk::Noise(raw),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, Nonce};

    /// What a stream is cut into: bodies of frames, and noise as it came.
    fn cut(bytes: &[u8]) -> Vec<Result<Vec<u8>, Vec<u8>>> {
        let mut deframer: Deframer = Deframer::new();
        let mut cuts = Vec::new();
        for &byte in bytes {
            match deframer.receive(byte) {
                Some(Chunk::Frame(frame)) => cuts.push(Ok(frame.body.to_vec())),
                Some(Chunk::Noise(noise)) => cuts.push(Err(noise.to_vec())),
                None => {}
            }
        }
        cuts
    }

    fn encoded(body: &[u8]) -> Vec<u8> {
        let frame = Frame { channel: Channel::Log, nonce: Nonce(1), sequence: 0, body };
        frame.encode().unwrap().as_bytes().to_vec()
    }

    #[test]
    fn text_before_a_frame_does_not_swallow_it() {
        let mut line = b"U-Boot 2026.10".to_vec();
        line.extend(encoded(b"hello"));
        assert_eq!(cut(&line), [Err(b"U-Boot 2026.10".to_vec()), Ok(b"hello".to_vec())]);
    }

    #[test]
    fn a_damaged_frame_comes_out_as_it_arrived_and_the_next_one_is_read() {
        let mut damaged = encoded(b"first");
        damaged[5] ^= 0x40;
        let noise = damaged[1..damaged.len() - 1].to_vec();
        damaged.extend(encoded(b"second"));
        assert_eq!(cut(&damaged), [Err(noise), Ok(b"second".to_vec())]);
    }

    #[test]
    fn noise_without_an_end_comes_out_in_pieces_and_none_of_it_is_lost() {
        let flood = vec![0xff; 3 * MAX_ENCODED + 17];
        let mut line = flood.clone();
        line.extend(encoded(b"after"));
        let cuts = cut(&line);
        assert_eq!(cuts.last(), Some(&Ok(b"after".to_vec())));
        let noise: Vec<u8> = cuts.into_iter().filter_map(Result::err).flatten().collect();
        assert_eq!(noise, flood);
    }

    #[test]
    fn an_unfinished_line_of_text_can_be_taken() {
        let mut deframer: Deframer = Deframer::new();
        for &byte in b"login: " {
            assert!(deframer.receive(byte).is_none());
        }
        assert_eq!(deframer.take_unfinished(), b"login: ");
        assert!(deframer.take_unfinished().is_empty());
    }
}
