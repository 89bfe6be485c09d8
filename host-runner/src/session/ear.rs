//! Listens to one boot, and asks for the frames of it that are missing.

use std::time::Duration;
use wire::host::{Heard, Listener, encode_order};
use wire::{BootId, Doing, Frame, Nonce, ToBoard};

/// How long an order may remain without effect before it is repeated.
pub(super) const REPEAT: Duration = Duration::from_millis(150);

/// The most frames that are asked for at once. A slow line would still be sending a longer answer when the order
/// is repeated, and never catch up.
const BATCH: u32 = 64;

/// The frames of one boot under the nonce it was given.
#[derive(Debug)]
pub(super) struct Ear {
    /// Which boot.
    pub(super) boot: BootId,
    /// The nonce that the session drew for it.
    pub(super) nonce: Nonce,
    listener: Listener,
    /// What the newest beacon said, and the sequence number that tells it from older ones that come late.
    newest: Option<(u32, Doing)>,
    asked: Option<Asked>,
    /// One above the highest number that was ever asked for again.
    repeated_until: u32,
}

/// An order for missing frames that has not been fulfilled.
#[derive(Clone, Copy, Debug)]
struct Asked {
    from: u32,
    until: u32,
    /// When it was sent, or when it last had an effect.
    at: Duration,
}

impl Ear {
    /// Listens to `boot` from its first frame under `nonce`.
    pub(super) fn new(boot: BootId, nonce: Nonce) -> Self {
        Self { boot, nonce, listener: Listener::new(nonce), newest: None, asked: None, repeated_until: 0 }
    }

    /// Takes a frame under this ear's nonce.
    pub(super) fn accept(&mut self, frame: &Frame<'_>, heard: &mut Vec<Heard>) {
        let before = heard.len();
        self.listener.accept(frame, heard);
        for beacon in heard.iter().skip(before) {
            if let Heard::Beacon { beacon, .. } = beacon {
                self.note(beacon.next_sequence, beacon.doing);
            }
        }
    }

    /// What the board does, by its newest beacon.
    pub(super) fn doing(&self) -> Option<Doing> {
        self.newest.map(|(_, doing)| doing)
    }

    /// Whether the board has sent frames that have not arrived.
    pub(super) fn is_missing_frames(&self) -> bool {
        self.listener.missing().is_some()
    }

    /// The order for missing frames, if it is time for it, and how many of them are asked for the first time.
    pub(super) fn ask(&mut self, now: Duration) -> Option<(Vec<u8>, u32)> {
        let Some(ToBoard::Again { from, until }) = self.listener.missing() else {
            self.asked = None;
            return None;
        };
        if self.is_being_answered(from, now) {
            return None;
        }
        let until = until.min(from.saturating_add(BATCH));
        self.asked = Some(Asked { from, until, at: now });
        let new = until.saturating_sub(self.repeated_until.max(from));
        self.repeated_until = self.repeated_until.max(until);
        Some((encode_order(self.nonce, &ToBoard::Again { from, until }), new))
    }

    /// When [`Self::ask`] is to be called again although nothing was heard.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.asked.map(|asked| asked.at + REPEAT)
    }

    /// Whether frame `from` was asked for so recently, or the frames before it came so recently, that it may still
    /// be on its way.
    fn is_being_answered(&mut self, from: u32, now: Duration) -> bool {
        let Some(asked) = self.asked.as_mut().filter(|asked| from < asked.until) else { return false };
        if from > asked.from {
            (asked.from, asked.at) = (from, now);
        }
        now < asked.at + REPEAT
    }

    fn note(&mut self, next_sequence: u32, doing: Doing) {
        if self.newest.is_none_or(|(sequence, _)| next_sequence >= sequence) {
            self.newest = Some((next_sequence, doing));
        }
    }
}
