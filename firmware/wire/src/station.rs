//! The board's end of the link.
//!
//! A [`Station`] frames what the board says, keeps it to be sent again, and reads the host's orders. It holds
//! no lock and touches no device: the firmware puts it behind its link lock and gives it a [`Line`].

use core::ops::Range;

use crate::{
    Beacon, BootId, Channel, Chunk, Deframer, Doing, Frame, FromBoard, MAX_BODY, Nonce, Outbox, RunId,
    ToBoard,
};

/// Takes the bytes that go to the host.
pub trait Line {
    /// Sends all of them.
    fn send(&mut self, bytes: &[u8]);
}

impl<F: FnMut(&[u8])> Line for F {
    fn send(&mut self, bytes: &[u8]) {
        self(bytes);
    }
}

/// The board's end. `R` is the buffer in which frames that were sent are kept.
#[derive(Debug)]
pub struct Station<R> {
    boot: BootId,
    nonce: Nonce,
    doing: Doing,
    outbox: Outbox<R>,
    incoming: Deframer,
    /// What was asked for again and has not been sent yet.
    owed: Range<u32>,
}

impl<R: AsRef<[u8]> + AsMut<[u8]>> Station<R> {
    /// A board that has just booted: no nonce, nothing sent. Frames that were sent are kept in `ring`.
    #[must_use]
    pub const fn new(boot: BootId, ring: R) -> Self {
        Self {
            boot,
            nonce: Nonce::UNBOUND,
            doing: Doing::Waiting { last: RunId(0) },
            outbox: Outbox::new(ring),
            incoming: Deframer::new(),
            owed: 0..0,
        }
    }

    /// What the board does, as its beacons say it.
    #[must_use]
    pub const fn doing(&self) -> Doing {
        self.doing
    }

    /// Says what the board does from now on.
    pub const fn set_doing(&mut self, doing: Doing) {
        self.doing = doing;
    }

    /// Whether a host has given this boot a nonce.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.nonce != Nonce::UNBOUND
    }

    /// Sends a sign of life.
    pub fn beacon(&self, line: &mut impl Line) {
        let beacon =
            Beacon { boot: self.boot, doing: self.doing, next_sequence: self.outbox.next_sequence() };
        let mut body = [0; 32];
        if let Ok(body) = postcard::to_slice(&beacon, &mut body) {
            self.transmit(Channel::Beacon, 0, body, line);
        }
    }

    /// Sends a control message. One that does not fit into a frame is left out; [`MAX_BODY`] leaves room for all.
    pub fn say(&mut self, message: &FromBoard<'_>, line: &mut impl Line) {
        let mut body = [0; MAX_BODY];
        if let Ok(body) = postcard::to_slice(message, &mut body) {
            self.send(Channel::Control, body, line);
        }
    }

    /// Sends a frame in sequence, and keeps it if a host is bound to ask for it.
    pub fn send(&mut self, channel: Channel, body: &[u8], line: &mut impl Line) {
        let sequence = if self.is_bound() { self.outbox.push(channel, body) } else { 0 };
        self.transmit(channel, sequence, body, line);
    }

    /// Takes one byte from the host. What concerns the link is noted here; other orders are returned:
    /// [`ToBoard::Begin`] once, after the nonce was taken, and [`ToBoard::Run`] once for each run.
    pub fn receive(&mut self, byte: u8) -> Option<ToBoard> {
        let Some(Chunk::Frame(Frame { channel: Channel::Order, nonce, body, .. })) =
            self.incoming.receive(byte)
        else {
            return None;
        };
        let order = postcard::from_bytes(body).ok()?;
        if let ToBoard::Begin { boot, nonce } = order {
            return self.bind(boot, nonce).then_some(order);
        }
        if nonce != self.nonce || !self.is_bound() {
            return None;
        }
        match order {
            ToBoard::Run { run, .. } => self.begin(run).then_some(order),
            ToBoard::Again { from, until } => {
                self.owed = from..until.min(self.outbox.next_sequence());
                None
            }
            ToBoard::Begin { .. } | ToBoard::Report | ToBoard::Reset { .. } => Some(order),
        }
    }

    /// Sends one of the frames that were asked for again; false if none is owed. One at a time, so that whoever
    /// shares the station with others can let them in between.
    pub fn send_owed(&mut self, line: &mut impl Line) -> bool {
        if self.owed.is_empty() {
            return false;
        }
        let oldest = self.outbox.oldest_sequence();
        if self.owed.start < oldest {
            self.owed.start = oldest;
            self.transmit(Channel::Gone, 0, &oldest.to_le_bytes(), line);
            return true;
        }
        let next = self.owed.start;
        self.owed.start += 1;
        self.outbox
            .replay(next, next + 1, |sequence, channel, body| self.transmit(channel, sequence, body, line));
        true
    }

    /// Takes the nonce, unless it was already taken or another boot is meant. Only a boot without a nonce takes
    /// one: a second host must reset the board first, so two runs cannot mix.
    fn bind(&mut self, boot: BootId, nonce: Nonce) -> bool {
        let take = boot == self.boot && !self.is_bound() && nonce != Nonce::UNBOUND;
        if take {
            self.nonce = nonce;
            self.outbox.clear();
            self.owed = 0..0;
        }
        take
    }

    fn begin(&mut self, run: RunId) -> bool {
        let new = matches!(self.doing, Doing::Waiting { last } if run > last);
        if new {
            self.doing = Doing::Running { run };
        }
        new
    }

    fn transmit(&self, channel: Channel, sequence: u32, body: &[u8], line: &mut impl Line) {
        if let Ok(encoded) = (Frame { channel, nonce: self.nonce, sequence, body }).encode() {
            line.send(encoded.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parameters, ResetInto};

    const BOOT: BootId = BootId(42);
    const NONCE: Nonce = Nonce(0xfeed);

    fn order(nonce: Nonce, order: ToBoard) -> Vec<u8> {
        let body = postcard::to_stdvec(&order).unwrap();
        Frame { channel: Channel::Order, nonce, sequence: 0, body: &body }
            .encode()
            .unwrap()
            .as_bytes()
            .to_vec()
    }

    /// Feeds an order; returns what the station hands out and the bytes it sends.
    fn feed(station: &mut Station<[u8; 4096]>, bytes: &[u8]) -> (Vec<ToBoard>, Vec<u8>) {
        let mut sent = Vec::new();
        let orders = bytes.iter().filter_map(|&byte| station.receive(byte)).collect();
        while station.send_owed(&mut |bytes: &[u8]| sent.extend_from_slice(bytes)) {}
        (orders, sent)
    }

    fn unbound() -> Station<[u8; 4096]> {
        Station::new(BOOT, [0; 4096])
    }

    fn bound() -> Station<[u8; 4096]> {
        let mut station = unbound();
        let begin = ToBoard::Begin { boot: BOOT, nonce: NONCE };
        assert_eq!(feed(&mut station, &order(Nonce::UNBOUND, begin)).0, [begin]);
        station
    }

    fn sequences(sent: &[u8]) -> Vec<(Channel, u32)> {
        let mut deframer: Deframer = Deframer::new();
        let mut found = Vec::new();
        for &byte in sent {
            if let Some(Chunk::Frame(frame)) = deframer.receive(byte) {
                found.push((frame.channel, frame.sequence));
            }
        }
        found
    }

    #[test]
    fn an_order_for_another_boot_or_with_another_nonce_is_ignored() {
        let mut station = unbound();
        let other = ToBoard::Begin { boot: BootId(41), nonce: NONCE };
        assert_eq!(feed(&mut station, &order(Nonce::UNBOUND, other)).0, []);
        let run = ToBoard::Run { run: RunId(1), entry: 0, parameters: Parameters::default() };
        assert_eq!(feed(&mut station, &order(Nonce::UNBOUND, run)).0, [], "no nonce yet");
        let mut station = bound();
        assert_eq!(feed(&mut station, &order(Nonce(1), run)).0, []);
        assert_eq!(feed(&mut station, &order(NONCE, run)).0, [run]);
    }

    #[test]
    fn a_bound_board_keeps_its_nonce() {
        let mut station = bound();
        let again = ToBoard::Begin { boot: BOOT, nonce: Nonce(7) };
        assert_eq!(feed(&mut station, &order(Nonce::UNBOUND, again)).0, []);
        assert_eq!(feed(&mut station, &order(NONCE, ToBoard::Report)).0, [ToBoard::Report]);
    }

    #[test]
    fn an_order_to_reset_is_passed_on_and_is_nothing_to_the_next_boot() {
        let reset = ToBoard::Reset { into: ResetInto::BootLoader };
        assert_eq!(feed(&mut bound(), &order(NONCE, reset)).0, [reset]);
        assert_eq!(feed(&mut unbound(), &order(NONCE, reset)).0, []);
    }

    #[test]
    fn a_repeated_order_to_run_is_carried_out_once() {
        let mut station = bound();
        let parameters = Parameters { until: Some(u64::MAX), ..Parameters::default() };
        let run = |number| ToBoard::Run { run: RunId(number), entry: 0x1000, parameters };
        assert_eq!(feed(&mut station, &order(NONCE, run(1))).0, [run(1)]);
        assert_eq!(feed(&mut station, &order(NONCE, run(1))).0, []);
        station.set_doing(Doing::Waiting { last: RunId(1) });
        assert_eq!(feed(&mut station, &order(NONCE, run(1))).0, [], "it was begun before");
        assert_eq!(feed(&mut station, &order(NONCE, run(2))).0, [run(2)]);
    }

    #[test]
    fn frames_are_sent_again_and_those_gone_are_named() {
        let mut station = bound();
        for _ in 0..8 {
            station.send(Channel::Log, &[0; 1000], &mut |_: &[u8]| {});
        }
        let (_, sent) = feed(&mut station, &order(NONCE, ToBoard::Again { from: 2, until: 6 }));
        assert_eq!(sequences(&sent), [(Channel::Gone, 0), (Channel::Log, 4), (Channel::Log, 5)]);
    }

    #[test]
    fn nothing_is_counted_before_the_nonce() {
        let mut station = unbound();
        let mut sent = Vec::new();
        station.send(Channel::Log, b"early", &mut |bytes: &[u8]| sent.extend_from_slice(bytes));
        assert_eq!(sequences(&sent), [(Channel::Log, 0)]);
        let mut station = bound();
        sent.clear();
        station.send(Channel::Log, b"first", &mut |bytes: &[u8]| sent.extend_from_slice(bytes));
        assert_eq!(sequences(&sent), [(Channel::Log, 0)]);
    }
}
