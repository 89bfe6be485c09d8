//! One connection to a server.

#[cfg(test)]
mod tests;

use super::error::GdbError;
use super::packet::{Decoder, Heard, encode};
use super::registers::Registers;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use wire::ram::host::Memory;

/// How long an answer may take. One that reads through JTAG is slow, and a machine that tests it is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a packet may arrive damaged before the line is given up.
const ATTEMPTS: u32 = 5;

/// What every server takes, by the GDB manual, if it says nothing else.
const SMALLEST_PACKET: usize = 400;
/// More is of no use.
const LARGEST_PACKET: usize = 1 << 16;

/// What a request to stop is.
const INTERRUPT: u8 = 0x03;

/// A connection whose reads can be given an end.
pub trait Stream: Read + Write + Send {
    /// How long a read may take from now on.
    ///
    /// # Errors
    ///
    /// When the system refuses it.
    fn set_patience(&self, patience: Duration) -> io::Result<()>;
}

impl Stream for UnixStream {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

impl Stream for TcpStream {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

/// What a server calls a core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread(String);

/// A connection to a server. Dropping it leaves the board as it is.
pub struct Client {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    heard: VecDeque<Heard>,
    /// The last packet, as long as the server may want it again.
    sent: Vec<u8>,
    acknowledges: bool,
    packet_size: usize,
    patience: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("packet_size", &self.packet_size).finish_non_exhaustive()
    }
}

impl Client {
    /// Greets the server at the other end of `stream`. The board is stopped then.
    ///
    /// # Errors
    ///
    /// When it does not answer as a server does.
    pub fn connect(stream: Box<dyn Stream>) -> Result<Self, GdbError> {
        Self::connect_within(stream, PATIENCE)
    }

    pub(super) fn connect_within(stream: Box<dyn Stream>, patience: Duration) -> Result<Self, GdbError> {
        let mut client = Self {
            stream,
            decoder: Decoder::default(),
            heard: VecDeque::new(),
            sent: Vec::new(),
            acknowledges: true,
            packet_size: SMALLEST_PACKET,
            patience,
        };
        client.agree()?;
        client.send("?")?;
        client.wait_for_stop("?")?;
        Ok(client)
    }

    /// Asks what the server can do.
    fn agree(&mut self) -> Result<(), GdbError> {
        // Some servers take no greeting that says nothing of whom they speak with.
        let features = self.ask("qSupported:multiprocess-")?;
        let features = String::from_utf8_lossy(&features).into_owned();
        let features: Vec<_> = features.split(';').collect();
        if let Some(size) = features.iter().find_map(|feature| feature.strip_prefix("PacketSize=")) {
            let size = usize::from_str_radix(size, 16).unwrap_or(SMALLEST_PACKET);
            self.packet_size = size.clamp(SMALLEST_PACKET, LARGEST_PACKET);
        }
        if features.contains(&"QStartNoAckMode+") {
            self.order("QStartNoAckMode")?;
            self.acknowledges = false;
        }
        if features.contains(&"qXfer:features:read+") {
            // What it says is known; QEMU changes single registers only of those who have read it.
            self.ask("qXfer:features:read:target.xml:0,100")?;
        }
        Ok(())
    }

    /// Stops the board.
    ///
    /// # Errors
    ///
    /// When the server does not say that it has.
    pub fn stop(&mut self) -> Result<(), GdbError> {
        self.write_out(&[INTERRUPT])?;
        self.wait_for_stop("an interrupt")
    }

    /// Has the board run.
    ///
    /// # Errors
    ///
    /// When the server cannot be told.
    pub fn resume(&mut self) -> Result<(), GdbError> {
        // Its answer is the next stop.
        self.send("c")
    }

    /// The board's cores, the first one first.
    ///
    /// # Errors
    ///
    /// When the server does not list them.
    pub fn threads(&mut self) -> Result<Vec<Thread>, GdbError> {
        let (mut threads, mut request) = (Vec::new(), "qfThreadInfo");
        loop {
            let answer = self.ask(request)?;
            let Some(list) = answer.strip_prefix(b"m") else { break };
            let list = String::from_utf8_lossy(list);
            threads.extend(list.split(',').map(|name| Thread(name.to_owned())));
            request = "qsThreadInfo";
        }
        Ok(threads)
    }

    /// Selects the first core: the one that boots.
    ///
    /// # Errors
    ///
    /// When the server lists none.
    pub fn select_first(&mut self) -> Result<(), GdbError> {
        let first = self.threads()?.into_iter().next();
        first.map_or(Ok(()), |first| self.select(&first))
    }

    /// Says which core's registers are read from now on, and through whose translation tables memory.
    ///
    /// # Errors
    ///
    /// When the server knows no such core.
    pub fn select(&mut self, thread: &Thread) -> Result<(), GdbError> {
        self.order(&format!("Hg{}", thread.0))
    }

    /// The registers of the core that was selected.
    ///
    /// # Errors
    ///
    /// When the server does not tell them.
    pub fn registers(&mut self) -> Result<Registers, GdbError> {
        let bytes = self.register_bytes()?;
        Registers::from_bytes(&bytes).ok_or_else(|| bad_answer("g", to_hex(&bytes).as_bytes()))
    }

    /// Changes a register of the core that was selected.
    ///
    /// # Errors
    ///
    /// When the server does not.
    pub fn set_register(&mut self, number: u32, value: u64) -> Result<(), GdbError> {
        self.order(&format!("P{number:x}={}", to_hex(&value.to_le_bytes())))
    }

    /// Has the server carry out a command of its own.
    ///
    /// # Errors
    ///
    /// When it does not know the command.
    pub(super) fn monitor(&mut self, command: &str) -> Result<(), GdbError> {
        self.order(&format!("qRcmd,{}", to_hex(command.as_bytes()))).map_err(|error| match error {
            GdbError::Refused { answer, .. } => GdbError::Refused { request: command.to_owned(), answer },
            error => error,
        })
    }

    fn read_piece(&mut self, address: u64, length: usize) -> Result<Vec<u8>, GdbError> {
        let request = format!("m{address:x},{length:x}");
        let answer = self.ask(&request)?;
        from_hex(&answer).filter(|bytes| bytes.len() == length).ok_or_else(|| bad_answer(&request, &answer))
    }

    /// Has the server do something.
    fn order(&mut self, request: &str) -> Result<(), GdbError> {
        match self.ask(request)? {
            answer if answer == b"OK" => Ok(()),
            answer => Err(bad_answer(request, &answer)),
        }
    }

    /// The answer to `request`. What the server tells of its own accord is passed over: an earlier stop, and text.
    pub(super) fn ask(&mut self, request: &str) -> Result<Vec<u8>, GdbError> {
        self.send(request)?;
        let deadline = Instant::now() + self.patience;
        loop {
            let answer = self.next_packet(request, deadline)?;
            let is_text = answer.starts_with(b"O") && answer != b"OK";
            if !is_text && !is_stop(&answer)? {
                return Ok(answer);
            }
        }
    }

    fn wait_for_stop(&mut self, request: &str) -> Result<(), GdbError> {
        let deadline = Instant::now() + self.patience;
        while !is_stop(&self.next_packet(request, deadline)?)? {}
        Ok(())
    }

    fn send(&mut self, body: &str) -> Result<(), GdbError> {
        self.sent = encode(body.as_bytes());
        self.write_out(&self.sent.clone())
    }

    /// To a server that is gone, too: its last words may still be there to be read.
    fn write_out(&mut self, bytes: &[u8]) -> Result<(), GdbError> {
        match self.stream.write_all(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// The next packet that arrives whole.
    fn next_packet(&mut self, request: &str, deadline: Instant) -> Result<Vec<u8>, GdbError> {
        let mut damaged = 0;
        loop {
            match self.next_heard(request, deadline)? {
                Heard::Packet(body) => {
                    if self.acknowledges {
                        self.write_out(b"+")?;
                    }
                    return Ok(body);
                }
                Heard::Taken => continue,
                // Without acknowledgements nothing is sent again: the request goes unanswered.
                Heard::Damaged | Heard::Refused if !self.acknowledges => {}
                Heard::Damaged => self.write_out(b"-")?,
                Heard::Refused => self.write_out(&self.sent.clone())?,
            }
            damaged += 1;
            if damaged == ATTEMPTS {
                return Err(GdbError::BadLine);
            }
        }
    }

    fn next_heard(&mut self, request: &str, deadline: Instant) -> Result<Heard, GdbError> {
        let mut buffer = [0; 16 << 10];
        while self.heard.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(GdbError::Silent { request: request.to_owned(), within: self.patience });
            }
            self.stream.set_patience(left)?;
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(GdbError::Closed),
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    self.heard.extend(bytes.iter().filter_map(|&byte| self.decoder.receive(byte)));
                }
                Err(error) if is_patience_over(&error) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(GdbError::Closed),
                Err(error) => return Err(error.into()),
            }
        }
        // Not empty: the loop above has ended.
        self.heard.pop_front().ok_or(GdbError::Closed)
    }
}

/// The memory of a board that is stopped, as the selected core has it mapped.
impl Memory for Client {
    type Error = GdbError;

    fn read(&mut self, address: u64, length: usize) -> Result<Vec<u8>, GdbError> {
        // Two digits for a byte, and what stands around them.
        let most = (self.packet_size - 8) / 2;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let count = most.min(length - bytes.len());
            bytes.extend(self.read_piece(address.wrapping_add(bytes.len() as u64), count)?);
        }
        Ok(bytes)
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), GdbError> {
        // The address and the length have at most 16 digits each.
        let most = (self.packet_size - 48) / 2;
        for (number, piece) in bytes.chunks(most).enumerate() {
            let address = address.wrapping_add((number * most) as u64);
            self.order(&format!("M{address:x},{:x}:{}", piece.len(), to_hex(piece)))?;
        }
        Ok(())
    }
}

fn is_patience_over(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Whether that tells that the board has stopped.
fn is_stop(answer: &[u8]) -> Result<bool, GdbError> {
    match answer.first() {
        Some(b'T' | b'S') => Ok(true),
        Some(b'W' | b'X') => Err(GdbError::Exited(String::from_utf8_lossy(answer).into_owned())),
        _ => Ok(false),
    }
}

pub(super) fn bad_answer(request: &str, answer: &[u8]) -> GdbError {
    let is_refusal = answer.is_empty() || answer.starts_with(b"E");
    // A request to write is as long as what is written.
    let request = request.chars().take(40).collect();
    let answer = String::from_utf8_lossy(answer).into_owned();
    if is_refusal { GdbError::Refused { request, answer } } else { GdbError::Malformed { request, answer } }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |&[high, low]: &[u8; 2]| u8::try_from(digit(high)? << 4 | digit(low)?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}
