//! The host's end of the link: a stream of bytes becomes messages in order, text, and gaps.
//!
//! A [`Receiver`] decides nothing. Its [`Listener`] holds frames back until those before them have arrived, says which are
//! missing, and gives up on a frame only when the board says that it is gone.

use std::collections::BTreeMap;

use crate::{Beacon, Channel, Chunk, Deframer, Frame, Nonce, ToBoard};

/// What was heard, in the order of the board's sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A frame in sequence from the boot this receiver is bound to.
    Frame {
        /// Its channel: control, log or numbers.
        channel: Channel,
        /// Its content.
        body: Vec<u8>,
    },
    /// Frames that the board no longer has: this many are missing here for good.
    Lost(u32),
    /// A sign of life. `nonce` says whether it comes from the bound boot or from one that has no nonce yet.
    Beacon {
        /// [`Nonce::UNBOUND`] or the bound one.
        nonce: Nonce,
        /// What it says.
        beacon: Beacon,
    },
    /// A frame from a boot without a nonce. It may be shown; it proves nothing.
    Unbound {
        /// Its channel.
        channel: Channel,
        /// Its content.
        body: Vec<u8>,
    },
    /// A frame of another run or another boot.
    Stale,
    /// Bytes that are no frame.
    Noise(Vec<u8>),
}

/// Frames this far ahead of what is expected are refused: no board has more of them in its outbox.
const WINDOW: u32 = 1 << 20;

/// The host's end: cuts the stream and puts the frames of one boot in order.
#[derive(Debug, Default)]
pub struct Receiver {
    incoming: Deframer,
    listener: Listener,
}

impl Receiver {
    /// Listens to the boot with this nonce from now on, from its first frame.
    pub fn bind(&mut self, nonce: Nonce) {
        self.listener = Listener::new(nonce);
    }

    /// Listens to boots without a nonce only.
    pub fn unbind(&mut self) {
        self.listener = Listener::default();
    }

    /// Takes bytes; what they mean is added to `heard`.
    pub fn receive(&mut self, bytes: &[u8], heard: &mut Vec<Heard>) {
        for &byte in bytes {
            match self.incoming.receive(byte) {
                None => {}
                Some(Chunk::Noise(noise)) => heard.push(Heard::Noise(noise.to_vec())),
                Some(Chunk::Frame(frame)) => self.listener.accept(&frame, heard),
            }
        }
    }

    /// Text whose line has not ended: a prompt of a boot loader, say.
    pub fn take_unfinished(&mut self) -> Vec<u8> {
        self.incoming.take_unfinished().to_vec()
    }

    /// The first range of frames that were sent and have not arrived.
    #[must_use]
    pub fn missing(&self) -> Option<ToBoard> {
        self.listener.missing()
    }
}

/// Puts the frames of one boot in order. By default it listens to boots without a nonce only.
///
/// Several of them can share one [`Deframer`], where it is not known yet which of several boots will answer.
#[derive(Debug, Default)]
pub struct Listener {
    nonce: Option<Nonce>,
    expected: u32,
    /// One above the highest number known to have been sent.
    known: u32,
    early: BTreeMap<u32, (Channel, Vec<u8>)>,
}

impl Listener {
    /// Listens to the boot with this nonce, from its first frame.
    #[must_use]
    pub fn new(nonce: Nonce) -> Self {
        Self { nonce: Some(nonce), ..Self::default() }
    }

    /// The first range of frames that were sent and have not arrived.
    #[must_use]
    pub fn missing(&self) -> Option<ToBoard> {
        let until = self.early.keys().next().copied().unwrap_or(self.known);
        (self.nonce.is_some() && until > self.expected)
            .then_some(ToBoard::Again { from: self.expected, until })
    }

    /// Takes a frame; what it means is added to `heard`.
    pub fn accept(&mut self, frame: &Frame<'_>, heard: &mut Vec<Heard>) {
        let Frame { channel, nonce, sequence, body } = *frame;
        let bound = self.nonce == Some(nonce);
        if !bound && nonce != Nonce::UNBOUND {
            heard.push(Heard::Stale);
            return;
        }
        match channel {
            // Only the host sends orders: this one was echoed by the line.
            Channel::Order => heard.push(Heard::Stale),
            Channel::Beacon => self.accept_beacon(bound, nonce, body, heard),
            _ if !bound => heard.push(Heard::Unbound { channel, body: body.to_vec() }),
            Channel::Gone => self.give_up(body, heard),
            Channel::Control | Channel::Log | Channel::Numbers => {
                self.accept_sequenced(channel, sequence, body, heard);
            }
        }
    }

    fn accept_beacon(&mut self, bound: bool, nonce: Nonce, body: &[u8], heard: &mut Vec<Heard>) {
        let Ok(beacon) = postcard::from_bytes::<Beacon>(body) else {
            heard.push(Heard::Noise(body.to_vec()));
            return;
        };
        if bound && beacon.next_sequence.saturating_sub(self.expected) < WINDOW {
            self.known = self.known.max(beacon.next_sequence);
        }
        heard.push(Heard::Beacon { nonce, beacon });
    }

    fn accept_sequenced(&mut self, channel: Channel, sequence: u32, body: &[u8], heard: &mut Vec<Heard>) {
        if sequence < self.expected || sequence - self.expected >= WINDOW {
            return;
        }
        self.known = self.known.max(sequence + 1);
        self.early.insert(sequence, (channel, body.to_vec()));
        self.release(heard);
    }

    /// The board no longer has the frames below the number in `body`.
    fn give_up(&mut self, body: &[u8], heard: &mut Vec<Heard>) {
        let Some(oldest) = body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)) else { return };
        while self.expected < oldest.min(self.known) {
            let until = self.early.keys().next().copied().unwrap_or(oldest).min(oldest);
            if until > self.expected {
                heard.push(Heard::Lost(until - self.expected));
                self.expected = until;
            }
            self.release(heard);
        }
    }

    fn release(&mut self, heard: &mut Vec<Heard>) {
        while let Some((channel, body)) = self.early.remove(&self.expected) {
            self.expected += 1;
            heard.push(Heard::Frame { channel, body });
        }
    }
}

/// The bytes of an order under `nonce`.
#[must_use]
#[expect(clippy::expect_used, reason = "every order is far shorter than the buffer and a frame's body")]
pub fn encode_order(nonce: Nonce, order: &ToBoard) -> Vec<u8> {
    let mut body = [0; 64];
    let body = postcard::to_slice(order, &mut body).expect("an order is shorter than 64 bytes");
    let frame = Frame { channel: Channel::Order, nonce, sequence: 0, body };
    frame.encode().expect("an order is shorter than a frame").as_bytes().to_vec()
}

/// Reads a control message.
///
/// # Errors
///
/// What `postcard` finds wrong with `body`.
pub fn decode_message(body: &[u8]) -> Result<crate::FromBoard<'_>, postcard::Error> {
    postcard::from_bytes(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BootId, Coverage, Doing, Parameters, RunId};

    const NONCE: Nonce = Nonce(7);

    fn frame(channel: Channel, nonce: Nonce, sequence: u32, body: &[u8]) -> Vec<u8> {
        Frame { channel, nonce, sequence, body }.encode().unwrap().as_bytes().to_vec()
    }

    fn log(nonce: Nonce, sequence: u32) -> Vec<u8> {
        frame(Channel::Log, nonce, sequence, &[sequence as u8])
    }

    fn beacon(nonce: Nonce, next_sequence: u32) -> Vec<u8> {
        let doing = Doing::Waiting { last: RunId(0) };
        let body = postcard::to_stdvec(&Beacon { boot: BootId(1), doing, next_sequence }).unwrap();
        frame(Channel::Beacon, nonce, 0, &body)
    }

    fn gone(oldest: u32) -> Vec<u8> {
        frame(Channel::Gone, NONCE, 0, &oldest.to_le_bytes())
    }

    fn heard(receiver: &mut Receiver, bytes: &[Vec<u8>]) -> Vec<Heard> {
        let mut heard = Vec::new();
        receiver.receive(&bytes.concat(), &mut heard);
        heard
    }

    fn bound() -> Receiver {
        let mut receiver = Receiver::default();
        receiver.bind(NONCE);
        receiver
    }

    /// The frame that [`log`] sent.
    fn logged(sequence: u8) -> Heard {
        Heard::Frame { channel: Channel::Log, body: vec![sequence] }
    }

    #[test]
    fn frames_are_handed_on_in_order_and_once() {
        let sent = [log(NONCE, 1), log(NONCE, 2), log(NONCE, 0), log(NONCE, 1), log(NONCE, 3)];
        assert_eq!(heard(&mut bound(), &sent), [0, 1, 2, 3].map(logged));
    }

    #[test]
    fn frames_of_another_boot_are_stale_and_those_of_none_unbound() {
        let sent = [log(Nonce(8), 0), log(Nonce::UNBOUND, 0)];
        let unbound = Heard::Unbound { channel: Channel::Log, body: vec![0] };
        assert_eq!(heard(&mut bound(), &sent), [Heard::Stale, unbound]);
        assert_eq!(heard(&mut Receiver::default(), &[log(NONCE, 0)]), [Heard::Stale]);
    }

    #[test]
    fn an_echoed_order_is_stale() {
        assert_eq!(heard(&mut bound(), &[encode_order(NONCE, &ToBoard::Report)]), [Heard::Stale]);
    }

    #[test]
    fn the_longest_order_can_be_encoded() {
        let (seed, budget_ms, until) = (u64::MAX, u64::MAX, Some(u64::MAX));
        let parameters = Parameters { seed, budget_ms, until, memory: Coverage::Whole };
        let order = ToBoard::Run { run: RunId(u32::MAX), entry: u64::MAX, parameters };
        let mut bytes = encode_order(NONCE, &order);
        let end = bytes.len() - 1;
        let frame = Frame::decode(&mut bytes[1..end]).unwrap();
        assert_eq!(postcard::from_bytes(frame.body), Ok(order));
    }

    #[test]
    fn gaps_and_lost_ends_are_missing() {
        let mut receiver = bound();
        heard(&mut receiver, &[log(NONCE, 0), log(NONCE, 3)]);
        assert_eq!(receiver.missing(), Some(ToBoard::Again { from: 1, until: 3 }));
        heard(&mut receiver, &[log(NONCE, 1), log(NONCE, 2)]);
        assert_eq!(receiver.missing(), None);
        heard(&mut receiver, &[beacon(Nonce::UNBOUND, 9)]);
        assert_eq!(receiver.missing(), None, "of another boot");
        heard(&mut receiver, &[beacon(NONCE, 6)]);
        assert_eq!(receiver.missing(), Some(ToBoard::Again { from: 4, until: 6 }));
    }

    #[test]
    fn frames_that_are_gone_are_lost_in_their_place() {
        let mut receiver = bound();
        heard(&mut receiver, &[log(NONCE, 0), log(NONCE, 2), beacon(NONCE, 6)]);
        let told = heard(&mut receiver, &[gone(5), log(NONCE, 5)]);
        assert_eq!(told, [Heard::Lost(1), logged(2), Heard::Lost(2), logged(5)]);
        assert_eq!(receiver.missing(), None);
    }

    #[test]
    fn an_old_word_of_frames_that_are_gone_changes_nothing() {
        let mut receiver = bound();
        heard(&mut receiver, &[log(NONCE, 0), log(NONCE, 1)]);
        assert_eq!(heard(&mut receiver, &[gone(1), log(NONCE, 2)]), [logged(2)]);
    }

    #[test]
    fn a_number_out_of_reach_is_refused() {
        assert_eq!(heard(&mut bound(), &[log(NONCE, WINDOW), log(NONCE, 0)]), [logged(0)]);
    }
}
