//! What a board's file says of a board that is at a place of a farm.

use super::duration;
use serde::Deserialize;
use std::time::Duration;

/// `[labgrid]`: which place the board is at. What reaches it is learned there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceOptions {
    /// The place's whole name.
    pub place: String,
    /// Who knows the places, as `HOST:PORT`; none for whom `LG_COORDINATOR` names, or this machine.
    #[serde(default)]
    pub coordinator: Option<String>,
    /// How long a place that somebody else has is waited for.
    #[serde(default, deserialize_with = "duration")]
    pub wait: Duration,
}
