//! A console behind telnet with options for serial ports (RFC 854, RFC 856, RFC 2217): what labgrid's exporters make of a serial
//! port. Bytes pass as they are but for one, which is doubled; the speed is set over the connection.

/// What begins a command; as data it is doubled.
pub(super) const IAC: u8 = 255;

const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

/// All eight bits of a byte count.
const BINARY: u8 = 0;
/// Nobody waits for a turn.
const NO_GO_AHEAD: u8 = 3;
/// The far end is a serial port.
const COM_PORT: u8 = 44;
const SET_BAUD: u8 = 1;

/// What is said first. Both sides say what they will and want; what is answered to that may be left unread, since without those
/// options there is no console to talk to.
pub(super) const HELLO: [u8; 15] =
    [IAC, WILL, BINARY, IAC, DO, BINARY, IAC, WILL, NO_GO_AHEAD, IAC, DO, NO_GO_AHEAD, IAC, WILL, COM_PORT];

/// Has the far end set the port's speed.
pub(super) fn set_baud(baud: u32) -> Vec<u8> {
    let mut order = vec![IAC, SB, COM_PORT, SET_BAUD];
    for byte in baud.to_be_bytes() {
        order.extend(std::iter::repeat_n(byte, if byte == IAC { 2 } else { 1 }));
    }
    order.extend([IAC, SE]);
    order
}

/// Takes what is telnet's out of what is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ear {
    #[default]
    Data,
    /// Behind an [`IAC`].
    Command,
    /// Behind the command that is to be about an option.
    Option(u8),
    /// In what the far end tells about an option.
    Told,
    /// Behind an [`IAC`] in it.
    ToldCommand,
}

impl Ear {
    /// Puts what the board has said into `data`, and what telnet wants to be answered into `answer`.
    pub(super) fn hear(&mut self, bytes: &[u8], data: &mut Vec<u8>, answer: &mut Vec<u8>) {
        for &byte in bytes {
            *self = match (*self, byte) {
                (Self::Data, IAC) => Self::Command,
                (Self::Data, byte) | (Self::Command, byte @ IAC) => {
                    data.push(byte);
                    Self::Data
                }
                (Self::Command, command @ (DO | DONT | WILL | WONT)) => Self::Option(command),
                (Self::Option(command), option) => {
                    answer.extend(refusal(command, option).into_iter().flatten());
                    Self::Data
                }
                (Self::Told, IAC) => Self::ToldCommand,
                (Self::Command, SB) | (Self::Told, _) | (Self::ToldCommand, IAC) => Self::Told,
                (Self::Command | Self::ToldCommand, _) => Self::Data,
            };
        }
    }
}

/// What is answered to a wish or an offer: nothing to those of [`HELLO`], which would go on for ever.
fn refusal(command: u8, option: u8) -> Option<[u8; 3]> {
    match (command, option) {
        (_, BINARY | NO_GO_AHEAD | COM_PORT) => None,
        (DO, option) => Some([IAC, WONT, option]),
        (WILL, option) => Some([IAC, DONT, option]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: u8 = 1;

    /// What is data in it, and what is answered, in whatever pieces it comes.
    fn heard(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut data, mut answer) = (Vec::new(), Vec::new());
        Ear::default().hear(bytes, &mut data, &mut answer);
        let (mut ear, mut piece, mut answers) = (Ear::default(), Vec::new(), Vec::new());
        bytes.iter().for_each(|byte| ear.hear(&[*byte], &mut piece, &mut answers));
        assert_eq!((&data, &answer), (&piece, &answers));
        (data, answer)
    }

    #[test]
    fn data_passes_as_it_is() {
        let all: Vec<u8> = (0..=255).collect();
        let doubled: Vec<u8> = all.iter().copied().chain([IAC]).collect();
        assert_eq!(heard(&doubled), (all, vec![]));
    }

    #[test]
    fn telnets_own_words_are_no_data() {
        let told = [b'a', IAC, SB, COM_PORT, 101, 0, 0, IAC, IAC, 0, IAC, SE, b'b', IAC, 241, b'c'];
        assert_eq!(heard(&told), (b"abc".to_vec(), vec![]));
    }

    #[test]
    fn what_is_not_wanted_is_refused_and_what_is_agreed_is_not_talked_about() {
        assert_eq!(heard(&[IAC, WILL, ECHO, IAC, DO, 24]), (vec![], vec![IAC, DONT, ECHO, IAC, WONT, 24]));
        assert_eq!(
            heard(&[IAC, DO, BINARY, IAC, WILL, BINARY, IAC, DO, COM_PORT, IAC, WONT, ECHO]),
            (vec![], vec![])
        );
    }

    #[test]
    fn a_speed_is_four_bytes_whatever_they_are() {
        assert_eq!(set_baud(115_200), [IAC, SB, 44, 1, 0, 1, 0xc2, 0, IAC, SE]);
        assert_eq!(set_baud(0xff), [IAC, SB, 44, 1, 0, 0, 0, IAC, IAC, IAC, SE]);
    }
}
