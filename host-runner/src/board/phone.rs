//! What a board's file says of a phone: how an image gets into it, and which serial port its console is.

use super::duration;
use crate::link::{Port, UsbId};
use crate::twin::Shape;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// `[load]` of a phone that the `fastboot` program boots an image on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastbootOptions {
    /// Says that this is how `[load]` was meant; read before the rest.
    #[serde(rename = "kind")]
    _kind: Kind,
    /// What the phone must call itself: an image is never sent to another one.
    pub product: String,
    /// Which phone, as `fastboot -s` takes it; none for the only one there is.
    #[serde(default)]
    pub device: Option<String>,
    /// How long to wait for a phone in its boot loader.
    #[serde(deserialize_with = "duration")]
    pub find: Duration,
    /// How long sending and starting an image may take.
    #[serde(deserialize_with = "duration")]
    pub send: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Fastboot,
}

/// `[link]` of a board whose console is a serial port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialOptions {
    #[serde(rename = "kind")]
    _kind: SerialKind,
    /// The port; none for the only one whose adapter has one of the ids.
    #[serde(default)]
    pub port: Option<Port>,
    /// The USB ids of adapters that the board's console may be at.
    #[serde(default)]
    pub usb: Vec<UsbId>,
    /// The speeds that the board may speak at, the likeliest first.
    #[serde(deserialize_with = "bauds")]
    pub bauds: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SerialKind {
    Serial,
}

/// `[load]` of a phone's twin: a stand-in for the phone's boot loader starts it, and is spoken to as the phone's is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandInOptions {
    #[serde(rename = "kind")]
    _kind: StandInKind,
    /// Which of the phone's device trees.
    pub tree: Shape,
    /// What it calls itself.
    pub product: String,
    /// As in [`FastbootOptions`].
    #[serde(deserialize_with = "duration")]
    pub find: Duration,
    /// As in [`FastbootOptions`].
    #[serde(deserialize_with = "duration")]
    pub send: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StandInKind {
    StandIn,
}

impl StandInOptions {
    /// The way to the phone that stands at `device`.
    #[must_use]
    pub fn fastboot(&self, device: String) -> FastbootOptions {
        let Self { product, find, send, .. } = self.clone();
        FastbootOptions { _kind: Kind::Fastboot, product, device: Some(device), find, send }
    }
}

impl SerialOptions {
    /// The port at `port`, at any of `bauds`.
    #[must_use]
    pub const fn at(port: Port, bauds: Vec<u32>) -> Self {
        Self { _kind: SerialKind::Serial, port: Some(port), usb: Vec::new(), bauds }
    }
}

/// `[hooks]`: commands that reach what the runner cannot, by `sh -c`. `FRAMEKEEPER_BOARD` names the board to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Brings the board from whatever it does into its boot loader.
    #[serde(default)]
    pub reset: Option<String>,
    /// Switches the board off when a run is over.
    #[serde(default)]
    pub power_off: Option<String>,
}

fn bauds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    match Vec::deserialize(deserializer)? {
        bauds if bauds.is_empty() || bauds.contains(&0) => {
            Err(serde::de::Error::custom("a line has at least one speed, and none is 0; write [115200]"))
        }
        bauds => Ok(bauds),
    }
}
