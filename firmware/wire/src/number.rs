//! What is measured: the body of a frame on [`Channel::Numbers`](crate::Channel::Numbers).

use serde::{Deserialize, Serialize};

/// One thing that a test has measured.
///
/// Names are the suites' own; with both of a [`Spread`](Self::Spread) they must fit into a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Number<'a> {
    /// An allocator's state at the end of a scenario on one core: equal on every machine for the same seed and budget.
    Digest {
        /// What was run.
        scenario: &'a str,
        /// The state.
        value: u64,
    },
    /// One figure.
    Value {
        /// What it is.
        name: &'a str,
        /// What it counts.
        unit: Unit,
        /// How many of them.
        value: u64,
    },
    /// What one operation costs, over many of them.
    Spread {
        /// The operation.
        name: &'a str,
        /// Who did it: an allocator.
        peer: &'a str,
        /// What the cost counts.
        unit: Unit,
        /// On how many cores at once.
        cores: u32,
        /// How many operations were measured.
        samples: u64,
        /// Half of them cost no more.
        p50: u64,
        /// 99 of 100 cost no more.
        p99: u64,
        /// 999 of 1000 cost no more.
        p999: u64,
        /// None cost more.
        max: u64,
    },
    /// A figure over time.
    Point {
        /// Which figure.
        series: &'a str,
        /// When: milliseconds, operations, whatever the series counts by.
        at: u64,
        /// The figure then.
        value: u64,
    },
    /// A part of a dump of the frame map, for the host to draw.
    Map {
        /// When: before something, or after it.
        name: &'a str,
        /// Where in the dump the part begins.
        at: u32,
        /// The part.
        bytes: &'a [u8],
    },
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Things that have no unit of their own.
    Count,
    /// Bytes.
    Bytes,
    /// Frames of 4 KiB.
    Frames,
    /// Instructions that were executed.
    Instructions,
    /// Cycles of the core.
    Cycles,
    /// Nanoseconds.
    Nanoseconds,
    /// Thousandths of a whole.
    Permille,
    /// Operations of an allocator.
    Operations,
}

/// Bytes that are not one number, or a number whose names do not fit into a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl<'a> Number<'a> {
    /// Writes it into `body`, and says what of that the frame's body is.
    ///
    /// # Errors
    ///
    /// When its names are too long.
    pub fn encode<'b>(&self, body: &'b mut [u8]) -> Result<&'b [u8], NotANumber> {
        postcard::to_slice(self, body).map(|body| &*body).map_err(|_| NotANumber)
    }

    /// Reads a frame's body.
    ///
    /// # Errors
    ///
    /// When it is something else than exactly one number.
    pub fn decode(body: &'a [u8]) -> Result<Self, NotANumber> {
        match postcard::take_from_bytes(body) {
            Ok((number, [])) => Ok(number),
            _ => Err(NotANumber),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_BODY;
    use proptest::prelude::*;

    const UNITS: [Unit; 8] = [
        Unit::Count,
        Unit::Bytes,
        Unit::Frames,
        Unit::Instructions,
        Unit::Cycles,
        Unit::Nanoseconds,
        Unit::Permille,
        Unit::Operations,
    ];

    /// A number of each kind, made from these.
    fn each<'a>(
        [name, peer]: [&'a str; 2],
        unit: Unit,
        cores: u32,
        [p50, p99, p999, max]: [u64; 4],
    ) -> [Number<'a>; 5] {
        [
            Number::Digest { scenario: name, value: p50 },
            Number::Value { name, unit, value: p99 },
            Number::Spread { name, peer, unit, cores, samples: max, p50, p99, p999, max },
            Number::Point { series: name, at: p999, value: max },
            Number::Map { name, at: cores, bytes: peer.as_bytes() },
        ]
    }

    proptest! {
        #[test]
        fn a_number_survives_the_way(
            names in prop::array::uniform2("\\PC{0,80}"),
            unit in prop::sample::select(&UNITS),
            cores in any::<u32>(),
            values in any::<[u64; 4]>(),
        ) {
            for number in each([&names[0], &names[1]], unit, cores, values) {
                let mut body = [0; MAX_BODY];
                prop_assert_eq!(Number::decode(number.encode(&mut body).unwrap()), Ok(number));
            }
        }

        #[test]
        fn a_number_that_is_cut_or_continued_is_none(
            names in prop::array::uniform2("[a-z]{0,20}"),
            values in any::<[u64; 4]>(),
            more in any::<u8>(),
        ) {
            for number in each([&names[0], &names[1]], Unit::Count, 8, values) {
                let mut body = [0; MAX_BODY];
                let mut bytes = number.encode(&mut body).unwrap().to_vec();
                for end in 0..bytes.len() {
                    prop_assert_eq!(Number::decode(&bytes[..end]), Err(NotANumber));
                }
                bytes.push(more);
                prop_assert_eq!(Number::decode(&bytes), Err(NotANumber));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut body = [0; MAX_BODY];
            if let Ok(number) = Number::decode(&bytes) {
                // Integers may be written in more bytes than they need; what was read says the same again.
                let again = number.encode(&mut body).unwrap();
                prop_assert_eq!(Number::decode(again), Ok(number));
            }
        }
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        let long = "n".repeat(MAX_BODY);
        let number = Number::Value { name: &long, unit: Unit::Count, value: 0 };
        assert_eq!(number.encode(&mut [0; MAX_BODY]), Err(NotANumber));
    }

    #[test]
    fn names_of_300_bytes_each_fit() {
        let long = "n".repeat(300);
        for number in each([&long, &long], Unit::Operations, u32::MAX, [u64::MAX; 4]) {
            assert!(number.encode(&mut [0; MAX_BODY]).is_ok());
        }
    }
}
