//! Why a phone may not be used, in words for a person at a desk with others.

use super::record::Record;
use crate::units::Took;
use std::path::PathBuf;
use std::time::Duration;

/// Why a phone may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Another one uses it.
    #[error(
        "{key} is in use by {} (process {}) since {}; its time ends in {} at the latest", holder.user, holder.pid,
        Took(Duration::from_secs(*held)), Took(Duration::from_secs(*left))
    )]
    InUse {
        /// What is in use.
        key: String,
        /// By whom.
        holder: Box<Record>,
        /// For how many seconds already.
        held: u64,
        /// For how many seconds at most.
        left: u64,
    },
    /// Another one has it whose time was over, and this user may not take it away.
    #[error(
        "{key} is held by {} (process {}) since {}, and its time was over {} ago: that runner hangs, and only {} or root can \
         end it; have one of them run `kill -KILL {}`", holder.user, holder.pid, Took(Duration::from_secs(*held)),
        Took(Duration::from_secs(*over)), holder.user, holder.pid
    )]
    Hangs {
        /// What is held.
        key: String,
        /// By whom.
        holder: Box<Record>,
        /// For how many seconds already.
        held: u64,
        /// For how many of them without a right to it.
        over: u64,
    },
    /// This runner's time was over, and another one has taken the phone.
    #[error("the time of this run's lease on {key} was over, and another runner has taken it")]
    Lost {
        /// What was lost.
        key: String,
    },
    /// The file cannot be used.
    #[error("the lock of {key} cannot be used ({}): {reason}", path.display())]
    Unusable {
        /// Whose lock.
        key: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
