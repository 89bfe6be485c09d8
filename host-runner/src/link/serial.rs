//! A serial port as a line to a board: a thread reads, a thread writes, and neither waits for the other.
//!
//! The port outlives the board's boots, so there is a [`Serial`] for the port and a [`SerialLine`] for each boot. A
//! pseudo-terminal is a port like any other, and so is one of another machine that is reached over TCP.

use super::Port;
use super::connection::Connection;
use super::ports::find_port;
use super::rates::Rates;
use crate::board::SerialOptions;
use crate::loader::{BootCount, Incoming};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// A serial port and the speeds that its board may have.
#[derive(Debug)]
pub struct Serial {
    options: SerialOptions,
    /// The speed at which a whole frame was heard last; 0 before that.
    right: Arc<AtomicU32>,
}

/// The port during one boot. Dropping it closes the port.
#[derive(Debug)]
pub struct SerialLine {
    /// None once the boot is over.
    outbox: Option<Sender<Vec<u8>>>,
    over: Arc<AtomicBool>,
    why: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

/// What the reader needs.
struct Reading {
    connection: Connection,
    port: Port,
    rates: Rates,
    right: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    why: Arc<Mutex<String>>,
    boot: BootCount,
    inbox: Sender<Incoming>,
}

impl Serial {
    /// The port that `options` describe. It is looked for whenever it is opened: an adapter may come back under another
    /// name.
    #[must_use]
    pub fn new(options: SerialOptions) -> Self {
        Self { options, right: Arc::new(AtomicU32::new(0)) }
    }

    /// Opens the port for one boot. What arrives from now on goes to `inbox`; what lay in the port's buffer is dropped.
    ///
    /// # Errors
    ///
    /// When the port cannot be opened: why, and what to do about it.
    pub fn open(&self, boot: BootCount, inbox: Sender<Incoming>) -> Result<SerialLine, String> {
        let port =
            find_port(self.options.port.as_ref(), &self.options.usb).map_err(|error| error.to_string())?;
        // Relaxed: the number stands for itself.
        let last = Some(self.right.load(Ordering::Relaxed)).filter(|baud| *baud != 0);
        let rates = Rates::new(self.bauds(&port), last, Instant::now());
        let connection = Connection::open(&port, rates.current())?;
        let writing = connection.try_clone().map_err(|error| format!("cannot use {port}: {error}"))?;
        let (outbox, orders) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let why = Arc::new(Mutex::new(String::new()));
        let writer = {
            let over = Arc::clone(&over);
            thread::spawn(move || write_orders(writing, &orders, &over))
        };
        let reading = Reading {
            connection,
            port,
            rates,
            right: Arc::clone(&self.right),
            over: Arc::clone(&over),
            why: Arc::clone(&why),
            boot,
            inbox,
        };
        let reader = thread::spawn(move || reading.read());
        Ok(SerialLine { outbox: Some(outbox), over, why, reader: Some(reader), writer: Some(writer) })
    }

    /// The speeds that are tried: none where another machine sets it.
    fn bauds(&self, port: &Port) -> &[u32] {
        match port {
            Port::Device(_) | Port::Telnet(_) => &self.options.bauds,
            Port::Network(_) => &[],
        }
    }
}

impl SerialLine {
    /// Sends `bytes`, without waiting for the line to take them.
    pub fn send(&self, bytes: Vec<u8>) {
        if let Some(outbox) = &self.outbox {
            // The writer is gone when the port is, and that is told by the reader.
            let _ = outbox.send(bytes);
        }
    }

    /// Why the line has ended, for people.
    #[must_use]
    pub fn why_ended(&self) -> String {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SerialLine {
    fn drop(&mut self) {
        // Relaxed: the threads are joined below.
        self.over.store(true, Ordering::Relaxed);
        self.outbox = None;
        // The last order may be the one that brings the board into its boot loader: the writer still writes it. The next
        // boot opens the port again, and it opens once at a time.
        for thread in [self.writer.take(), self.reader.take()].into_iter().flatten() {
            let _ = thread.join();
        }
    }
}

impl Reading {
    fn read(mut self) {
        let mut buffer = [0; 16 << 10];
        while !self.over.load(Ordering::Relaxed) {
            match self.connection.read(&mut buffer) {
                Ok(0) => return self.end("it reads as ended"),
                Ok(length) => {
                    if !self.pass(buffer.get(..length).unwrap_or_default()) {
                        return;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(error) => return self.end(&error.to_string()),
            }
            self.try_next_rate();
        }
    }

    /// Hands bytes on; whether anybody still listens.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        if let Some(baud) = self.rates.hear(bytes, Instant::now()) {
            self.right.store(baud, Ordering::Relaxed);
        }
        self.inbox
            .send(Incoming::Bytes { boot: self.boot, at: Instant::now(), bytes: bytes.to_vec() })
            .is_ok()
    }

    fn try_next_rate(&mut self) {
        if let Some(baud) = self.rates.next(Instant::now()) {
            self.connection.set_baud(baud);
        }
    }

    fn end(self, how: &str) {
        let advice = match self.port {
            Port::Device(_) => "was the adapter unplugged?",
            Port::Network(_) | Port::Telnet(_) => "did what passes it on end there?",
        };
        let words = format!("the serial port {} is gone ({how}); {advice}", self.port);
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = words;
        // Nobody listens any more when the run is over.
        let _ = self.inbox.send(Incoming::Ended(self.boot));
    }
}

/// Writes until nobody orders anything any more. A line that then takes nothing is not waited for.
fn write_orders(mut connection: Connection, orders: &Receiver<Vec<u8>>, over: &AtomicBool) {
    for bytes in orders {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match connection.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::TimedOut && !over.load(Ordering::Relaxed) => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::telnet;
    use crate::stand_in::Terminal;
    use std::net::{TcpListener, TcpStream};
    use std::path::Path;
    use std::time::Duration;

    const BOOT: BootCount = BootCount(3);

    fn next(inbox: &Receiver<Incoming>) -> Incoming {
        inbox.recv_timeout(Duration::from_secs(20)).expect("nothing happens on the line")
    }

    fn listen(inbox: &Receiver<Incoming>, enough: usize) -> Vec<u8> {
        let mut heard = Vec::new();
        while heard.len() < enough {
            let Incoming::Bytes { boot, bytes, .. } = next(inbox) else { panic!("the line has ended") };
            assert_eq!(boot, BOOT);
            heard.extend(bytes);
        }
        heard
    }

    fn device(path: &Path) -> Port {
        Port::Device(path.to_owned())
    }

    fn open(terminal: &Terminal, bauds: &[u32]) -> (SerialLine, Receiver<Incoming>) {
        let (outside, inbox) = channel();
        let serial = Serial::new(SerialOptions::at(device(terminal.path()), bauds.to_vec()));
        (serial.open(BOOT, outside).unwrap(), inbox)
    }

    #[test]
    fn every_byte_passes_both_ways_as_it_is() {
        let terminal = Terminal::open().unwrap();
        let (line, inbox) = open(&terminal, &[3_000_000, 115_200]);
        let all: Vec<u8> = (0..=255).collect();
        terminal.write(&all);
        assert_eq!(listen(&inbox, 256), all);
        line.send(all.clone());
        let mut back = Vec::new();
        while back.len() < 256 {
            back.extend(terminal.read(Duration::from_secs(20)).expect("nothing arrives"));
        }
        assert_eq!(back, all);
    }

    #[test]
    fn a_port_that_vanishes_ends_the_line_with_words() {
        let terminal = Terminal::open().unwrap();
        let (line, inbox) = open(&terminal, &[115_200]);
        drop(terminal);
        assert!(matches!(next(&inbox), Incoming::Ended(BOOT)));
        assert!(line.why_ended().contains("is gone"), "{}", line.why_ended());
        line.send(b"into the void".to_vec());
    }

    #[test]
    fn the_port_can_be_opened_again_for_the_next_boot() {
        let terminal = Terminal::open().unwrap();
        for _ in 0..2 {
            let (_line, inbox) = open(&terminal, &[115_200]);
            terminal.write(b"hello");
            assert_eq!(listen(&inbox, 5), b"hello");
        }
    }

    #[test]
    fn the_last_order_of_a_boot_is_still_sent() {
        let terminal = Terminal::open().unwrap();
        let (line, _inbox) = open(&terminal, &[115_200]);
        line.send(b"leave".to_vec());
        drop(line);
        assert_eq!(terminal.read(Duration::from_secs(20)).as_deref(), Some(b"leave".as_slice()));
    }

    #[test]
    fn one_opener_at_a_time() {
        let terminal = Terminal::open().unwrap();
        let serial = Serial::new(SerialOptions::at(device(terminal.path()), vec![115_200]));
        let _line = serial.open(BOOT, channel().0).unwrap();
        let error = serial.open(BOOT, channel().0).unwrap_err();
        assert!(error.contains("another program"), "{error}");
    }

    #[test]
    fn a_missing_port_says_so() {
        let serial = Serial::new(SerialOptions::at(device(Path::new("/dev/nowhere")), vec![115_200]));
        let error = serial.open(BOOT, channel().0).unwrap_err();
        assert!(error.contains("/dev/nowhere"), "{error}");
    }

    /// Somebody who listens at an address, and the line there.
    fn connect(kind: fn(String) -> Port, bauds: &[u32]) -> (TcpStream, SerialLine, Receiver<Incoming>) {
        let there = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = kind(there.local_addr().unwrap().to_string());
        let (outside, inbox) = channel();
        let line = Serial::new(SerialOptions::at(port, bauds.to_vec())).open(BOOT, outside).unwrap();
        let there = there.accept().unwrap().0;
        there.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        (there, line, inbox)
    }

    /// As telnet writes it.
    fn doubled(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == 255 { 2 } else { 1 })).collect()
    }

    #[test]
    fn every_byte_passes_both_ways_by_telnet_which_sets_the_speed() {
        let (mut there, line, inbox) = connect(Port::Telnet, &[115_200]);
        let expected = [telnet::HELLO.as_slice(), &telnet::set_baud(115_200)].concat();
        let mut begun = vec![0; expected.len()];
        there.read_exact(&mut begun).unwrap();
        assert_eq!(begun, expected);
        let all: Vec<u8> = (0..=255).chain([255, 255]).collect();
        // The far end agrees to binary, and is heard to.
        there.write_all(&[&[255, 253, 0], doubled(&all).as_slice()].concat()).unwrap();
        assert_eq!(listen(&inbox, all.len()), all);
        line.send(all.clone());
        let mut back = vec![0; doubled(&all).len()];
        there.read_exact(&mut back).unwrap();
        assert_eq!(back, doubled(&all));
    }

    #[test]
    fn every_byte_passes_both_ways_over_a_network() {
        let (mut there, line, inbox) = connect(Port::Network, &[3_000_000, 115_200]);
        let all: Vec<u8> = (0..=255).collect();
        there.write_all(&all).unwrap();
        assert_eq!(listen(&inbox, 256), all);
        line.send(all.clone());
        let mut back = [0; 256];
        there.read_exact(&mut back).unwrap();
        assert_eq!(back.as_slice(), all);
    }

    #[test]
    fn a_network_that_goes_away_ends_the_line_with_words() {
        let (there, line, inbox) = connect(Port::Network, &[115_200]);
        drop(there);
        assert!(matches!(next(&inbox), Incoming::Ended(BOOT)));
        assert!(line.why_ended().contains("is gone"), "{}", line.why_ended());
    }

    #[test]
    fn an_address_where_nobody_listens_is_told() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let serial = Serial::new(SerialOptions::at(Port::Network(free.clone()), vec![115_200]));
        let error = serial.open(BOOT, channel().0).unwrap_err();
        assert!(error.contains(&format!("the console at {free} does not answer")), "{error}");
    }
}
