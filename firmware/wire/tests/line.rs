//! A bad line between a station and a receiver: whatever it does to the bytes, what comes out is what was put in.
//!
//! Every session is made from a seed; a failure names it. `LINE_TIMES=n` runs n times as many.

use wire::{
    BootId, Channel, Chunk, Coverage, Deframer, Doing, Frame, FromBoard, MAX_BODY, Nonce, Number, Outcome,
    Parameters, RunId, Station, ToBoard, Unit, Verdict,
    host::{Heard, Receiver, decode_message, encode_order},
};

const SESSIONS: u64 = 500_000;
const DAMAGED: u64 = 1_000_000;
const NONCE: Nonce = Nonce(0x5eed_5eed_5eed_5eed);
const BOOT: BootId = BootId(77);

/// Splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// What one fault does to the bytes.
fn damage(line: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(line.len());
    let length = dice.below(40).min(line.len() - at);
    match dice.below(8) {
        0 => line[at] ^= 1 << dice.below(8),
        1 => drop(line.drain(at..at + length)),
        2 => {
            let block = line[at..at + length].to_vec();
            line.splice(at..at, block);
        }
        3 => {
            let garbage: Vec<u8> = (0..length).map(|_| dice.next() as u8).collect();
            line.splice(at..at, garbage);
        }
        4 => line[at..at + length].fill(0),
        5 => line[at..at + length].fill(0xff),
        6 => line.truncate(at),
        _ => {
            let block: Vec<u8> = line.drain(at..at + length).collect();
            let elsewhere = dice.below(line.len());
            line.splice(elsewhere..elsewhere, block);
        }
    }
    if line.is_empty() {
        line.push(0);
    }
}

fn bound_station() -> Station<Vec<u8>> {
    let mut station = Station::new(BOOT, vec![0; 4096]);
    for byte in encode_order(Nonce::UNBOUND, &ToBoard::Begin { boot: BOOT, nonce: NONCE }) {
        station.receive(byte);
    }
    assert!(station.is_bound());
    station
}

/// Sends a few frames; returns the bytes and the frames as they should be heard.
fn speak(station: &mut Station<Vec<u8>>, dice: &mut Dice) -> (Vec<u8>, Vec<(Channel, Vec<u8>)>) {
    let (mut line, mut said) = (Vec::new(), Vec::new());
    for run in 1..=1 + dice.below(6) as u32 {
        let body: Vec<u8> = (0..dice.below(60)).map(|_| dice.next() as u8).collect();
        station.send(Channel::Log, &body, &mut |bytes: &[u8]| line.extend_from_slice(bytes));
        said.push((Channel::Log, body));
        let verdict =
            FromBoard::Verdict(Verdict { run: RunId(run), outcome: Outcome::Failed, lost_cores: 0 });
        station.say(&verdict, &mut |bytes: &[u8]| line.extend_from_slice(bytes));
        said.push((Channel::Control, postcard::to_stdvec(&verdict).unwrap()));
        let mut body = [0; MAX_BODY];
        let body = number(dice).encode(&mut body).unwrap();
        station.send(Channel::Numbers, body, &mut |bytes: &[u8]| line.extend_from_slice(bytes));
        said.push((Channel::Numbers, body.to_vec()));
        station.beacon(&mut |bytes: &[u8]| line.extend_from_slice(bytes));
    }
    (line, said)
}

fn number(dice: &mut Dice) -> Number<'static> {
    let (name, peer, unit) = ("allocate", "framekeeper", Unit::Cycles);
    let [p50, p99, p999, max] = std::array::from_fn(|_| dice.next() >> dice.below(64));
    match dice.below(4) {
        0 => Number::Digest { scenario: name, value: p50 },
        1 => Number::Value { name, unit, value: p50 },
        2 => Number::Spread { name, peer, unit, cores: 8, samples: 1000, p50, p99, p999, max },
        _ => Number::Point { series: name, at: p50, value: max },
    }
}

fn parameters(dice: &mut Dice) -> Parameters {
    let memory = if dice.below(2) == 0 { Coverage::Sampled } else { Coverage::Whole };
    let until = (dice.below(2) == 0).then(|| dice.next());
    Parameters { seed: dice.next(), budget_ms: dice.next(), until, memory }
}

fn frames(heard: &[Heard]) -> Vec<(Channel, Vec<u8>)> {
    let frame = |heard: &Heard| match heard {
        Heard::Frame { channel, body } => Some((*channel, body.clone())),
        _ => None,
    };
    heard.iter().filter_map(frame).collect()
}

fn session(seed: u64) {
    let mut dice = Dice(seed);
    let mut station = bound_station();
    let (mut line, said) = speak(&mut station, &mut dice);
    for _ in 0..1 + dice.below(4) {
        damage(&mut line, &mut dice);
    }
    let (mut receiver, mut heard) = (Receiver::default(), Vec::new());
    receiver.bind(NONCE);
    while !line.is_empty() {
        let rest = line.split_off(1 + dice.below(line.len()));
        receiver.receive(&line, &mut heard);
        line = rest;
    }
    let so_far = frames(&heard);
    assert!(said.starts_with(&so_far), "seed {seed}: heard what was not said, or in another order");
    recover(&mut station, &mut receiver, &mut heard);
    assert_eq!(frames(&heard), said, "seed {seed}: not all of it came after it was asked for again");
    assert!(!heard.iter().any(|heard| matches!(heard, Heard::Lost(_))), "seed {seed}: given up for nothing");
}

/// The line is good from now on: what is missing is asked for until nothing is.
fn recover(station: &mut Station<Vec<u8>>, receiver: &mut Receiver, heard: &mut Vec<Heard>) {
    let mut answer = Vec::new();
    // Twice: the first beacon ends the unfinished chunk before it and may be lost with it.
    for _ in 0..2 {
        station.beacon(&mut |bytes: &[u8]| answer.extend_from_slice(bytes));
    }
    receiver.receive(&answer, heard);
    while let Some(order) = receiver.missing() {
        answer.clear();
        for byte in encode_order(NONCE, &order) {
            station.receive(byte);
        }
        while station.send_owed(&mut |bytes: &[u8]| answer.extend_from_slice(bytes)) {}
        receiver.receive(&answer, heard);
    }
}

fn times() -> u64 {
    std::env::var("LINE_TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

#[test]
fn a_receiver_hears_what_was_said_and_nothing_else() {
    for seed in 0..SESSIONS * times() {
        session(seed);
    }
}

/// Whatever came before, the next frame is heard, and of what was damaged nothing that was not said.
#[test]
fn a_decoder_bears_anything_and_hears_the_next_frame() {
    let mut deframer: Deframer = Deframer::new();
    let next = Frame { channel: Channel::Log, nonce: NONCE, sequence: 0, body: b"next" };
    let clean = next.encode().unwrap();
    for seed in 0..DAMAGED * times() {
        let mut dice = Dice(seed ^ 0x0dec_0de5);
        let length = dice.below(60);
        let body: Vec<u8> = (0..length).map(|_| dice.next() as u8).collect();
        let said =
            Frame { channel: Channel::Control, nonce: Nonce(seed), sequence: seed as u32, body: &body };
        let mut line = said.encode().unwrap().as_bytes().to_vec();
        match dice.below(4) {
            0 => line.iter_mut().for_each(|byte| *byte = dice.next() as u8),
            faults => (0..=faults).for_each(|_| damage(&mut line, &mut dice)),
        }
        for &byte in &line {
            if let Some(Chunk::Frame(frame)) = deframer.receive(byte) {
                assert_eq!(frame, said, "seed {seed}");
            }
        }
        let heard = clean
            .as_bytes()
            .iter()
            .filter(|&&byte| matches!(deframer.receive(byte), Some(Chunk::Frame(frame)) if frame == next));
        assert_eq!(heard.count(), 1, "seed {seed}: the next frame is not heard");
        // What is in a frame need not be a message, nor a number.
        let (_, _) = (decode_message(&body), Number::decode(&body));
    }
}

/// Orders on a bad line: the board does what the host said, once, or nothing.
#[test]
fn a_station_does_what_was_ordered_and_nothing_else() {
    for seed in 0..SESSIONS {
        let mut dice = Dice(seed ^ 0xdead_beef);
        let mut station = bound_station();
        let (entry, parameters) = (dice.next(), parameters(&mut dice));
        let run = ToBoard::Run { run: RunId(1), entry, parameters };
        let mut line: Vec<u8> = (0..3).flat_map(|_| encode_order(NONCE, &run)).collect();
        for _ in 0..1 + dice.below(6) {
            damage(&mut line, &mut dice);
        }
        let orders: Vec<_> = line.iter().filter_map(|&byte| station.receive(byte)).collect();
        assert!(orders.is_empty() || orders == [run], "seed {seed}: {orders:?}");
        let is_running = station.doing() == Doing::Running { run: RunId(1) };
        assert_eq!(is_running, !orders.is_empty(), "seed {seed}");
    }
}
