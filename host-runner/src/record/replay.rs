//! Runs a recording again.

use super::{Error, Recording};
use crate::session::{Action, Event, Notice, Oracle, Session, Summary};
use std::time::Duration;

/// Gives a new session what the recorded one was given. `tell` gets the same notices at the same times, and the same summary
/// comes out; if the recording ends before its run did, the run is interrupted there.
///
/// # Errors
///
/// When the recording can no longer be read.
pub fn replay(recording: &Recording, tell: &mut dyn FnMut(Duration, &Notice)) -> Result<Summary, Error> {
    let mut session =
        Session::new(recording.header.setup(Oracle::Recorded(recording.answers.clone().into())));
    let mut now = recording.start.unwrap_or_default();
    let mut summary = Summary::default();
    let mut hand_on = |actions: Vec<Action>, now| {
        for action in actions {
            if let Action::Tell(notice) = action {
                tell(now, &notice);
                if let Notice::Finished(finished) = notice {
                    summary = finished;
                }
            }
        }
    };
    hand_on(session.start(now), now);
    for event in recording.events()? {
        let (at, event) = event?;
        now = at;
        hand_on(session.on(event, now), now);
    }
    hand_on(session.on(Event::Interrupted, now), now);
    Ok(summary)
}
