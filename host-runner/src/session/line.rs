//! The line to the board: bytes become words of boots, and orders about the link itself become bytes.

use super::ear::{Ear, REPEAT};
use std::time::Duration;
use wire::host::{Heard, Listener, encode_order};
use wire::{BootId, Chunk, Deframer, Doing, Frame, Nonce, ToBoard};

/// The most boots that are offered a nonce at the same time. More are only heard where old recordings are played.
const MAX_CANDIDATES: usize = 8;

/// A candidate that was not heard for this long is not offered its nonce any more.
const FORGET: Duration = Duration::from_secs(2);

/// Text whose line has not ended is shown when nothing has followed for this long.
const SETTLED: Duration = Duration::from_millis(300);

/// Something that was heard, and the nonce it came under.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// The nonce; [`Nonce::UNBOUND`] for noise too.
    pub(super) nonce: Nonce,
    /// What was heard.
    pub(super) heard: Heard,
}

/// What came over the line and was no message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Frames of another run or boot.
    pub(super) stale_frames: u64,
    /// Runs of bytes that were no frame.
    pub(super) noise_chunks: u64,
    /// Frames that were asked for again.
    pub(super) repeated_frames: u64,
}

/// A boot that was offered a nonce.
#[derive(Debug)]
struct Candidate {
    ear: Ear,
    heard_at: Duration,
    begin_at: Duration,
}

/// The line, the adopted boot and the candidates.
#[derive(Debug)]
pub(super) struct Line {
    deframer: Deframer,
    received_at: Duration,
    unbound: Listener,
    adopted: Option<Ear>,
    candidates: Vec<Candidate>,
    /// Every boot adopted since the last power-on: another beacon of theirs without a nonce is a repetition.
    seen: Vec<BootId>,
    nonces: Nonces,
    counts: Counts,
}

impl Line {
    /// A line on which nothing was heard. `seed` is what the nonces are drawn from.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            deframer: Deframer::new(),
            received_at: Duration::ZERO,
            unbound: Listener::default(),
            adopted: None,
            candidates: Vec::new(),
            seen: Vec::new(),
            nonces: Nonces(seed),
            counts: Counts::default(),
        }
    }

    /// Forgets all boots: the board is switched off and on.
    pub(super) fn reset(&mut self) {
        self.adopted = None;
        self.candidates.clear();
        self.seen.clear();
    }

    /// Takes bytes and says what they mean.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Duration) -> Vec<Said> {
        self.received_at = now;
        let mut said = Vec::new();
        for &byte in bytes {
            match self.deframer.receive(byte) {
                None => {}
                Some(Chunk::Noise(noise)) => {
                    self.counts.noise_chunks += 1;
                    said.push(Said { nonce: Nonce::UNBOUND, heard: Heard::Noise(noise.to_vec()) });
                }
                Some(Chunk::Frame(frame)) => {
                    let listeners = (&mut self.unbound, &mut self.adopted, &mut self.candidates);
                    let heard = accept(listeners, &frame);
                    let stale = heard.iter().filter(|heard| matches!(heard, Heard::Stale)).count();
                    self.counts.stale_frames += stale as u64;
                    let nonce = frame.nonce;
                    said.extend(heard.into_iter().map(|heard| Said { nonce, heard }));
                }
            }
        }
        said
    }

    /// A boot without a nonce was heard: it is offered one, unless it had one.
    pub(super) fn meet(&mut self, boot: BootId, now: Duration) {
        if self.seen.contains(&boot) {
            return;
        }
        let known = self.candidates.iter_mut().find(|candidate| candidate.ear.boot == boot);
        if let Some(candidate) = known {
            (candidate.heard_at, candidate.begin_at) = (now, now);
            return;
        }
        if self.candidates.len() == MAX_CANDIDATES {
            self.forget_oldest();
        }
        let ear = Ear::new(boot, self.nonces.draw());
        self.candidates.push(Candidate { ear, heard_at: now, begin_at: now });
    }

    /// Listens to the candidate with this nonce from now on, and to no boot before it.
    pub(super) fn adopt(&mut self, nonce: Nonce) {
        let Some(at) = self.candidates.iter().position(|candidate| candidate.ear.nonce == nonce) else {
            return;
        };
        let ear = self.candidates.swap_remove(at).ear;
        self.seen.push(ear.boot);
        self.adopted = Some(ear);
    }

    /// Whether `nonce` is that of the adopted boot.
    pub(super) fn is_adopted(&self, nonce: Nonce) -> bool {
        self.adopted.as_ref().is_some_and(|ear| ear.nonce == nonce)
    }

    /// Whether `nonce` is that of a candidate.
    pub(super) fn is_candidate(&self, nonce: Nonce) -> bool {
        self.candidates.iter().any(|candidate| candidate.ear.nonce == nonce)
    }

    /// What the adopted boot does, by its newest beacon.
    pub(super) fn doing(&self) -> Option<Doing> {
        self.adopted.as_ref().and_then(Ear::doing)
    }

    /// Whether the adopted boot has sent frames that have not arrived.
    pub(super) fn is_missing_frames(&self) -> bool {
        self.adopted.as_ref().is_some_and(Ear::is_missing_frames)
    }

    /// The bytes of an order to the adopted boot.
    pub(super) fn order(&self, order: &ToBoard) -> Option<Vec<u8>> {
        self.adopted.as_ref().map(|ear| encode_order(ear.nonce, order))
    }

    /// The orders about the link that are due: offers of nonces, and requests for missing frames.
    pub(super) fn due_orders(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let mut orders = Vec::new();
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.is_due(now)) {
            candidate.begin_at = now + REPEAT;
            let (boot, nonce) = (candidate.ear.boot, candidate.ear.nonce);
            orders.push(encode_order(Nonce::UNBOUND, &ToBoard::Begin { boot, nonce }));
        }
        let ears = self.candidates.iter_mut().map(|candidate| &mut candidate.ear).chain(&mut self.adopted);
        for (order, new) in ears.filter_map(|ear| ear.ask(now)) {
            self.counts.repeated_frames += u64::from(new);
            orders.push(order);
        }
        orders
    }

    /// When [`Self::due_orders`] or [`Self::take_settled_text`] have something to give although nothing was heard.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let begins = self.candidates.iter().filter_map(Candidate::next_wake);
        let asks = self.candidates.iter().filter_map(|candidate| candidate.ear.next_wake());
        let ask = self.adopted.as_ref().and_then(Ear::next_wake);
        let text = self.has_unfinished_text().then_some(self.received_at + SETTLED);
        begins.chain(asks).chain(ask).chain(text).min()
    }

    /// Text whose line has not ended and has fallen silent: a prompt of a boot loader, say.
    pub(super) fn take_settled_text(&mut self, now: Duration) -> Option<Vec<u8>> {
        let settled = now >= self.received_at + SETTLED && self.has_unfinished_text();
        settled.then(|| self.take_unfinished()).flatten()
    }

    /// Whatever has come since the last frame: nothing follows any more.
    pub(super) fn take_unfinished(&mut self) -> Option<Vec<u8>> {
        let rest = self.deframer.take_unfinished().to_vec();
        if rest.is_empty() {
            return None;
        }
        self.counts.noise_chunks += 1;
        Some(rest)
    }

    /// What came and was no message.
    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Only text is taken before it has ended: a frame on a slow line would be cut in two. The second byte of a
    /// frame is its channel, which is no printable character.
    fn has_unfinished_text(&self) -> bool {
        let bytes = self.deframer.unfinished();
        bytes.len() > 1 && bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    }

    fn forget_oldest(&mut self) {
        let oldest = self.candidates.iter().enumerate().min_by_key(|(_, candidate)| candidate.heard_at);
        if let Some((at, _)) = oldest {
            self.candidates.swap_remove(at);
        }
    }
}

impl Candidate {
    fn is_due(&self, now: Duration) -> bool {
        self.next_wake().is_some_and(|at| at <= now)
    }

    /// When its nonce is to be offered: not any more once it was heard under it, or not heard for long.
    fn next_wake(&self) -> Option<Duration> {
        let wanted = self.ear.doing().is_none() && self.begin_at < self.heard_at + FORGET;
        wanted.then_some(self.begin_at)
    }
}

/// Hands a frame to whom it is for.
fn accept(
    (unbound, adopted, candidates): (&mut Listener, &mut Option<Ear>, &mut Vec<Candidate>),
    frame: &Frame<'_>,
) -> Vec<Heard> {
    let mut heard = Vec::new();
    let mut ears = candidates.iter_mut().map(|candidate| &mut candidate.ear).chain(adopted);
    match ears.find(|ear| ear.nonce == frame.nonce) {
        Some(ear) => ear.accept(frame, &mut heard),
        None => unbound.accept(frame, &mut heard),
    }
    heard
}

/// The nonces of one run, drawn by splitmix64 (Steele, Lea and Flood 2014): all differ until 2⁶⁴ are drawn.
#[derive(Debug)]
struct Nonces(u64);

impl Nonces {
    fn draw(&mut self) -> Nonce {
        // Wrapping is what the generator is defined with.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        match Nonce(mixed ^ (mixed >> 31)) {
            Nonce::UNBOUND => self.draw(),
            nonce => nonce,
        }
    }
}
