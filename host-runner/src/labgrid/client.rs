//! The `labgrid-client` program: asked one thing at a time, under a deadline, and its words understood (`words`).
//!
//! The program was taken rather than the coordinator's own protocol: people of a farm have it at hand to repeat what a run does,
//! and it is what their labgrid's version speaks with.

use super::words::{self, Acquired};
use super::{LabgridError, resources};
use crate::board::PlaceOptions;
use crate::interrupt;
use crate::lease;
use crate::link::Port;
use crate::processes::{Errand, Outcome, run_within};
use crate::repeat::quoted;
use crate::setup::how_to_install_labgrid;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How long the program may take for a question. It gives up looking for a coordinator after 20 s.
const ANSWER: Duration = Duration::from_secs(30);

/// How long switching a supply off and on may take.
const SWITCHING: Duration = Duration::from_secs(60);

/// Where the program looks for a coordinator that nobody names.
const DEFAULT_COORDINATOR: &str = "127.0.0.1:20408";

/// The program, and as whom it speaks with whom.
#[derive(Clone, Debug)]
pub(super) struct Client {
    program: PathBuf,
    coordinator: String,
    host: String,
    user: String,
}

/// A board as its place tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Where its boot loader listens, as `fastboot -s` takes it.
    pub(super) device: Result<String, LabgridError>,
    /// Where its console is.
    pub(super) console: Result<Port, LabgridError>,
}

impl Client {
    pub(super) fn new(program: PathBuf, options: &PlaceOptions) -> Self {
        let coordinator = options.coordinator.clone().or_else(|| variable("LG_COORDINATOR"));
        Self {
            program,
            coordinator: coordinator.unwrap_or_else(|| DEFAULT_COORDINATOR.to_owned()),
            host: variable("LG_HOSTNAME").unwrap_or_else(host),
            user: variable("LG_USERNAME").unwrap_or_else(user),
        }
    }

    /// Who knows the places.
    pub(super) fn coordinator(&self) -> &str {
        &self.coordinator
    }

    /// What has other programs speak of the same place.
    pub(super) fn environment(&self, place: &str) -> [(&'static str, String); 4] {
        [
            ("LG_COORDINATOR", self.coordinator.clone()),
            ("LG_HOSTNAME", self.host.clone()),
            ("LG_USERNAME", self.user.clone()),
            ("LG_PLACE", place.to_owned()),
        ]
    }

    /// Where its own programs are found first, where that is not said already.
    pub(super) fn search_path(&self) -> Option<String> {
        let folder = self.program.parent().filter(|folder| !folder.as_os_str().is_empty())?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [folder.to_owned()].into_iter().chain(std::env::split_paths(&path));
        std::env::join_paths(folders).ok()?.into_string().ok()
    }

    /// Whether this user has a place already.
    pub(super) fn has(&self, place: &str) -> Result<bool, LabgridError> {
        Ok(self.user_of(place)?.is_some_and(|user| user == self.identity()))
    }

    pub(super) fn acquire(&self, place: &str) -> Result<Acquired, LabgridError> {
        let outcome = self.call(place, &["acquire"], ANSWER, "acquiring the place")?;
        words::acquired(&outcome.said, place)
    }

    /// Who has a place, if anybody does.
    pub(super) fn user_of(&self, place: &str) -> Result<Option<String>, LabgridError> {
        let step = "asking who has the place";
        let outcome = self.call(place, &["show"], ANSWER, step)?;
        let said = &outcome.said;
        match outcome.succeeded() {
            // Shown is also what the name is a part of.
            true if !said.contains(&format!("Place '{place}':")) => {
                Err(LabgridError::Unknown { place: place.to_owned() })
            }
            true => Ok(words::user(said).map(str::to_owned)),
            false if words::is_lost(said) => Err(LabgridError::Unknown { place: place.to_owned() }),
            false => Err(LabgridError::Unexpected { step, said: words::reason(said) }),
        }
    }

    /// Joins the queue for a place; the token of who waits there. Who dies loses it after a minute.
    pub(super) fn reserve(&self, place: &str) -> Result<String, LabgridError> {
        let step = "reserving the place";
        let outcome = self.call(place, &["reserve", "--shell", &format!("name={place}")], ANSWER, step)?;
        words::token(&outcome.said)
            .ok_or_else(|| LabgridError::Unexpected { step, said: words::reason(&outcome.said) })
    }

    /// Waits until the place is kept for who has the token, or for Ctrl-C.
    pub(super) fn wait(&self, place: &str, token: &str, within: Duration) -> Result<(), LabgridError> {
        let step = "waiting for the place";
        let outcome = self.call_unless(place, &["wait", token], within, step, interrupt::is_wanted)?;
        match outcome.succeeded() {
            true => Ok(()),
            false => Err(LabgridError::Unexpected { step, said: words::reason(&outcome.said) }),
        }
    }

    /// Leaves the queue. A place that was acquired by then stays so.
    pub(super) fn cancel(&self, place: &str, token: &str) {
        // What stays is over after a minute.
        let _ = self.call(place, &["cancel-reservation", token], ANSWER, "leaving the queue");
    }

    /// Where the board of a place is that is this user's.
    pub(super) fn way(&self, place: &str) -> Result<Way, LabgridError> {
        let outcome = self.call(place, &["env"], ANSWER, "asking where the board is")?;
        if !outcome.succeeded() {
            return Err(words::no_way(&outcome.said, place));
        }
        let found = resources::resources(&outcome.said);
        Ok(Way { device: resources::device(&found, place), console: resources::console(&found, place) })
    }

    pub(super) fn cycle_power(&self, place: &str) -> Result<(), LabgridError> {
        let outcome = self.call(place, &["power", "cycle"], SWITCHING, "switching the supply")?;
        match outcome.succeeded() {
            true => Ok(()),
            false => Err(LabgridError::Power { place: place.to_owned(), said: words::reason(&outcome.said) }),
        }
    }

    /// Gives a place back. One that is somebody else's by now is left alone.
    pub(super) fn release(&self, place: &str) -> Result<(), LabgridError> {
        let outcome = self.call(place, &["release-from", &self.identity()], ANSWER, "releasing the place")?;
        // Who was kicked off has nothing to give back.
        match outcome.succeeded() || words::is_lost(&outcome.said) {
            true => Ok(()),
            false => {
                let said = words::reason(&outcome.said);
                Err(LabgridError::Unexpected { step: "releasing the place", said })
            }
        }
    }

    /// Has the place given back also if this program is killed.
    pub(super) fn release_at_the_end(&self, place: &str) -> Result<Errand, LabgridError> {
        let environment = self.environment(place).map(|(name, value)| format!("{name}={}", quoted(&value)));
        let (program, identity) = (self.program.display().to_string(), self.identity());
        let line =
            format!("{} {} release-from {}", environment.join(" "), quoted(&program), quoted(&identity));
        Errand::leave(&line).map_err(|reason| LabgridError::NotStarted { reason })
    }

    /// By what labgrid tells users apart.
    fn identity(&self) -> String {
        format!("{}/{}", self.host, self.user)
    }

    fn call(
        &self,
        place: &str,
        arguments: &[&str],
        within: Duration,
        step: &'static str,
    ) -> Result<Outcome, LabgridError> {
        self.call_unless(place, arguments, within, step, || false)
    }

    /// The same, given up earlier where nobody wants to know any more.
    fn call_unless(
        &self,
        place: &str,
        arguments: &[&str],
        within: Duration,
        step: &'static str,
        is_unwanted: fn() -> bool,
    ) -> Result<Outcome, LabgridError> {
        let mut command = Command::new(&self.program);
        command.envs(self.environment(place)).args(arguments);
        // What a user has set for calls by hand would make other calls of these.
        for name in ["LG_ENV", "LG_STATE", "LG_INITIAL_STATE"] {
            command.env_remove(name);
        }
        let outcome =
            run_within(&mut command, within, |_| is_unwanted()).map_err(|error| match error.kind() {
                ErrorKind::NotFound => LabgridError::NotInstalled { remedy: how_to_install_labgrid() },
                _ => LabgridError::NotStarted { reason: error.to_string() },
            })?;
        if let Some(said) = words::no_coordinator(&outcome.said) {
            return Err(LabgridError::NoCoordinator { address: self.coordinator.clone(), said });
        }
        match outcome.status {
            Some(_) => Ok(outcome),
            None => Err(LabgridError::Stalled { step, within }),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// This machine, as labgrid calls it.
fn host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "localhost".to_owned())
}

/// This user, as labgrid does (Python's `getpass.getuser`).
fn user() -> String {
    ["LOGNAME", "USER", "LNAME", "USERNAME"].into_iter().find_map(variable).unwrap_or_else(lease::user)
}
