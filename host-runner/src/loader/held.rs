//! What this runner has of a phone: a lease under each name that it knows the phone by, and what became of it.
//!
//! A phone goes by several names: the one it was asked for by, the socket that it is plugged into, its serial number. Each is
//! taken as soon as it is known, and kept for the whole run. So two runners that know one phone by different names meet at the
//! latest when it tells its serial number, before either has sent it anything; and one that looks for it by any of its names
//! while it runs an image, and tells nothing, is turned away.
//!
//! A phone that runs an image cannot be seen, so no name tells whether it is what a command resets, or a person who is asked for
//! "the phone". A run that has such a command, or was given no device, therefore has its board to itself ([`Reach`]), and its
//! commands as well, whichever board they are for.

use crate::board::Hooks;
use crate::fastboot::{Phone, Seen};
use crate::interrupt;
use crate::lease::{Before, Lease, LeaseError, Place, State, now};
use crate::units::Took;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How long another runner is waited for that may be about to give back what it has.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether it has.
const GLANCE: Duration = Duration::from_millis(20);

/// What a run may disturb besides a phone that it names.
#[derive(Debug)]
pub(super) struct Reach {
    /// What the phone is used as.
    pub(super) board: String,
    /// What nobody else may use meanwhile: the board and the commands, in everybody's order; none for a run that touches nothing
    /// but the phone that it names.
    names: Vec<String>,
    /// By what the phone was asked for: the board's name stands for its only phone where none was named.
    asked: String,
}

impl Reach {
    pub(super) fn new(board: &str, hooks: &Hooks, device: Option<&str>) -> Self {
        let mut names: Vec<_> = [&hooks.reset, &hooks.power_off].into_iter().flatten().cloned().collect();
        if !names.is_empty() || device.is_none() {
            names.push(board.to_owned());
        }
        names.sort();
        Self { board: board.to_owned(), names, asked: device.unwrap_or(board).to_owned() }
    }

    /// Whether that is a name of the phone, rather than of what reaches it.
    fn is_of_phone(&self, name: &str) -> bool {
        name == self.asked || !self.names.iter().any(|reached| reached == name)
    }
}

/// What this runner has of a phone.
#[derive(Debug)]
pub(super) struct Held {
    reach: Reach,
    /// Where leases lie; none for a phone that nobody else can reach.
    folder: Option<PathBuf>,
    /// How long a run may take.
    total: Duration,
    leases: Vec<Lease>,
    /// What `-s` takes for the phone, once it was seen: no other one is taken for it later.
    pub(super) device: Option<String>,
    /// What its last user left behind, in words, until it answers.
    pub(super) left: Option<String>,
    /// Whether a run that was killed had it last.
    pub(super) abandoned: bool,
    /// Whether an image was started on it.
    pub(super) started: bool,
}

impl Held {
    /// Nothing yet of a phone of which others may have something, by the files in `folder`.
    pub(super) fn shared(folder: PathBuf, total: Duration, reach: Reach) -> Self {
        Self { folder: Some(folder), reach, ..Self::alone(total) }
    }

    /// Nothing yet of a phone that nobody else can reach.
    pub(super) const fn alone(total: Duration) -> Self {
        let reach = Reach { board: String::new(), names: Vec::new(), asked: String::new() };
        let (abandoned, started) = (false, false);
        Self { reach, folder: None, total, leases: Vec::new(), device: None, left: None, abandoned, started }
    }

    /// Makes the phone this runner's under the name by which it was asked for, or makes sure that it still is.
    pub(super) fn hold(&mut self, name: &str) -> Result<(), String> {
        self.try_hold(name).map_err(|error| error.to_string())
    }

    fn try_hold(&mut self, name: &str) -> Result<(), LeaseError> {
        if self.leases.is_empty() {
            // First of all, so that nobody who waits for them has what is waited for here.
            let names = self.reach.names.clone();
            let begun = names.iter().chain([&name.to_owned()]).try_for_each(|name| self.take_free(name));
            begun.and_then(|()| self.keep_apart()).inspect_err(|_| self.leases.clear())?;
        }
        self.take(name)?;
        self.leases.iter().try_for_each(Lease::renew)
    }

    /// The same, waiting for at most `patience` for whoever else has it.
    pub(super) fn hold_within(&mut self, name: &str, patience: Duration) -> Result<(), String> {
        let (deadline, mut is_told) = (Instant::now() + patience, false);
        loop {
            match self.try_hold(name) {
                Err(taken @ LeaseError::InUse { .. })
                    if Instant::now() < deadline && !interrupt::is_wanted() =>
                {
                    if !is_told {
                        anstream::eprintln!("{taken}; waiting for it for at most {}", Took(patience));
                        is_told = true;
                    }
                    thread::sleep(GLANCE);
                }
                held => return held.map_err(|error| error.to_string()),
            }
        }
    }

    /// Makes the phone this runner's under the names by which it is seen, before it is asked anything.
    pub(super) fn see(&mut self, seen: &Seen) -> Result<(), String> {
        seen.names().try_for_each(|name| self.take(name)).map_err(|error| error.to_string())?;
        self.device.get_or_insert_with(|| seen.device.clone());
        Ok(())
    }

    /// Makes the phone this runner's under the name that it tells itself.
    pub(super) fn recognise(&mut self, phone: &Phone) -> Result<(), String> {
        match &phone.serial {
            Some(serial) => self.take(serial).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// What is not known of a phone that tells no serial number, if that matters to anybody.
    pub(super) fn doubt(&self, phone: &Phone) -> Option<String> {
        let names: Vec<_> =
            self.leases.iter().map(Lease::key).filter(|name| self.reach.is_of_phone(name)).collect();
        (phone.serial.is_none() && !names.is_empty()).then(|| {
            let names = names.join(" and ");
            format!(
                "the phone tells no serial number: it is this run's by the name of {names}, and by another name another runner \
                 may take it"
            )
        })
    }

    /// Leaves word how the phone is: why it could not be brought back, if it could not. A socket is not unwell: the next phone
    /// in it may be another one.
    pub(super) fn mark(&mut self, wedged: Option<&str>) {
        let reach = &self.reach;
        for lease in &mut self.leases {
            let is_its_own = reach.is_of_phone(lease.key()) && !lease.key().starts_with("usb:");
            lease.mark(wedged.filter(|_| is_its_own).map(str::to_owned));
        }
    }

    /// Whether an image was started on the phone, and nobody else has taken it since.
    pub(super) fn may_switch_off(&self) -> bool {
        self.started && self.leases.iter().all(|lease| lease.renew().is_ok())
    }

    /// Makes sure that no phone in use is within this run's reach, nor this one's phone within another's. Both take first and
    /// look then, so that at least one of them sees the other.
    fn keep_apart(&self) -> Result<(), LeaseError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let board = Place::within(folder.clone(), &self.reach.board).as_board(&self.reach.board);
        if self.reach.names.is_empty() { board.is_free(now()) } else { board.is_only(&self.leases, now()) }
    }

    /// Takes a lease under one of the phone's names, unless this runner has it.
    fn take(&mut self, name: &str) -> Result<(), LeaseError> {
        match self.take_free(name) {
            Err(LeaseError::InUse { .. }) if !self.started && !self.leases.is_empty() => {
                self.take_in_order(name)
            }
            taken => taken,
        }
    }

    /// Each of two runners may have a name of the phone that the other one wants. What is held is given back, and all of it taken
    /// again in an order that is everybody's: so one of them gets it, and the other waits in vain.
    fn take_in_order(&mut self, name: &str) -> Result<(), LeaseError> {
        let reach = &self.reach.names;
        let given_back = self.leases.extract_if(.., |lease| !reach.iter().any(|name| name == lease.key()));
        let mut names: Vec<_> = given_back.map(|lease| lease.key().to_owned()).collect();
        names.push(name.to_owned());
        names.sort();
        let deadline = Instant::now() + PATIENCE;
        let taken = names.iter().try_for_each(|name| {
            loop {
                match self.take_free(name) {
                    Err(LeaseError::InUse { .. }) if Instant::now() < deadline => thread::sleep(GLANCE),
                    taken => return taken,
                }
            }
        });
        let taken = taken.and_then(|()| self.keep_apart());
        if taken.is_err() {
            self.leases.clear();
        }
        taken
    }

    fn take_free(&mut self, name: &str) -> Result<(), LeaseError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        if self.leases.iter().any(|lease| lease.key() == name) {
            return Ok(());
        }
        let now = now();
        let place = Place::within(folder.clone(), name).as_board(&self.reach.board);
        let (lease, before) = place.take(now, now + self.total.as_secs())?;
        self.leases.push(lease);
        if self.reach.is_of_phone(name) {
            self.abandoned |= matches!(before, Before::Abandoned(_));
            self.left = self.left.take().or_else(|| left_behind(before, now));
        }
        Ok(())
    }
}

/// What its last user left behind; none if all is well.
fn left_behind(before: Before, now: u64) -> Option<String> {
    let (record, how) = match before {
        Before::Free | Before::InUse(_) => return None,
        Before::Abandoned(record) => (record, "was left in use by a runner that died or hung".to_owned()),
        Before::Wedged(record) => {
            let reason = match &record.state {
                State::Wedged(reason) => reason.as_str(),
                State::Held => "no reason was given",
            };
            let how = format!("was marked as wedged: {reason}");
            (record, how)
        }
    };
    let ago = Took(Duration::from_secs(now.saturating_sub(record.since)));
    Some(format!("it {how} ({}, process {}, {ago} ago)", record.user, record.pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    /// Two runners on one machine.
    fn two() -> (tempfile::TempDir, Held, Held) {
        let folder = tempfile::tempdir().unwrap();
        let held = || Held::shared(folder.path().to_owned(), LONG, reach(None, Some("(any)")));
        let (one, other) = (held(), held());
        (folder, one, other)
    }

    fn reach(reset: Option<&str>, device: Option<&str>) -> Reach {
        Reach::new("pixel6", &Hooks { reset: reset.map(str::to_owned), power_off: None }, device)
    }

    /// Whether a runner may begin while another one's phone runs an image, and the other way round.
    fn go_together(one: (Option<&str>, Option<&str>), other: (Option<&str>, Option<&str>)) -> bool {
        let begin = |[first, second]: [(Option<&str>, Option<&str>); 2]| {
            let folder = tempfile::tempdir().unwrap();
            let held = |(reset, device): (Option<&str>, Option<&str>)| {
                let mut held = Held::shared(folder.path().to_owned(), LONG, reach(reset, device));
                held.hold(device.unwrap_or("pixel6")).map(|()| held)
            };
            let _first = held(first).unwrap();
            let second = held(second).map(drop);
            assert!(
                second.as_ref().map_or_else(|told| told.contains("is in use by"), |()| true),
                "{second:?}"
            );
            second.is_ok()
        };
        let (there, back) = (begin([one, other]), begin([other, one]));
        assert_eq!(there, back);
        there
    }

    #[test]
    fn a_run_that_may_press_anothers_buttons_has_the_board_to_itself() {
        let (a, b, any) = (Some("A"), Some("B"), None);
        assert!(go_together((None, a), (None, b)), "each of them names what it is to be brought");
        for (one, other) in [
            ((None, a), (None, any)),
            ((None, a), (Some("press"), any)),
            ((None, a), (Some("press"), b)),
            ((Some("press"), a), (None, any)),
            ((Some("press"), a), (Some("press"), b)),
            ((Some("press"), a), (Some("push"), b)),
            ((None, any), (None, any)),
        ] {
            assert!(!go_together(one, other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn a_command_is_one_runs_whichever_board_it_is_for() {
        let folder = tempfile::tempdir().unwrap();
        let held = |board: &str, device: &str| {
            let hooks = Hooks { reset: Some("press".into()), power_off: None };
            let reach = Reach::new(board, &hooks, Some(device));
            let mut held = Held::shared(folder.path().to_owned(), LONG, reach);
            held.hold(device).map(|()| held)
        };
        let first = held("pixel6", "A").unwrap();
        let refused = held("pixel7", "B").unwrap_err();
        assert!(refused.contains("press is in use by"), "{refused}");
        drop(first);
        held("pixel7", "B").unwrap();
    }

    fn seen() -> Seen {
        Seen { device: "A".into(), path: Some("usb:1-2".into()) }
    }

    fn phone(serial: Option<&str>) -> Phone {
        Phone { device: "usb:1-2".into(), serial: serial.map(str::to_owned) }
    }

    #[test]
    fn a_phone_that_another_one_has_taken_is_not_switched_off() {
        let (folder, mut held, _) = two();
        held.hold("A").unwrap();
        held.started = true;
        assert!(held.may_switch_off());
        let later = now() + 2 * LONG.as_secs();
        let _other = Place::within(folder.path().to_owned(), "A").take(later, later + 100).unwrap();
        assert!(!held.may_switch_off());
        assert!(held.hold("A").unwrap_err().contains("another runner has taken it"));
    }

    #[test]
    fn what_another_one_has_is_waited_for() {
        let (_folder, mut one, mut other) = two();
        one.hold("A").unwrap();
        assert!(other.hold_within("A", Duration::ZERO).is_err());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| other.hold_within("A", LONG));
            drop(one);
            waiting.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_socket_is_not_wedged_when_the_phone_in_it_is() {
        let (folder, mut held, _) = two();
        held.hold("A").unwrap();
        held.see(&seen()).unwrap();
        held.mark(Some("it stopped answering"));
        drop(held);
        let look = |key: &str| Place::within(folder.path().to_owned(), key).look().unwrap();
        assert!(matches!(look("A"), Before::Wedged(_)));
        assert_eq!(look("usb:1-2"), Before::Free);
    }

    #[test]
    fn who_looks_for_a_phone_where_it_is_plugged_in_meets_who_has_it_by_its_serial_number() {
        let (_folder, mut one, mut other) = two();
        one.hold("A").unwrap();
        one.see(&seen()).unwrap();
        let refused = other.hold("usb:1-2").unwrap_err();
        assert!(refused.contains("usb:1-2 is in use by"), "{refused}");
    }

    #[test]
    fn two_that_know_it_by_different_names_meet_at_the_serial_number() {
        let (_folder, mut one, mut other) = two();
        one.hold("tcp:here:1").unwrap();
        other.hold("tcp:there:1").unwrap();
        one.recognise(&phone(Some("A"))).unwrap();
        let refused = other.recognise(&phone(Some("A"))).unwrap_err();
        assert!(refused.contains("A is in use by"), "{refused}");
        drop(one);
        other.recognise(&phone(Some("A"))).unwrap();
    }

    #[test]
    fn of_two_that_each_have_what_the_other_wants_one_gets_it() {
        let (_folder, mut one, mut other) = two();
        one.hold("usb:1-2").unwrap();
        other.hold("A").unwrap();
        let seen = thread::scope(|scope| {
            let [one, other] = [&mut one, &mut other].map(|held| scope.spawn(|| held.see(&seen())));
            [one.join().unwrap(), other.join().unwrap()]
        });
        assert_eq!(seen.iter().filter(|seen| seen.is_ok()).count(), 1, "{seen:?}");
        let mut had = [one.leases.len(), other.leases.len()];
        had.sort_unstable();
        assert_eq!(had, [0, 2]);
    }

    #[test]
    fn who_waits_for_what_comes_first_has_nothing_that_comes_later() {
        let (folder, mut one, mut other) = two();
        one.hold("usb:1-2").unwrap();
        other.hold("A").unwrap();
        let socket = Place::within(folder.path().to_owned(), "usb:1-2");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| one.see(&seen()));
            while !waiting.is_finished() && socket.look().unwrap() != Before::Free {
                thread::yield_now();
            }
            assert!(!waiting.is_finished(), "it kept the socket");
            drop(other);
            waiting.join().unwrap().unwrap();
        });
        assert_eq!(one.leases.iter().map(Lease::key).collect::<Vec<_>>(), ["A", "usb:1-2"]);
    }

    #[test]
    fn a_phone_that_tells_no_serial_number_is_held_by_what_there_is_and_that_is_said() {
        let (_folder, mut one, mut other) = two();
        one.hold("usb:1-2").unwrap();
        one.recognise(&phone(None)).unwrap();
        let doubt = one.doubt(&phone(None)).unwrap();
        assert!(doubt.contains("no serial number: it is this run's by the name of usb:1-2,"), "{doubt}");
        assert_eq!(one.doubt(&phone(Some("A"))), None);
        assert!(other.hold("usb:1-2").is_err());
        assert_eq!(Held::alone(LONG).doubt(&phone(None)), None);
    }

    #[test]
    fn a_phone_that_nobody_else_can_reach_leaves_no_files() {
        let mut alone = Held::alone(LONG);
        alone.hold("A").unwrap();
        alone.see(&seen()).unwrap();
        alone.recognise(&phone(Some("A"))).unwrap();
        alone.started = true;
        assert!(alone.leases.is_empty() && alone.may_switch_off());
    }
}
