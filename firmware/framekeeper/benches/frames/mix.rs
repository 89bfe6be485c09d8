//! A mix of blocks of all orders around an occupancy: below it a block is taken, at it a random one is given back.

use crate::{
    rng::{Rng, scale},
    subject::{FRAME, Subject},
};

/// How large a block is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sizes {
    /// Orders 0 to 9 alike: mean 102 frames.
    Even,
    /// Each order half as often as the one below, up to 9: mean 5 frames.
    Halving,
}

/// The random part of a call, drawn beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    order: u8,
    victim: u32,
}

/// What to call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Alloc(u8),
    Free { address: u64, order: u8 },
}

/// The blocks that are out.
#[derive(Debug)]
pub(crate) struct Mix {
    /// Address and, in the bits that are zero in it, order.
    out: Vec<u64>,
    frames: u64,
    target: u64,
}

pub(crate) const LARGEST_ORDER: u8 = 9;

/// So many calls' random parts.
pub(crate) fn draw(sizes: Sizes, stream: u64, calls: usize) -> Vec<Draw> {
    let mut rng = Rng::new(stream);
    let mut one = || Draw { order: order(sizes, &mut rng), victim: rng.next() as u32 };
    (0..calls).map(|_| one()).collect()
}

fn order(sizes: Sizes, rng: &mut Rng) -> u8 {
    match sizes {
        Sizes::Even => rng.below(usize::from(LARGEST_ORDER) + 1) as u8,
        Sizes::Halving => (rng.next().trailing_zeros() as u8).min(LARGEST_ORDER),
    }
}

impl Mix {
    /// Nothing is out; `percent` of `frames` are to be.
    pub(crate) fn new(frames: u64, percent: u64) -> Self {
        // As many as all frames, so that no growth is ever timed.
        Self { out: Vec::with_capacity(frames as usize), frames: 0, target: frames * percent / 100 }
    }

    /// Takes blocks until as much is out as is to be. Draws are used over and over.
    pub(crate) fn fill<S: Subject>(&mut self, subject: &S, draws: &[Draw]) {
        for &draw in draws.iter().cycle() {
            if self.frames >= self.target {
                return;
            }
            self.step(subject, draw);
        }
    }

    /// One call and all around it.
    #[inline]
    pub(crate) fn step<S: Subject>(&mut self, subject: &S, draw: Draw) {
        let call = self.plan(draw);
        let got = call.perform(subject);
        self.note(call, got);
    }

    /// What is called next. A block to be given back is no longer out.
    #[inline]
    pub(crate) fn plan(&mut self, draw: Draw) -> Call {
        if self.frames < self.target {
            return Call::Alloc(draw.order);
        }
        let entry = self.out.swap_remove(scale(draw.victim, self.out.len()));
        let order = (entry % FRAME) as u8;
        self.frames -= 1 << order;
        Call::Free { address: entry - u64::from(order), order }
    }

    /// Notes what a call gave.
    #[inline]
    pub(crate) fn note(&mut self, call: Call, got: Option<u64>) {
        if let (Call::Alloc(order), Some(address)) = (call, got) {
            self.out.push(address + u64::from(order));
            self.frames += 1 << order;
        }
    }
}

impl Call {
    #[inline]
    pub(crate) fn perform<S: Subject>(self, subject: &S) -> Option<u64> {
        match self {
            Self::Alloc(order) => subject.alloc(order),
            Self::Free { address, order } => {
                subject.free(address, order);
                None
            }
        }
    }
}
