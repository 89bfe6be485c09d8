//! The switch of a stand-in's supply, as switches in racks have one: by HTTP. `GET` answers whether it is on, `1` or `0`, and
//! `PUT` of one of them switches it. labgrid calls that the model `rest`.

use super::phone::{Button, StandIn};
use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

/// How long whoever asks may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// No question has more bytes.
const MOST_BYTES: u64 = 1 << 14;

/// Where the switch answers. It is there as long as this program is: a phone that was unplugged is not switched by it any more.
#[derive(Clone, Debug)]
pub struct PowerSwitch {
    address: SocketAddr,
}

impl PowerSwitch {
    /// The switch of `phone`'s supply, on, at a port that is free.
    ///
    /// # Errors
    ///
    /// When the system has no port to give.
    pub fn of(phone: &StandIn) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let buttons = phone.buttons();
        thread::spawn(move || serve(&listener, &buttons));
        Ok(Self { address })
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/power", self.address)
    }
}

/// Answers one question after the other.
fn serve(listener: &TcpListener, buttons: &Sender<Button>) {
    let mut is_on = true;
    for stream in listener.incoming().flatten() {
        // Whoever breaks off asks again.
        let _ = answer(&stream, buttons, &mut is_on);
    }
}

fn answer(stream: &TcpStream, buttons: &Sender<Button>, is_on: &mut bool) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (method, body) = question(stream)?;
    let (status, said) = match (method.as_str(), body.as_str()) {
        ("GET", _) => ("200 OK", if *is_on { "1" } else { "0" }),
        ("PUT", "0" | "1") => {
            *is_on = body == "1";
            // A phone that was unplugged has no supply any more.
            let _ = buttons.send(if *is_on { Button::PowerOn } else { Button::PowerOff });
            ("200 OK", "")
        }
        _ => ("400 Bad Request", "GET, or PUT 0 or 1\n"),
    };
    let length = said.len();
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{said}")
}

/// The method and the body.
fn question(stream: &TcpStream) -> Result<(String, String)> {
    let mut reader = BufReader::new(stream.take(MOST_BYTES));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let method = line.split(' ').next().unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| ErrorKind::InvalidData)?;
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok((method, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn switch() -> (SocketAddr, Receiver<Button>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (buttons, pressed) = channel();
        thread::spawn(move || serve(&listener, &buttons));
        (address, pressed)
    }

    fn ask(address: SocketAddr, question: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    }

    fn put(address: SocketAddr, value: &str) -> String {
        ask(address, &format!("PUT /power HTTP/1.1\r\ncontent-length: {}\r\n\r\n{value}", value.len()))
    }

    #[test]
    fn it_switches_and_says_how_it_stands() {
        let (address, pressed) = switch();
        let state = || ask(address, "GET /power HTTP/1.1\r\n\r\n");
        assert!(state().ends_with("\r\n\r\n1"), "it begins switched on");
        for (value, button) in [("0", Button::PowerOff), ("1", Button::PowerOn)] {
            assert!(put(address, value).starts_with("HTTP/1.1 200 "));
            assert_eq!(pressed.recv_timeout(PATIENCE), Ok(button));
            assert!(state().ends_with(&format!("\r\n\r\n{value}")));
        }
    }

    #[test]
    fn what_is_not_understood_switches_nothing() {
        let (address, pressed) = switch();
        for question in ["PUT /power HTTP/1.1\r\n\r\n", "POST /power HTTP/1.1\r\n\r\n", "hello\r\n\r\n"] {
            assert!(ask(address, question).starts_with("HTTP/1.1 400 "), "{question}");
        }
        assert!(put(address, "2").starts_with("HTTP/1.1 400 "));
        assert!(pressed.try_recv().is_err());
    }
}
