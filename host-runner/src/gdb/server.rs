//! A server for tests: some memory, three cores, and bad habits on request.

use super::Client;
use super::packet::{Decoder, Heard, encode};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;

/// Where the memory begins, and how much of it there is.
const MEMORY: u64 = 0x1000;
const SIZE: usize = 0x1000;

/// What the server is like.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    pub(super) offers_no_acknowledgements: bool,
    pub(super) tells_stops_twice: bool,
    pub(super) exits_when_stopped: bool,
    /// Every packet with this number arrives damaged.
    pub(super) damages_every: Option<usize>,
    pub(super) seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    requests: Vec<String>,
    acknowledgements: usize,
}

impl Server {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A client that has connected to it.
    pub(super) fn client(&self) -> Client {
        Client::connect(Box::new(self.connect())).unwrap()
    }

    /// Serves a new connection in a thread, until the other end is dropped.
    pub(super) fn connect(&self) -> UnixStream {
        let (near, far) = UnixStream::pair().unwrap();
        let serving = Serving {
            server: self.clone(),
            stream: far,
            memory: vec![0; SIZE],
            thread: 1,
            packets: 0,
            last: Vec::new(),
        };
        thread::spawn(move || serving.serve());
        near
    }

    /// What was asked so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// How many packets the other end has acknowledged so far.
    pub(super) fn acknowledgements(&self) -> usize {
        self.seen.lock().unwrap().acknowledgements
    }
}

/// One connection.
struct Serving {
    server: Server,
    stream: UnixStream,
    memory: Vec<u8>,
    thread: u64,
    packets: usize,
    last: Vec<u8>,
}

impl Serving {
    fn serve(mut self) {
        let (mut decoder, mut byte) = (Decoder::default(), [0]);
        while self.stream.read(&mut byte).is_ok_and(|length| length == 1) {
            let is_between = byte == [3];
            let goes_on = match decoder.receive(byte[0]) {
                None if is_between => self.stop(),
                None => true,
                Some(Heard::Taken) => {
                    self.server.seen.lock().unwrap().acknowledgements += 1;
                    true
                }
                Some(Heard::Refused) => self.answer(&self.last.clone()),
                Some(Heard::Damaged) => false,
                Some(Heard::Packet(body)) => self.request(&String::from_utf8(body).unwrap()),
            };
            if !goes_on {
                return;
            }
        }
    }

    fn stop(&mut self) -> bool {
        if self.server.exits_when_stopped {
            self.answer(b"W00");
            return false;
        }
        let twice = self.server.tells_stops_twice;
        self.answer(b"T02thread:01;") && (!twice || self.answer(b"T05thread:01;"))
    }

    /// Answers a request; whether the connection goes on.
    fn request(&mut self, request: &str) -> bool {
        self.server.seen.lock().unwrap().requests.push(request.to_owned());
        if self.stream.write_all(b"+").is_err() {
            return false;
        }
        let answer = match request {
            "qSupported:multiprocess-" if self.server.offers_no_acknowledgements => {
                "PacketSize=190;QStartNoAckMode+".into()
            }
            "qSupported:multiprocess-" => "PacketSize=190;qXfer:features:read+".into(),
            "QStartNoAckMode" => "OK".into(),
            "?" => "T05thread:01;".into(),
            "c" => return true,
            "qfThreadInfo" => "m1,2".into(),
            "qsThreadInfo" if self.last == b"m1,2" => "ma".into(),
            "qsThreadInfo" => "l".into(),
            "g" => (0..34).map(|_| format!("{:016x}", self.thread.swap_bytes())).collect(),
            // `reset halt`, after which OpenOCD has something to tell.
            "qRcmd,72657365742068616c74" => return self.answer(b"O68616c7465640a") && self.answer(b"OK"),
            "qXfer:features:read:target.xml:0,100" => "m<target>".into(),
            _ if request.starts_with('P') && self.has_told_registers() => "OK".into(),
            _ => self.other(request).unwrap_or_default(),
        };
        self.answer(answer.as_bytes())
    }

    fn other(&mut self, request: &str) -> Option<String> {
        if let Some(thread) = request.strip_prefix("Hg") {
            self.thread = u64::from_str_radix(thread, 16).ok()?;
            return Some(if [1, 2, 10].contains(&self.thread) { "OK" } else { "E22" }.into());
        }
        let (place, digits) = request.split_once(':').unwrap_or((request, ""));
        let (address, length) = place.get(1..)?.split_once(',')?;
        let [address, length] = [address, length].map(|word| u64::from_str_radix(word, 16).ok());
        let start = usize::try_from(address?.checked_sub(MEMORY)?).ok()?;
        let Some(memory) = self.memory.get_mut(start..start.checked_add(length? as usize)?) else {
            return Some("E01".into());
        };
        match request.as_bytes().first()? {
            b'm' => Some(memory.iter().map(|byte| format!("{byte:02x}")).collect()),
            b'M' => {
                for (number, byte) in memory.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(digits.get(number * 2..number * 2 + 2)?, 16).ok()?;
                }
                Some("OK".into())
            }
            _ => None,
        }
    }

    /// As with QEMU, of whom this was learnt.
    fn has_told_registers(&self) -> bool {
        let seen = self.server.seen.lock().unwrap();
        seen.requests.iter().any(|request| request.starts_with("qXfer:features:read:target.xml"))
    }

    fn answer(&mut self, body: &[u8]) -> bool {
        self.last = body.to_vec();
        self.packets += 1;
        let mut bytes = encode(body);
        if self.server.damages_every.is_some_and(|number| self.packets.is_multiple_of(number))
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 1;
        }
        self.stream.write_all(&bytes).is_ok()
    }
}
