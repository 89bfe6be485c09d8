//! A place that a run has, from its first boot to its end.

use super::client::{Client, Way};
use super::words::Acquired;
use super::{LabgridError, program};
use crate::board::PlaceOptions;
use crate::interrupt;
use crate::link::Port;
use crate::processes::Errand;
use crate::units::Took;
use crate::workspace::Workspace;
use std::thread;
use std::time::{Duration, Instant};

/// How long the keeper of a run that was killed may take to give its place back.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether it was.
const GLANCE: Duration = Duration::from_millis(200);

/// The right to use a place, once it was got. Dropping it gives the place back, unless it was this user's before.
#[derive(Debug)]
pub(crate) struct Tenancy {
    client: Client,
    place: String,
    wait: Duration,
    right: Option<Right>,
}

/// Where the board of a place is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where its boot loader listens, as `fastboot -s` takes it.
    pub(crate) device: String,
    /// Where its console is.
    pub(crate) console: Port,
}

/// What the caller knows better than the place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) device: Option<&'a str>,
    pub(crate) console: Option<&'a Port>,
}

/// Whose a place is that is used.
#[derive(Debug)]
enum Right {
    /// This run's; with the errand that gives it back if this program cannot.
    Run(Errand),
    /// This user's, who acquired it by hand and keeps it.
    User,
}

impl Tenancy {
    /// Nothing yet of the place that `options` name.
    pub(crate) fn new(workspace: &Workspace, options: &PlaceOptions) -> Self {
        let client = Client::new(program(workspace), options);
        Self { client, place: options.place.clone(), wait: options.wait, right: None }
    }

    /// The place, as it is called here and in the leases of this machine.
    pub(crate) fn key(&self) -> String {
        format!("place {} of {}", self.place, self.client.coordinator())
    }

    /// How long a place that somebody else has is waited for.
    pub(crate) const fn patience(&self) -> Duration {
        self.wait
    }

    /// Waits until the keeper of a run on this machine that was killed has given the place back. Until then it looks like one
    /// that this user has acquired by hand; and what looks so for long is one.
    pub(crate) fn outlast_keeper(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.client.has(&self.place) == Ok(true) && Instant::now() < deadline && !interrupt::is_wanted()
        {
            thread::sleep(GLANCE);
        }
    }

    /// Makes the place this run's, waiting until `deadline` for whoever else has it. Where that is in vain, [`Self::hold`] says why.
    pub(crate) fn wait_until(&mut self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        if self.right.is_none() && !left.is_zero() {
            self.right = self.acquire(left).ok();
        }
    }

    /// Makes the place this run's, or makes sure that it still is, and says where its board is.
    pub(crate) fn hold(&mut self, named: Named<'_>) -> Result<Found, LabgridError> {
        if self.right.is_none() {
            self.right = Some(self.acquire(Duration::ZERO)?);
        }
        let Way { device, console } = self.client.way(&self.place)?;
        Ok(Found {
            device: named.device.map(str::to_owned).map_or(device, Ok)?,
            console: named.console.cloned().map_or(console, Ok)?,
        })
    }

    /// Makes sure that the place is still this run's.
    pub(crate) fn check(&self) -> Result<(), LabgridError> {
        self.client.way(&self.place).map(drop)
    }

    /// Who has the place, for people.
    pub(crate) fn state(&self) -> String {
        let key = self.key();
        match self.client.user_of(&self.place) {
            Ok(Some(user)) => format!("{key}: in use by {user}"),
            Ok(None) => format!("{key}: free"),
            Err(error) => format!("{key}: {error}; {}", error.advice()),
        }
    }

    /// Switches its supply off and on.
    pub(crate) fn cycle_power(&self) -> Result<(), LabgridError> {
        self.client.cycle_power(&self.place)
    }

    /// What has a board's own commands speak of the same place.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let path = self.client.search_path().map(|path| ("PATH", path));
        self.client.environment(&self.place).into_iter().chain(path).collect()
    }

    fn acquire(&self, wait: Duration) -> Result<Right, LabgridError> {
        // What the user has acquired by hand is not to be given back, whatever becomes of this program.
        if self.client.has(&self.place)? {
            return Ok(Right::User);
        }
        // Before it is asked for: whoever is killed in between has left word.
        let errand = self.client.release_at_the_end(&self.place)?;
        let acquired = match self.client.acquire(&self.place) {
            Err(taken @ (LabgridError::Taken { .. } | LabgridError::Reserved { .. })) if !wait.is_zero() => {
                self.queue(taken, wait)
            }
            acquired => acquired,
        };
        if let Err(LabgridError::Stalled { .. } | LabgridError::Unexpected { .. }) = &acquired {
            // It may have been acquired all the same.
            let _ = self.client.release(&self.place);
        }
        match acquired? {
            Acquired::Before => Ok(Right::User),
            Acquired::Now(name) if name == self.place => Ok(Right::Run(errand)),
            // A part of a name was enough for the client. Which place is meant is not left to chance.
            Acquired::Now(other) => {
                self.client.release(&other)?;
                Err(LabgridError::Unknown { place: self.place.clone() })
            }
        }
    }

    /// Waits for a place that somebody else has.
    fn queue(&self, taken: LabgridError, wait: Duration) -> Result<Acquired, LabgridError> {
        let Self { client, place, .. } = self;
        anstream::eprintln!("{taken}; waiting for it for at most {}", Took(wait));
        let token = client.reserve(place)?;
        let waited = client.wait(place, &token, wait).map_err(|error| match error {
            LabgridError::Stalled { .. } => taken,
            error => error,
        });
        let acquired = waited.and_then(|()| client.acquire(place));
        client.cancel(place, &token);
        acquired
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        let Some(Right::Run(errand)) = self.right.take() else { return };
        match self.client.release(&self.place) {
            Ok(()) => {}
            Err(error) => {
                let place = &self.place;
                let advice = "tried once more when this program has ended; by hand it is done by";
                anstream::eprintln!(
                    "the place {place} was not released: {error}; {advice} `labgrid-client -p {place} release`"
                );
                errand.stand();
            }
        }
    }
}
