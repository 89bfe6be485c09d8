//! What goes wrong on the way to a board of a farm, and what to do about each.

use crate::units::Took;
use std::time::Duration;

/// Why a place cannot be used. [`Self::advice`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabgridError {
    /// The client is missing.
    #[error("the program `labgrid-client` is not installed")]
    NotInstalled {
        /// How to get it.
        remedy: String,
    },
    /// The client is there and does not start.
    #[error("the program `labgrid-client` does not start: {reason}")]
    NotStarted {
        /// Why.
        reason: String,
    },
    /// Nobody answers who knows the places.
    #[error("no labgrid coordinator answers at {address} ({said})")]
    NoCoordinator {
        /// Where it was looked for.
        address: String,
        /// The client's words.
        said: String,
    },
    /// There is no such place.
    #[error("labgrid knows no place called `{place}`")]
    Unknown {
        /// What was asked for.
        place: String,
    },
    /// Somebody else uses it.
    #[error("the place {place} is in use by {by}")]
    Taken {
        /// Which.
        place: String,
        /// Host and user.
        by: String,
    },
    /// It is kept for somebody else.
    #[error("the place {place} is reserved for somebody else")]
    Reserved {
        /// Which.
        place: String,
    },
    /// The exporter of its board is not there.
    #[error("the place {place} has no board at present ({said})")]
    Unmatched {
        /// Which.
        place: String,
        /// The client's words.
        said: String,
    },
    /// It was this run's, and is no more.
    #[error("the place {place} was taken away from this run ({said})")]
    Lost {
        /// Which.
        place: String,
        /// The client's words.
        said: String,
    },
    /// Something that is needed does not belong to it.
    #[error("the place {place} has no {what}")]
    Lacks {
        /// Which.
        place: String,
        /// labgrid's name of the kind.
        what: &'static str,
    },
    /// More than one thing could be meant.
    #[error("the place {place} has more than one {what}")]
    Several {
        /// Which.
        place: String,
        /// What.
        what: &'static str,
    },
    /// Its phone is at another machine's USB.
    #[error("the phone of the place {place} is at the USB of another machine")]
    FarUsb {
        /// Which.
        place: String,
    },
    /// Its console is passed on in a way that is not understood here.
    #[error("the console of the place {place} speaks {protocol}")]
    Protocol {
        /// Which.
        place: String,
        /// labgrid's name of it.
        protocol: String,
    },
    /// Its supply cannot be switched.
    #[error("the supply of the place {place} cannot be switched: {said}")]
    Power {
        /// Which.
        place: String,
        /// The client's words.
        said: String,
    },
    /// The client did not come to an end.
    #[error("labgrid-client has not ended within {} ({step})", Took(*within))]
    Stalled {
        /// What it was to do.
        step: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// The client said something that is not understood.
    #[error("labgrid-client failed ({step}): {said}")]
    Unexpected {
        /// What it was to do.
        step: &'static str,
        /// What it said.
        said: String,
    },
}

impl LabgridError {
    /// What somebody at a desk can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::NotInstalled { remedy } => remedy.clone(),
            Self::NotStarted { .. } => "run `labgrid-client version` by hand".to_owned(),
            Self::NoCoordinator { .. } | Self::Stalled { .. } => {
                "is it running, and is that its address? `coordinator` in the board's file or LG_COORDINATOR names it".to_owned()
            }
            Self::Unknown { .. } => {
                "`labgrid-client places` lists them, and the board's file names one in full".to_owned()
            }
            Self::Taken { place, .. } | Self::Reserved { place } => format!(
                "`labgrid-client -p {place} show` says since when; `wait = \"30min\"` in the board's file has a run wait for it"
            ),
            Self::Unmatched { place, .. } => {
                format!("is the exporter of its board running? `labgrid-client -p {place} show` says what is there")
            }
            Self::Lost { place, .. } => format!(
                "somebody released it by force, or the coordinator was restarted; `labgrid-client -p {place} show` says who has it"
            ),
            Self::Lacks { place, what } => {
                format!("the exporter of its board has to name a {what}, and a match of the place {place} to fit it")
            }
            Self::Several { place, .. } => {
                format!("make its matches narrower: `labgrid-client -p {place} show` lists what they fit")
            }
            Self::FarUsb { place } => format!(
                "this program reaches a boot loader only over a network; where the board's file names an address, or `--device` \
                 does, it takes that for the one of {place}"
            ),
            Self::Protocol { .. } => {
                "`raw` and `rfc2217` are understood: name one in the exporter's file".to_owned()
            }
            Self::Power { place, .. } => {
                format!("try `labgrid-client -p {place} power cycle` by hand, or name another way in the board's file: `reset` in [hooks]")
            }
            Self::Unexpected { .. } => "run the same `labgrid-client` command by hand".to_owned(),
        }
    }
}
