//! One frame: a header, a body, a checksum, and the COBS code that makes zero bytes mean "frame ends here".
//!
//! Layout before COBS, integers little-endian: channel (1), nonce (8), sequence (4), body, CRC-32 (4).
//! On the line a zero byte stands before and after: before, because text printed by a boot loader holds no
//! zero and would otherwise become part of the frame and take it down with it.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// The longest body that fits into a frame, in bytes.
pub const MAX_BODY: usize = 1024;

const HEADER: usize = 1 + 8 + 4;
const CHECKSUM: usize = 4;
const MAX_PLAIN: usize = HEADER + MAX_BODY + CHECKSUM;

/// The most bytes a frame takes on the line: COBS adds one byte per 254, and two zero bytes enclose it.
pub const MAX_ENCODED: usize = MAX_PLAIN + MAX_PLAIN / 254 + 1 + 2;

const CRC32: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// Names one boot of a board within one run of the host.
///
/// Holding a frame with the right nonce proves that the sender heard this host since that boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Nonce(pub u64);

impl Nonce {
    /// Of a board that no host has spoken to since it booted. Such frames are shown, and decide nothing.
    pub const UNBOUND: Self = Self(0);
}

/// What a frame's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Channel {
    /// A [`FromBoard`](crate::FromBoard) message, in sequence.
    Control = 1,
    /// One core number (1 byte) and one raw defmt frame, in sequence.
    Log = 2,
    /// A [`Number`](crate::Number), in sequence.
    Numbers = 3,
    /// A [`Beacon`](crate::Beacon), outside the sequence.
    Beacon = 4,
    /// The lowest sequence number that can still be asked for (4 bytes), outside the sequence.
    Gone = 5,
    /// A [`ToBoard`](crate::ToBoard) message, outside the sequence.
    Order = 6,
}

impl Channel {
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Control,
            2 => Self::Log,
            3 => Self::Numbers,
            4 => Self::Beacon,
            5 => Self::Gone,
            6 => Self::Order,
            _ => return None,
        })
    }
}

/// Why bytes between two zero bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The COBS code does not add up.
    Code,
    /// Shorter than a header and a checksum, or longer than [`MAX_BODY`] allows.
    Length,
    /// The checksum differs.
    Checksum,
    /// A channel this version does not know.
    Channel,
}

/// A frame as its receiver reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the body is.
    pub channel: Channel,
    /// Which boot of which run sent it.
    pub nonce: Nonce,
    /// Its place in the sequence; zero and without meaning on channels outside it.
    pub sequence: u32,
    /// The content.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the frame in `chunk`, the bytes between two zero bytes. Decodes in place.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes; `chunk` may have been overwritten then.
    pub fn decode(chunk: &'a mut [u8]) -> Result<Self, Damage> {
        let length = cobs::decode_in_place(chunk).map_err(|_| Damage::Code)?;
        let plain: &'a [u8] = chunk.get(..length).ok_or(Damage::Code)?;
        if plain.len() > MAX_PLAIN {
            return Err(Damage::Length);
        }
        let (content, checksum) = plain.split_last_chunk::<CHECKSUM>().ok_or(Damage::Length)?;
        let (header, body) = content.split_first_chunk::<HEADER>().ok_or(Damage::Length)?;
        if CRC32.checksum(content) != u32::from_le_bytes(*checksum) {
            return Err(Damage::Checksum);
        }
        let [channel, n0, n1, n2, n3, n4, n5, n6, n7, s0, s1, s2, s3] = *header;
        Ok(Self {
            channel: Channel::from_byte(channel).ok_or(Damage::Channel)?,
            nonce: Nonce(u64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7])),
            sequence: u32::from_le_bytes([s0, s1, s2, s3]),
            body,
        })
    }

    /// The bytes that carry this frame, both zero bytes included.
    ///
    /// # Errors
    ///
    /// [`Damage::Length`] when the body is longer than [`MAX_BODY`].
    pub fn encode(&self) -> Result<Encoded, Damage> {
        if self.body.len() > MAX_BODY {
            return Err(Damage::Length);
        }
        let mut bytes = [0; MAX_ENCODED];
        let (start, rest) = bytes.split_first_mut().ok_or(Damage::Length)?;
        *start = 0;
        let mut digest = CRC32.digest();
        let mut encoder = cobs::CobsEncoder::new(rest);
        let nonce = self.nonce.0.to_le_bytes();
        let sequence = self.sequence.to_le_bytes();
        for part in [&[self.channel as u8][..], &nonce, &sequence, self.body] {
            digest.update(part);
            encoder.push(part).map_err(|_| Damage::Length)?;
        }
        encoder.push(&digest.finalize().to_le_bytes()).map_err(|_| Damage::Length)?;
        let end = 1 + encoder.finalize();
        // The encoder may have begun a block there that it did not need.
        *bytes.get_mut(end).ok_or(Damage::Length)? = 0;
        Ok(Encoded { bytes, length: end + 1 })
    }
}

/// A frame as it goes over the line.
#[derive(Clone, Debug)]
pub struct Encoded {
    bytes: [u8; MAX_ENCODED],
    length: usize,
}

impl Encoded {
    /// The bytes to send, from zero byte to zero byte.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(body: &[u8]) -> Frame<'_> {
        Frame { channel: Channel::Log, nonce: Nonce(0x0123_4567_89ab_cdef), sequence: 7, body }
    }

    fn between_zeros(encoded: &Encoded) -> Vec<u8> {
        let bytes = encoded.as_bytes();
        assert_eq!((bytes.first(), bytes.last()), (Some(&0), Some(&0)));
        bytes[1..bytes.len() - 1].to_vec()
    }

    proptest! {
        #[test]
        fn a_frame_survives_the_way(body in prop::collection::vec(any::<u8>(), 0..=MAX_BODY)) {
            let mut chunk = between_zeros(&frame(&body).encode().unwrap());
            prop_assert!(!chunk.contains(&0));
            prop_assert_eq!(Frame::decode(&mut chunk).unwrap(), frame(&body));
        }

        #[test]
        fn any_single_bit_flip_is_noticed(
            body in prop::collection::vec(any::<u8>(), 0..64),
            position in any::<prop::sample::Index>(),
            bit in 0u32..8,
        ) {
            let mut chunk = between_zeros(&frame(&body).encode().unwrap());
            let position = position.index(chunk.len());
            chunk[position] ^= 1u8 << bit;
            prop_assert!(Frame::decode(&mut chunk).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(mut chunk in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(Frame::decode(&mut chunk).is_err());
        }
    }

    #[test]
    fn the_longest_body_fits_and_one_byte_more_is_refused() {
        assert!(frame(&[0xff; MAX_BODY]).encode().unwrap().as_bytes().len() <= MAX_ENCODED);
        assert!(matches!(frame(&[0; MAX_BODY + 1]).encode(), Err(Damage::Length)));
    }

    #[test]
    fn an_unknown_channel_is_not_a_frame() {
        let mut bytes = [0; 64];
        let mut plain = vec![99];
        plain.extend([0; HEADER - 1]);
        plain.extend(CRC32.checksum(&plain).to_le_bytes());
        let length = cobs::encode(&plain, &mut bytes);
        assert_eq!(Frame::decode(&mut bytes[..length]), Err(Damage::Channel));
    }
}
