//! What the `fastboot` program's words mean.
//!
//! Seen with version 29.0.6 of Debian 12: it says everything that matters on its error stream, ends with 0 when a question
//! was refused, and repeats `< waiting for … >` without end.

use super::FastbootError;
use crate::processes::Outcome;
use std::time::Duration;

/// A phone in its boot loader at this machine's USB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// One that can be asked.
    Ready(Seen),
    /// One that may not be opened, in the program's own words.
    Forbidden(String),
}

/// By what a phone is known that was asked nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What `-s` takes: a serial number, an address, or the path if there is nothing else.
    pub device: String,
    /// Where it is plugged in, as `-s` takes it too.
    pub path: Option<String>,
}

impl Seen {
    /// Every name that it goes by.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let path = self.path.as_deref().filter(|path| *path != self.device);
        std::iter::once(self.device.as_str()).chain(path)
    }
}

/// What `fastboot devices -l` lists, a line a phone: a serial number, how the interface calls itself (with older programs
/// always `fastboot`, else what the phone says, such as `Android Fastboot`), and where it is plugged in.
pub(super) fn sightings(said: &str) -> Vec<Sighting> {
    said.lines().filter_map(sighting).collect()
}

fn sighting(line: &str) -> Option<Sighting> {
    let mut words: Vec<_> = line.split_whitespace().collect();
    if line.contains("no permissions") {
        return Some(Sighting::Forbidden(words.join(" ")));
    }
    let path = words.pop_if(|word| word.starts_with("usb:")).map(str::to_owned);
    let (serial, interface) = words.split_first()?;
    if !interface.iter().any(|word| word.eq_ignore_ascii_case("fastboot")) {
        return None;
    }
    let serial = (!serial.contains("??")).then(|| (*serial).to_owned());
    Some(Sighting::Ready(Seen { device: serial.or_else(|| path.clone())?, path }))
}

/// Which of them is meant; none if it is not there yet.
pub(super) fn choose(seen: &[Sighting], wanted: Option<&str>) -> Result<Option<Seen>, FastbootError> {
    let meant = |phone: &&Seen| wanted.is_none_or(|wanted| phone.names().any(|name| name == wanted));
    let ready = seen.iter().filter_map(|sighting| match sighting {
        Sighting::Ready(phone) => Some(phone),
        Sighting::Forbidden(_) => None,
    });
    let forbidden = seen.iter().find_map(|sighting| match sighting {
        Sighting::Forbidden(said) => Some(said.clone()),
        Sighting::Ready(_) => None,
    });
    match (ready.filter(meant).collect::<Vec<_>>().as_slice(), forbidden) {
        ([phone], _) => Ok(Some((*phone).clone())),
        ([], Some(said)) => Err(FastbootError::NoPermission { device: wanted.map(str::to_owned), said }),
        ([], None) => Ok(None),
        (several, _) => {
            let serials = several.iter().map(|phone| phone.device.clone()).collect();
            Err(FastbootError::SeveralDevices { serials })
        }
    }
}

/// Whether no more can come of a call. The program goes on to try for ever.
pub(super) fn is_hopeless(said: &str) -> bool {
    no_fastboot(said).is_some()
}

/// Whether the program has not found the phone at once.
pub(super) fn is_waiting(said: &str) -> bool {
    said.contains("< waiting for")
}

fn no_fastboot(said: &str) -> Option<&str> {
    let mut lines = said.lines();
    lines.find(|line| {
        line.contains("Unrecognized initialization message") || line.contains("Unknown TCP protocol version")
    })
}

/// The value of the variable `name`; none if the phone does not have it.
pub(super) fn variable(
    outcome: &Outcome,
    name: &str,
    device: &str,
    within: Duration,
) -> Result<Option<String>, FastbootError> {
    let said = &outcome.said;
    let value = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    if let Some(value) = value.filter(|_| outcome.succeeded()) {
        return Ok(Some(value.trim().to_owned()));
    }
    if let Some(line) = no_fastboot(said) {
        return Err(FastbootError::NoFastboot { said: line.to_owned() });
    }
    if refusal(said).is_some() {
        return Ok(None);
    }
    match outcome.status {
        None if is_waiting(said) => Err(FastbootError::NoDevice { device: Some(device.to_owned()), within }),
        None => Err(FastbootError::Stalled { step: "asking what it is", within }),
        Some(_) => Err(FastbootError::Unexpected { said: one_line(said) }),
    }
}

/// Whether the phone has started the image. Only its own last word counts.
pub(super) fn booted(outcome: &Outcome, within: Duration) -> Result<(), FastbootError> {
    let said = &outcome.said;
    let step = if said.contains("Booting") { "starting the image" } else { "taking the image" };
    if let Some(reason) = refusal(said) {
        return Err(refused(step, reason));
    }
    match outcome.status {
        Some(status) if status.success() && is_started(said) => Ok(()),
        Some(_) => Err(FastbootError::Unexpected { said: one_line(said) }),
        None => match no_fastboot(said) {
            Some(line) => Err(FastbootError::NoFastboot { said: line.to_owned() }),
            None => Err(FastbootError::Stalled { step, within }),
        },
    }
}

/// The first `OKAY` is that it has the image.
fn is_started(said: &str) -> bool {
    said.split_once("Booting").is_some_and(|(_, answer)| answer.contains("OKAY"))
}

/// Some boot loaders do not say beforehand that they are locked. Whole words count: nobody is to unlock and wipe a phone
/// because of a bad block.
fn refused(step: &'static str, reason: &str) -> FastbootError {
    let lower = reason.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let locked =
        words.any(|word| matches!(word, "lock" | "locked" | "unlock")) && !lower.contains("unlocked");
    if locked { FastbootError::Locked } else { FastbootError::Refused { step, reason: reason.to_owned() } }
}

/// What stands in `FAILED (remote: '…')`: the phone's own words. `FAILED (…)` is the program's, which has lost the phone.
fn refusal(said: &str) -> Option<&str> {
    let (_, reason) = said.lines().find_map(|line| line.split_once("FAILED (remote"))?;
    let reason = reason.trim().trim_end_matches(')');
    Some(reason.strip_prefix(": ").unwrap_or(reason).trim_matches('\''))
}

/// A size as boot loaders write it: hexadecimal with `0x`, or decimal.
pub(super) fn size(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn one_line(said: &str) -> String {
    said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::slice;

    const WITHIN: Duration = Duration::from_secs(3);

    fn outcome(code: Option<i32>, said: &str) -> Outcome {
        Outcome { status: code.map(|code| ExitStatus::from_raw(code << 8)), said: said.to_owned() }
    }

    fn ready(device: &str, path: Option<&str>) -> Sighting {
        Sighting::Ready(Seen { device: device.to_owned(), path: path.map(str::to_owned) })
    }

    #[test]
    fn devices_are_listed_with_their_names_and_states() {
        let said = "1A231FDF6000AB         fastboot usb:1-2\n\
                    1A231FDF6000AC         Android Fastboot usb:1-4.3\n\
                    ????????????           fastboot usb:1-5\n\
                    1A231FDF6000AD\t fastboot\n\
                    ????????????           no permissions (user in plugdev group; are your udev rules wrong?); see [http://x]\tfastboot usb:1-6\n";
        let seen = sightings(said);
        assert_eq!(seen[0], ready("1A231FDF6000AB", Some("usb:1-2")));
        assert_eq!(seen[1], ready("1A231FDF6000AC", Some("usb:1-4.3")));
        assert_eq!(seen[2], ready("usb:1-5", Some("usb:1-5")), "it has no serial number");
        assert_eq!(seen[3], ready("1A231FDF6000AD", None));
        assert!(matches!(&seen[4], Sighting::Forbidden(said) if said.contains("no permissions")));
        assert_eq!(
            sightings("1A23 fastbootd\nno devices\n1A24 fastbootd usb:1-2\n????????????  fastboot\n"),
            []
        );
    }

    #[test]
    fn the_phone_that_is_meant_is_chosen() {
        let phone = |serial: &str| ready(serial, Some(&format!("usb:{serial}")));
        let chosen =
            |seen: &[Sighting], wanted| choose(seen, wanted).map(|seen| seen.map(|seen| seen.device));
        let forbidden = Sighting::Forbidden("no permissions".into());
        let denied = |device| Err(FastbootError::NoPermission { device, said: "no permissions".into() });
        assert_eq!(chosen(&[], None), Ok(None));
        assert_eq!(chosen(&[phone("A")], None), Ok(Some("A".into())));
        assert_eq!(chosen(&[phone("A"), phone("B")], Some("B")), Ok(Some("B".into())));
        assert_eq!(chosen(&[phone("A"), phone("B")], Some("usb:B")), Ok(Some("B".into())));
        assert_eq!(chosen(&[phone("A")], Some("B")), Ok(None), "another phone is never taken for it");
        assert_eq!(chosen(&[phone("A")], Some("usb:B")), Ok(None), "nor one in another socket");
        assert_eq!(chosen(slice::from_ref(&forbidden), None), denied(None));
        assert_eq!(chosen(&[forbidden, phone("A")], Some("B")), denied(Some("B".into())));
        let serials = vec!["A".to_owned(), "B".to_owned()];
        assert_eq!(chosen(&[phone("A"), phone("B")], None), Err(FastbootError::SeveralDevices { serials }));
    }

    #[test]
    fn a_question_is_answered_refused_or_not_answered() {
        let ask = |code, said| variable(&outcome(code, said), "product", "tcp:x", WITHIN);
        let answered = "error: Failed to connect to x\n< waiting for tcp:x >\nproduct: oriole\nFinished. Total time: 0.000s\n";
        assert_eq!(ask(Some(0), answered), Ok(Some("oriole".into())));
        let refused = "getvar:product    FAILED (remote: 'unknown variable')\nFinished. Total time: 0.000s\n";
        assert_eq!(ask(Some(0), refused), Ok(None), "the program ends with 0 here too");
        let no_device = FastbootError::NoDevice { device: Some("tcp:x".into()), within: WITHIN };
        assert_eq!(ask(None, "< waiting for tcp:x >\n"), Err(no_device));
        let stalled = FastbootError::Stalled { step: "asking what it is", within: WITHIN };
        assert_eq!(ask(None, ""), Err(stalled));
        let greeting = "error: Unrecognized initialization message. Target may not support TCP fastboot\n";
        assert!(matches!(ask(None, greeting), Err(FastbootError::NoFastboot { .. })));
        assert!(matches!(ask(Some(1), "fastboot: usage\n"), Err(FastbootError::Unexpected { .. })));
        let lost = "getvar:product    FAILED (Status read failed (No such device))\n";
        assert!(
            matches!(ask(Some(0), lost), Err(FastbootError::Unexpected { .. })),
            "the phone has said nothing"
        );
    }

    #[test]
    fn only_the_phones_own_word_starts_an_image() {
        let sent = "Sending 'boot.img' (19 KB)      OKAY [  0.000s]\n";
        let boot = |code, said: String| booted(&outcome(code, &said), WITHIN);
        let whole =
            format!("{sent}Booting    (bootloader) booting\nOKAY [  0.044s]\nFinished. Total time: 0.044s\n");
        assert_eq!(boot(Some(0), whole), Ok(()));
        assert!(matches!(boot(Some(0), sent.to_owned()), Err(FastbootError::Unexpected { .. })));
        let unanswered = boot(Some(0), format!("{sent}Booting    \n"));
        assert!(matches!(unanswered, Err(FastbootError::Unexpected { .. })), "{unanswered:?}");
        let stalled = |step| Err(FastbootError::Stalled { step, within: WITHIN });
        assert_eq!(boot(None, "Sending 'boot.img' (19 KB)    ".to_owned()), stalled("taking the image"));
        assert_eq!(boot(None, format!("{sent}Booting    ")), stalled("starting the image"));
        let failed = "Sending 'boot.img' (19 KB)  FAILED (remote: 'data too large')\nfastboot: error: Command failed\n";
        let refused = FastbootError::Refused { step: "taking the image", reason: "data too large".into() };
        assert_eq!(boot(Some(1), failed.to_owned()), Err(refused));
        let lost = "Sending 'boot.img' (19 KB)  FAILED (Write to device failed (no link))\n";
        assert!(matches!(boot(Some(1), lost.to_owned()), Err(FastbootError::Unexpected { .. })));
        let locked = format!("{sent}Booting   FAILED (remote: 'Command not allowed in locked state')\n");
        assert_eq!(boot(Some(1), locked), Err(FastbootError::Locked));
        let other =
            boot(Some(1), format!("{sent}Booting   FAILED (remote: 'block 7 is bad, clock is off')\n"));
        assert!(matches!(other, Err(FastbootError::Refused { .. })), "{other:?}");
    }

    #[test]
    fn sizes_are_read_as_phones_write_them() {
        assert_eq!(
            (size("0xf900000"), size("268435456"), size("big")),
            (Some(0xf90_0000), Some(1 << 28), None)
        );
    }
}
