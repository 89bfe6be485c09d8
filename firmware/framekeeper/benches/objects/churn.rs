//! Objects of 8 to 2,048 bytes, all sizes alike, of which 10,000 are out: a random one is given back, and another of a
//! random size is taken in its place, over and over.

use crate::{
    object::{Object, Objects},
    rng::Rng,
    stopwatch::{Timed, time},
};
use std::time::Duration;

/// How many are out.
pub(crate) const LIVE: usize = 10_000;

const SMALLEST: u32 = 8;
const LARGEST: usize = 2048;

/// Before anything is measured.
const WARM_UP: usize = 20_000;

/// Long enough for the slowest peer that anybody would use, and short enough to wait for.
pub(crate) const BUDGET: Duration = Duration::from_millis(250);

/// A replacement, drawn beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) slot: u32,
    pub(crate) size: u32,
}

/// All of a turn's.
#[derive(Debug)]
pub(crate) struct Draws {
    /// What is out at first.
    sizes: Vec<u32>,
    warm_up: Vec<Draw>,
    pub(crate) measured: Vec<Draw>,
}

impl Draws {
    pub(crate) fn new(stream: u64, count: usize) -> Self {
        let mut rng = Rng::new(stream);
        let sizes = (0..LIVE).map(|_| size(&mut rng)).collect();
        let mut draw = || Draw { slot: rng.below(LIVE) as u32, size: size(&mut rng) };
        let warm_up = (0..WARM_UP).map(|_| draw()).collect();
        Self { sizes, warm_up, measured: (0..count).map(|_| draw()).collect() }
    }
}

fn size(rng: &mut Rng) -> u32 {
    SMALLEST + rng.below(LARGEST - SMALLEST as usize + 1) as u32
}

/// The objects that are out.
#[derive(Debug)]
pub(crate) struct Churn(Vec<Option<Object>>);

impl Churn {
    /// As many as are to be out, after many replacements: the allocator is as it will stay.
    pub(crate) fn warmed_up<S: Objects>(subject: &S, draws: &Draws) -> Self {
        let mut churn = Self(draws.sizes.iter().map(|&size| Object::take(subject, size)).collect());
        churn.replace(subject, &draws.warm_up);
        churn
    }

    /// One after the other, until all are done or the time is up.
    pub(crate) fn replace<S: Objects>(&mut self, subject: &S, draws: &[Draw]) -> Timed {
        time(draws.len(), BUDGET, |which| {
            let draw = draws[which];
            self.give(subject, draw);
            self.take(subject, draw)
        })
    }

    #[inline]
    pub(crate) fn give<S: Objects>(&mut self, subject: &S, draw: Draw) {
        if let Some(victim) = self.0[draw.slot as usize].take() {
            victim.give(subject);
        }
    }

    #[inline]
    pub(crate) fn take<S: Objects>(&mut self, subject: &S, draw: Draw) -> Option<()> {
        self.0[draw.slot as usize] = Some(Object::take(subject, draw.size)?);
        Some(())
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> + Clone {
        self.0.iter().flatten()
    }

    /// Everything goes back.
    pub(crate) fn end<S: Objects>(self, subject: &S) {
        self.0.into_iter().flatten().for_each(|object| object.give(subject));
    }
}
