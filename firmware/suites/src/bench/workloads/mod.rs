//! What is done with each allocator.

mod bulk;
mod hot;
mod mixed;
mod pipe;
mod replace;
mod sizes;

/// Objects, on one core of each kind.
pub mod objects {
    use super::{
        super::{
            Stand,
            object::words,
            turn::{Wanted::Objects, on_each_kind},
        },
        bulk::{Bulk, Way},
        hot::Hot,
        replace::Replace,
        sizes::Sizes,
    };

    /// Takes 64 bytes and gives them back, over and over.
    pub fn hot_pairs_of_64_bytes<S: Stand>(stand: &S) {
        on_each_kind(stand, Objects, &Hot { name: "hot, 64 bytes", layout: words(64) });
    }

    /// The same with each power of two from 8 to 4,096, each pair measured as one.
    pub fn pairs_of_every_power_of_two<S: Stand>(stand: &S) {
        on_each_kind(stand, Objects, &Sizes);
    }

    /// Replaces a random one of many of 8 to 2,048 bytes.
    pub fn random_replacement_among_many<S: Stand>(stand: &S) {
        on_each_kind(stand, Objects, &Replace);
    }

    /// Takes many of 64 bytes, and gives the last one back first.
    pub fn many_given_back_last_first<S: Stand>(stand: &S) {
        on_each_kind(stand, Objects, &Bulk { name: "bulk, 64 bytes, last first", ..BULK });
    }

    /// The same, the first one first.
    pub fn many_given_back_first_first<S: Stand>(stand: &S) {
        let name = "bulk, 64 bytes, first first";
        on_each_kind(stand, Objects, &Bulk { name, way: Way::FirstFirst, ..BULK });
    }

    /// The same, in random order.
    pub fn many_given_back_at_random<S: Stand>(stand: &S) {
        let name = "bulk, 64 bytes, at random";
        on_each_kind(stand, Objects, &Bulk { name, way: Way::AtRandom, ..BULK });
    }

    const BULK: Bulk = Bulk { name: "bulk", layout: words(64), way: Way::LastFirst };
}

/// Frames, on one core of each kind.
pub mod frames {
    use super::{
        super::{
            Stand, object,
            turn::{Wanted::Frames, on_each_kind},
        },
        bulk::{Bulk, Way},
        hot::Hot,
        mixed::Mixed,
    };

    /// Takes one frame and gives it back, over and over.
    pub fn hot_pairs_of_one_frame<S: Stand>(stand: &S) {
        on_each_kind(stand, Frames, &Hot { name: "hot, 1 frame", layout: object::frames(0) });
    }

    /// Takes many, and gives them back in random order.
    pub fn many_given_back_at_random<S: Stand>(stand: &S) {
        let (name, layout) = ("bulk, 1 frame, at random", object::frames(0));
        on_each_kind(stand, Frames, &Bulk { name, layout, way: Way::AtRandom });
    }

    /// Replaces random ones of orders 0 to 9, with half of memory in use.
    pub fn mixed_orders_at_half_occupancy<S: Stand>(stand: &S) {
        on_each_kind(stand, Frames, &Mixed);
    }
}

/// On two or more cores at once; on one they are `objects` and `frames`.
pub mod cores {
    use super::{
        super::{
            Stand, object,
            turn::{
                Wanted::{Frames, Objects},
                on_many,
            },
        },
        hot::Hot,
        pipe::Pipe,
        replace::Replace,
    };

    /// Each core takes 64 bytes and gives them back, over and over.
    pub fn hot_pairs_of_64_bytes<S: Stand>(stand: &S) {
        on_many(stand, Objects, &Hot { name: "hot, 64 bytes", layout: object::words(64) });
    }

    /// Each core replaces random ones of its own.
    pub fn random_replacement_among_many<S: Stand>(stand: &S) {
        on_many(stand, Objects, &Replace);
    }

    /// Each core takes one frame and gives it back, over and over.
    pub fn hot_pairs_of_one_frame<S: Stand>(stand: &S) {
        on_many(stand, Frames, &Hot { name: "hot, 1 frame", layout: object::frames(0) });
    }

    /// One core of two takes, the other gives back.
    pub fn producer_and_consumer<S: Stand>(stand: &S) {
        on_many(stand, Objects, &Pipe);
    }
}

/// How often each core does what is done so often in a turn on one: all cores together do as much, for emulated cores and
/// those that wait for one lock get slower the more there are.
fn shared(rounds: u64, cores: usize) -> u64 {
    (rounds / (cores as u64).max(1)).max(1)
}
