//! Packets of the GDB remote protocol (GDB manual, "Overview" of the remote protocol): `$`, the body, `#`, two digits of a
//! checksum. Each is answered with `+` or `-`, until both sides agree to leave that out.

/// The byte behind which another one stands changed.
const ESCAPE: u8 = b'}';
/// What the other one is changed by.
const CHANGE: u8 = 0x20;
/// The byte behind which stands how often the one before it is repeated.
const REPEATED: u8 = b'*';

/// Far more than any server sends: what has no end is no packet.
const LONGEST: usize = 1 << 20;

/// The bytes of a packet with this body.
pub(super) fn encode(body: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(body.len());
    for &byte in body {
        match byte {
            b'$' | b'#' | b'*' | ESCAPE => escaped.extend([ESCAPE, byte ^ CHANGE]),
            _ => escaped.push(byte),
        }
    }
    let checksum = format!("#{:02x}", checksum(&escaped));
    [b"$".as_slice(), &escaped, checksum.as_bytes()].concat()
}

/// The sum of the bytes as they are on the line, modulo 256.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A packet with this body.
    Packet(Vec<u8>),
    /// A packet that is to be sent again.
    Damaged,
    /// The last packet has arrived.
    Taken,
    /// The last packet is to be sent again.
    Refused,
}

/// Reads packets from bytes.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// As it came over the line.
    body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Body(Kind),
    /// The first digit of the checksum comes next, or the second one.
    Checksum(Kind, Option<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Packet,
    /// Nobody has asked for it, and nobody answers it.
    Notification,
}

impl Decoder {
    /// Takes a byte.
    pub(super) fn receive(&mut self, byte: u8) -> Option<Heard> {
        match (self.state, byte) {
            // Seven times more. The manual does not allow it, gdbstub writes it, and GDB reads it.
            (State::Body(_), b'$') if self.body.last() == Some(&REPEATED) => self.body.push(byte),
            // A packet that begins anew was cut off before.
            (State::Between | State::Body(_), b'$') => self.begin(Kind::Packet),
            (State::Between, b'%') => self.begin(Kind::Notification),
            (State::Between, b'+') => return Some(Heard::Taken),
            (State::Between, b'-') => return Some(Heard::Refused),
            (State::Between, _) => {}
            (State::Body(kind), b'#') => self.state = State::Checksum(kind, None),
            (State::Body(_), _) if self.body.len() == LONGEST => {
                self.state = State::Between;
                return Some(Heard::Damaged);
            }
            (State::Body(_), _) => self.body.push(byte),
            (State::Checksum(kind, None), _) => self.state = State::Checksum(kind, Some(byte)),
            (State::Checksum(kind, Some(first)), second) => {
                self.state = State::Between;
                return self.end([first, second]).filter(|_| kind == Kind::Packet);
            }
        }
        None
    }

    fn begin(&mut self, kind: Kind) {
        self.body.clear();
        self.state = State::Body(kind);
    }

    fn end(&self, digits: [u8; 2]) -> Option<Heard> {
        let told = str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let is_whole = told == Some(checksum(&self.body));
        let body = is_whole.then(|| expand(&self.body)).flatten();
        Some(body.map_or(Heard::Damaged, Heard::Packet))
    }
}

/// The body without escapes and with its runs written out: `0*!` is `0000`. None if it contradicts itself.
fn expand(raw: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            ESCAPE => body.push(bytes.next()? ^ CHANGE),
            REPEATED => {
                // GDB manual: the character says how many more there are, plus 29, so that it can be printed.
                let more = bytes.next()?.checked_sub(29)?;
                let last = *body.last()?;
                body.extend(std::iter::repeat_n(last, usize::from(more)));
            }
            _ => body.push(byte),
        }
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(bytes: &[u8]) -> Vec<Heard> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|&byte| decoder.receive(byte)).collect()
    }

    fn packet(body: &[u8]) -> Heard {
        Heard::Packet(body.to_vec())
    }

    #[test]
    fn a_packet_is_as_the_manual_has_it() {
        assert_eq!(encode(b"OK"), b"$OK#9a");
        assert_eq!(encode(b"}#"), b"$}]}\x03#5a");
        assert_eq!(heard(b"$OK#9a"), [packet(b"OK")]);
        assert_eq!(heard(b"$0* #7a"), [packet(b"0000")]);
        assert_eq!(heard(b"$0*$#7e"), [packet(b"00000000")], "as gdbstub has it");
    }

    #[test]
    fn acknowledgements_stand_between_packets() {
        assert_eq!(heard(b"+$#00-"), [Heard::Taken, packet(b""), Heard::Refused]);
        assert_eq!(heard(b"$-+#58"), [packet(b"-+")]);
    }

    #[test]
    fn what_is_damaged_is_no_packet() {
        for bytes in ["$OK#9b", "$OL#9a", "$OK#zz", "$*!#4b", "$}#7d", "$0*#5a"] {
            assert_eq!(heard(bytes.as_bytes()), [Heard::Damaged], "{bytes}");
        }
        assert_eq!(heard(b"noise$O$OK#9a"), [packet(b"OK")]);
    }

    #[test]
    fn a_notification_answers_nothing() {
        assert_eq!(heard(b"%Stop:T05#6b$OK#9a"), [packet(b"OK")]);
    }

    #[test]
    fn a_packet_without_an_end_ends() {
        let mut bytes = b"$".to_vec();
        bytes.resize(LONGEST + 2, b'a');
        bytes.extend(b"$OK#9a");
        assert_eq!(heard(&bytes), [Heard::Damaged, packet(b"OK")]);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read(body in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(heard(&encode(&body)), [Heard::Packet(body)]);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            heard(&bytes);
        }
    }
}
