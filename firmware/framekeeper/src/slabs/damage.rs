//! `verify` finds damage: one bit flipped, anywhere in what slabs keep, in many states of them.
//!
//! Nothing that a flipped bit leads to is looked at before it is known to be the slabs' own: memory is mapped by somebody
//! who watches.
//!
//! | not seen by `verify` | why |
//! |---|---|
//! | a magazine or a depot that says it has fewer objects than it has | those above look like any that somebody has, and whether they are marked as free, only who has them may look. Who knows how many are out sees it by `Usage::allocated` |
//! | objects that were given back, misuse that was reported | they are counted for reports only |
//! | what lies above the top of a magazine or a depot | nothing depends on it |
//! | which numbers of pools are taken | a cache without slabs is known to nobody else |
//! | objects that somebody has | they are the user's. What is free is seen by its marks: `tests/slabs/contents.rs` |
//! | addresses, lengths, shapes and the secret | constants; and where an object is free, another secret makes its marks wrong |
//! | the locks' flags | a set one says that somebody is inside |

mod cells;
mod faults;
pub(super) mod scene;

use cells::{Cell, Seen};
use scene::{SIZES, Scene, class_of, with_scene};
use std::println;

/// A bit that is flipped, and how that is to be found.
struct Flip<'a> {
    name: &'static str,
    seen: Seen,
    cell: Cell<'a>,
    bit: u32,
}

impl Scene<'_> {
    /// Flips a bit, which must be found where it can be, and flips it back. Says whether `verify` found it.
    fn flip(&self, flip: &Flip<'_>) -> bool {
        flip.cell.flip(self.slabs, flip.bit);
        let is_found = !self.verify(flip.name, flip.bit);
        let is_right = match flip.seen {
            Seen::Verify => is_found,
            Seen::OrUsage(class) => is_found || !self.is_all_known(class),
            Seen::Not => !is_found,
        };
        flip.cell.flip(self.slabs, flip.bit);
        assert!(is_right, "{}, bit {}: {:?}", flip.name, flip.bit, flip.seen);
        is_found
    }
}

/// What the states were like, so that none of these is missing.
#[derive(Default, Debug)]
struct Seldom {
    partial: usize,
    full: usize,
    empty: usize,
    in_depots: usize,
    in_magazines: usize,
    spare: usize,
}

impl Seldom {
    fn add(&mut self, scene: &Scene<'_>) {
        for class in SIZES.map(class_of) {
            let (pool, slots) = (scene.slabs.pool(class), class.shape().slots());
            for head in scene.heads(class) {
                let free = scene.slabs.ground().slab_at(head, pool).unwrap().free_slots();
                self.full += usize::from(free == 0);
                self.empty += usize::from(free == slots);
                self.partial += usize::from((1..slots).contains(&free));
            }
            let usage = scene.slabs.counter(class).usage();
            self.in_depots += usize::from(usage.in_depot > 0);
            self.in_magazines += usize::from(usage.in_magazines > 0);
        }
        let store = scene.slabs.ground().try_store().unwrap();
        self.spare += store.links(scene.memory)[1].len();
    }
}

/// How many states, if the environment says nothing else.
fn states(usual: u64) -> u64 {
    std::env::var("DAMAGE_STATES").map_or(usual, |states| states.parse().unwrap())
}

#[test]
fn every_flipped_bit_is_found_in_some_states() {
    let (states, mut seldom) = (states(3), Seldom::default());
    let (mut flips, mut found) = (0_u64, 0_u64);
    for seed in 0..states {
        with_scene(seed, |scene| {
            println!("seed {seed}");
            (0..40).for_each(|_| scene.step());
            scene.peak();
            assert!(scene.verify("nothing", 0));
            seldom.add(scene);
            scene.watch();
            for (name, seen, cells) in scene.parts() {
                for cell in cells {
                    for bit in 0..cell.bits() {
                        flips += 1;
                        found += u64::from(scene.flip(&Flip { name, seen, cell, bit }));
                    }
                }
            }
            assert!(scene.verify("nothing", 0));
            scene.watch_no_more();
        });
    }
    println!("{flips} flips in {states} states, {found} found; {seldom:?}");
    let Seldom { partial, full, empty, in_depots, in_magazines, spare } = seldom;
    assert!(
        [partial, full, empty, in_depots, in_magazines, spare].iter().all(|&count| count > 0),
        "{seldom:?}"
    );
}
