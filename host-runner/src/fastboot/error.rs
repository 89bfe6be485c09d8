//! What goes wrong on the way into a phone, and what to do about each.

use crate::units::{Bytes, Took};
use std::time::Duration;

/// Why a phone did not take an image. [`Self::advice`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FastbootError {
    /// The program is missing.
    #[error("the program `fastboot` is not installed")]
    NotInstalled {
        /// How to get it.
        remedy: String,
    },
    /// The program is there and does not start.
    #[error("the program `fastboot` does not start: {reason}")]
    NotStarted {
        /// Why.
        reason: String,
    },
    /// No phone answers.
    #[error("no phone in its boot loader {} within {}", place(device.as_deref()), Took(*within))]
    NoDevice {
        /// Which was looked for.
        device: Option<String>,
        /// For how long.
        within: Duration,
    },
    /// A phone is there and may not be opened.
    #[error("{}a phone is connected that this user may not open ({said})", absence(device.as_deref()))]
    NoPermission {
        /// Which was looked for, and is not among those that may be opened.
        device: Option<String>,
        /// What the program says.
        said: String,
    },
    /// More than one phone could be meant.
    #[error("{} phones are in their boot loaders: {}", serials.len(), serials.join(", "))]
    SeveralDevices {
        /// Their serial numbers.
        serials: Vec<String>,
    },
    /// What answers speaks no fastboot.
    #[error("what answers speaks no fastboot over TCP: {said}")]
    NoFastboot {
        /// What the program says.
        said: String,
    },
    /// It is another phone.
    #[error("the phone calls itself `{found}`, and this board is an `{expected}`")]
    WrongProduct {
        /// By the board's file.
        expected: String,
        /// By the phone.
        found: String,
    },
    /// It starts only what Google has signed.
    #[error("the phone is locked")]
    Locked,
    /// It is in the other fastboot, which flashes and does not boot.
    #[error("the phone is in fastbootd, which does not boot images")]
    Userspace,
    /// It takes no image of this size.
    #[error("the image has {}, and the phone takes {} at most", Bytes(*bytes), Bytes(*most))]
    TooLarge {
        /// The image.
        bytes: u64,
        /// The phone's `max-download-size`.
        most: u64,
    },
    /// It said no.
    #[error("the phone refuses ({step}): {reason}")]
    Refused {
        /// What it was to do.
        step: &'static str,
        /// Its words.
        reason: String,
    },
    /// It neither did what it was to do nor said no.
    #[error("the phone stopped answering ({step}): nothing for {}", Took(*within))]
    Stalled {
        /// What it was to do.
        step: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// The program said something that is not understood.
    #[error("fastboot ended without success: {said}")]
    Unexpected {
        /// What.
        said: String,
    },
}

impl FastbootError {
    /// Whether the phone may be on its way, or somewhere from where it can be brought. One that may not be opened is of no
    /// account where another one was named.
    #[must_use]
    pub const fn is_absence(&self) -> bool {
        matches!(self, Self::NoDevice { .. } | Self::NoPermission { device: Some(_), .. })
    }

    /// What a person at the desk can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let advice = match self {
            Self::NotInstalled { remedy } => return remedy.clone(),
            Self::NotStarted { .. } => "run `fastboot --version` by hand",
            Self::NoDevice { device: Some(device), .. } if super::is_address(device) => {
                "is `host-runner twin` running, and is this the address that it named?"
            }
            Self::NoDevice { .. } => {
                "hold power and volume-down until the screen says \"Fastboot Mode\" (up to 60 s), and connect the phone's \
                 own USB cable; the debug adapter carries no fastboot"
            }
            Self::NoPermission { .. } => {
                "install udev rules for Android devices (Debian: android-sdk-platform-tools-common), join the group \
                 `plugdev`, log in again and replug the phone"
            }
            Self::SeveralDevices { .. } => "choose one with --device SERIAL",
            Self::NoFastboot { .. } => "another program listens at this address",
            Self::WrongProduct { .. } => {
                "nothing was sent to it; connect the board's own phone, or choose it with --device SERIAL"
            }
            Self::Locked => {
                "unlocking wipes the phone: boards/pixel6/README.md says how; phones sold locked by carriers cannot be \
                 unlocked"
            }
            Self::Userspace => "leave it with `fastboot reboot bootloader`",
            Self::TooLarge { .. } => "build the image with --release and without what it does not need",
            Self::Refused { .. } => {
                "the words are the phone's own; boards/pixel6/README.md lists the known ones"
            }
            Self::Stalled { .. } => {
                "the phone's state is not known: restart its boot loader (hold power and volume-down), try another cable \
                 or a port of the machine itself rather than a hub's"
            }
            Self::Unexpected { .. } => "run the same `fastboot` command by hand",
        };
        advice.to_owned()
    }
}

/// A phone that may not be opened tells no name: it may be the one that is looked for, or another one.
fn absence(device: Option<&str>) -> String {
    device.map(|device| format!("no phone in its boot loader answers at {device}, and ")).unwrap_or_default()
}

fn place(device: Option<&str>) -> String {
    match device {
        Some(device) => format!("answers at {device}"),
        None => "was found at the USB".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anothers_phone_that_may_not_be_opened_keeps_nobody_from_bringing_back_the_one_that_was_named() {
        let denied = |device: Option<&str>| FastbootError::NoPermission {
            device: device.map(str::to_owned),
            said: "no permissions".into(),
        };
        assert!(denied(Some("B")).is_absence());
        assert!(!denied(None).is_absence(), "it may be the one that is meant");
        assert!(!FastbootError::Locked.is_absence());
    }

    #[test]
    fn a_phone_that_may_not_be_opened_hides_nobodys_absence() {
        let told = |device: Option<&str>| {
            let device = device.map(str::to_owned);
            FastbootError::NoPermission { device, said: "no permissions".into() }.to_string()
        };
        let forbidden = "a phone is connected that this user may not open (no permissions)";
        assert_eq!(told(None), forbidden);
        assert_eq!(told(Some("B")), format!("no phone in its boot loader answers at B, and {forbidden}"));
    }
}
