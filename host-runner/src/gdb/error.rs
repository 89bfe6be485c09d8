//! Why a debug server is of no use.

use std::io;
use std::time::Duration;

/// Why a request got no answer that helps.
#[derive(Debug, thiserror::Error)]
pub enum GdbError {
    /// The connection cannot be made, or it broke.
    #[error("the connection to the debug server broke: {0}")]
    Broken(#[from] io::Error),
    /// The server has closed it.
    #[error("the debug server has closed the connection")]
    Closed,
    /// What was debugged is gone.
    #[error("the debug server says that the board is gone ({0})")]
    Exited(String),
    /// No answer in time.
    #[error("the debug server did not answer `{request}` within {} s", within.as_secs())]
    Silent {
        /// To what.
        request: String,
        /// How long was waited.
        within: Duration,
    },
    /// An answer that is a refusal.
    #[error("the debug server refuses `{request}`: {answer}")]
    Refused {
        /// What.
        request: String,
        /// Its answer, empty where it does not know the request.
        answer: String,
    },
    /// An answer that is no answer to the request.
    #[error("the debug server answers `{request}` with `{answer}`, which means nothing")]
    Malformed {
        /// To what.
        request: String,
        /// What it said.
        answer: String,
    },
    /// Packets arrive damaged, again and again.
    #[error("packets to or from the debug server arrive damaged, again and again")]
    BadLine,
}
