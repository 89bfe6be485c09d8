//! How a test can end.

/// How a planned test ended. There is no other end.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It returned, or it panicked and was expected to.
    Pass,
    /// It said so itself, or the host has found it out.
    Fail(Failure),
    /// It took the board down.
    Crash(Crash),
    /// It ran out of time.
    Timeout(Timeout),
    /// It passed, after it had failed.
    Flaky {
        /// How it had ended before, in order.
        before: Vec<Status>,
        /// Whether that is as good as a pass.
        passes: bool,
    },
    /// It failed, and is known to.
    Quarantined {
        /// How it would have ended.
        was: Box<Status>,
        /// Whose it is, until when and why.
        words: String,
    },
    /// It is marked `#[ignore]`.
    Ignored,
    /// The run ended before its turn.
    NotRun(String),
    /// What happened could not be found out: the board or the line failed, not the test.
    Infra(String),
}

/// How a test failed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// It panicked.
    Panicked,
    /// It returned `Err` or ended itself by a code of failure.
    Returned,
    /// It was expected to panic and did not.
    DidNotPanic,
    /// Whatever it said itself: the board's allocator was in another state than the host's at the end of a scenario.
    OtherDigest {
        /// What was run.
        scenario: String,
        /// The state on the board.
        board: u64,
        /// The state on the host.
        host: u64,
    },
    /// Whatever it said itself: the host, which was to compare, failed in the same scenario.
    OnHost {
        /// What was run.
        scenario: String,
        /// How it failed there.
        why: String,
    },
}

/// How a test took the board down.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crash {
    /// A core took an exception that nothing handles; its index.
    Exception(u32),
    /// A core ran out of stack.
    StackOverflow(u32),
    /// A core other than the test's own panicked.
    PanicOn(u32),
    /// The board booted again by itself.
    Reset,
    /// The board switched itself off.
    PoweredOff,
    /// The test ended, but these cores could not be parked.
    LostCores(Vec<u32>),
}

/// Which budget ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timeout {
    /// The board did not get ready.
    Boot,
    /// The test took too long.
    Test,
    /// There was no sign of life.
    Silence,
    /// The whole run took too long.
    Total,
}
