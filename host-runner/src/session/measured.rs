//! What a test has measured, and whether the host agrees.
//!
//! Numbers belong to the attempt in which they came, and are told when it has ended. Those of a void attempt are
//! forgotten with it.

use super::{Action, Failure, Notice, Session, Status};
use std::collections::VecDeque;
use wire::{Number, Parameters, Unit};

/// Who says what a board's digests must be.
#[derive(Clone, Debug)]
pub enum Oracle {
    /// The host, which computes it when it is asked: for a scenario that the board has run with these parameters. None if it
    /// does not know the scenario, and words if it failed there.
    Host(fn(scenario: &str, parameters: &Parameters) -> Result<Option<u64>, String>),
    /// What the host answered in a run that is over, in turn: it may have learned since to compute something else.
    Recorded(VecDeque<Answer>),
}

/// What the host was asked, and what it answered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    /// The scenario.
    pub scenario: String,
    /// As [`Oracle::Host`] answers.
    pub digest: Result<Option<u64>, String>,
}

impl Oracle {
    /// None where the recording is that of a runner which was killed while it computed.
    fn answer(&mut self, scenario: &str, parameters: &Parameters) -> Option<Answer> {
        let recorded = match self {
            Self::Host(compute) => {
                return Some(Answer { scenario: scenario.to_owned(), digest: compute(scenario, parameters) });
            }
            Self::Recorded(answers) => answers.pop_front(),
        };
        recorded.filter(|answer| answer.scenario == scenario)
    }
}

/// One thing that a test has measured: a [`Number`] that is kept, and the host's answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measured {
    /// An allocator's state at the end of a scenario.
    Digest {
        /// What was run.
        scenario: String,
        /// The state on the board.
        value: u64,
        /// The state on the host, if it knows the scenario.
        expected: Option<u64>,
    },
    /// One figure.
    Value {
        /// What it is.
        name: String,
        /// What it counts.
        unit: Unit,
        /// How many of them.
        value: u64,
    },
    /// What one operation costs, over many of them.
    Spread(Spread),
    /// A figure over time.
    Point {
        /// Which figure.
        series: String,
        /// When.
        at: u64,
        /// The figure then.
        value: u64,
    },
    /// A part of a dump of the frame map.
    Map {
        /// When: before something, or after it.
        name: String,
        /// Where in the dump it begins.
        at: u32,
        /// The part.
        bytes: Vec<u8>,
    },
}

/// What one operation costs, over many of them: [`Number::Spread`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Spread {
    /// The operation.
    pub name: String,
    /// Who did it.
    pub peer: String,
    /// What the cost counts.
    pub unit: Unit,
    /// On how many cores at once.
    pub cores: u32,
    /// How many operations were measured.
    pub samples: u64,
    /// Half of them cost no more.
    pub p50: u64,
    /// 99 of 100 cost no more.
    pub p99: u64,
    /// 999 of 1000 cost no more.
    pub p999: u64,
    /// None cost more.
    pub max: u64,
}

impl Session {
    /// A number under the adopted boot's nonce. Before the test is known to have begun it is no part of the attempt.
    pub(super) fn hear_number(&mut self, body: &[u8]) {
        match Number::decode(body) {
            Ok(number) => self.agenda.measure(measured(&number)),
            Err(_) => {
                self.unreadable_numbers += 1;
                if self.agenda.current().is_some() {
                    self.spoil_and_boot("a number of the board cannot be read".into());
                }
            }
        }
    }

    /// Tells what the attempt under way has measured, with the host's answers. The end that seemed right is returned,
    /// or a failure if one of the answers is another, or there is none.
    pub(super) fn conclude_numbers(&mut self, status: Status) -> Status {
        let mut numbers = self.agenda.take_measured();
        if numbers.is_empty() || is_without_evidence(&status) {
            return status;
        }
        let wrong: Vec<_> = numbers.iter_mut().filter_map(|number| self.judge(number)).collect();
        self.tell(Notice::Measured(numbers));
        match (status, wrong.into_iter().next()) {
            (Status::Pass | Status::Fail(_), Some(wrong)) => wrong,
            (status, _) => status,
        }
    }

    /// Asks for the host's answer, if there can be one. The end that it makes of a test, if that is another value or words.
    fn judge(&mut self, number: &mut Measured) -> Option<Status> {
        let Measured::Digest { scenario, value, expected } = number else { return None };
        let Some(answer) = self.oracle.answer(scenario, &self.parameters) else {
            return Some(Status::NotRun("the run ended before the host's answer".to_owned()));
        };
        self.actions.push(Action::Keep(answer.clone()));
        let (scenario, board) = (scenario.clone(), *value);
        match answer.digest {
            Ok(digest) => {
                *expected = digest;
                let host = digest.filter(|&host| host != board)?;
                Some(Status::Fail(Failure::OtherDigest { scenario, board, host }))
            }
            Err(why) => Some(Status::Fail(Failure::OnHost { scenario, why })),
        }
    }
}

/// Whether nothing that a test did before such an end says anything about it.
const fn is_without_evidence(status: &Status) -> bool {
    matches!(status, Status::Infra(_) | Status::NotRun(_) | Status::Ignored)
}

fn measured(number: &Number<'_>) -> Measured {
    match *number {
        Number::Digest { scenario, value } => {
            Measured::Digest { scenario: scenario.into(), value, expected: None }
        }
        Number::Value { name, unit, value } => Measured::Value { name: name.into(), unit, value },
        Number::Spread { name, peer, unit, cores, samples, p50, p99, p999, max } => {
            let (name, peer) = (name.into(), peer.into());
            Measured::Spread(Spread { name, peer, unit, cores, samples, p50, p99, p999, max })
        }
        Number::Point { series, at, value } => Measured::Point { series: series.into(), at, value },
        Number::Map { name, at, bytes } => Measured::Map { name: name.into(), at, bytes: bytes.into() },
    }
}
