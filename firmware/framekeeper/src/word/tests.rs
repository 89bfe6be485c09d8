//! What fits into a word, and what does not.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_allocated_word_is_taken_apart_as_it_was_put_together(frames in 1..=Order::MAX.frames(), owner: u8) {
        let word = Word::allocated(frames, Owner::new(owner));
        prop_assert!(word.is_sound());
        prop_assert_eq!(word.kind(), Kind::Allocated);
        prop_assert_eq!((word.frames(), word.owner(), word.owner().number()), (frames, Owner::new(owner), owner));
        let unowned = Word::allocated(frames, Owner::new(0));
        prop_assert_eq!(unowned.owned_by(Owner::new(owner)), word);
        prop_assert!(word.is_but_for_owner(unowned));
        prop_assert!(!word.is_but_for_owner(Word::allocated(frames % Order::MAX.frames() + 1, Owner::new(0))));
        prop_assert!(!Word::cached(Order::FRAME, Core::new(owner)).is_but_for_owner(unowned));
    }

    #[test]
    fn a_cached_word_is_taken_apart_as_it_was_put_together(order in 0..=Order::MAX.number(), core: u8) {
        let order = Order::new(order).unwrap();
        let word = Word::cached(order, Core::new(core));
        prop_assert!(word.is_sound());
        prop_assert_eq!((word.kind(), word.order(), word.core()), (Kind::Cached, order, Core::new(core)));
        prop_assert_eq!(word.frames(), order.frames());
    }

    #[test]
    fn a_pending_word_is_taken_apart_as_it_was_put_together(next in prop::option::of(0..u64::from(Slot::LIMIT))) {
        let next = next.and_then(Slot::new);
        for (word, single) in [(Word::pending(next), false), (Word::pending_single(next), true)] {
            prop_assert!(word.is_sound());
            prop_assert_eq!((word.kind(), word.next()), (Kind::Pending, next));
            prop_assert_eq!((word.is_pending_single(), word.frames()), (single, 0));
        }
    }

    #[test]
    fn the_second_frame_of_what_waits_carries_the_size(frames in 1..=Order::MAX.frames()) {
        let word = Word::part_of_pending(frames);
        prop_assert!(word.is_sound());
        prop_assert_eq!((word.kind(), word.frames_field(), word.frames()), (Kind::Part, frames, 0));
    }

    #[test]
    fn a_slab_word_is_taken_apart_as_it_was_put_together(page in 0..16_u32, pool in 0..PoolId::COUNT, share in 0..1_u32 << SHARE_BITS) {
        let pool = PoolId::new(pool).unwrap();
        let word = Word::slab(page, pool, share);
        prop_assert!(word.is_sound() && word.is_slab_of(pool));
        prop_assert_eq!((word.kind(), word.page(), word.pool(), word.share()), (Kind::Slab, page, pool, share));
        let other = PoolId::new((pool.number() + 1) % PoolId::COUNT).unwrap();
        prop_assert!(!word.is_slab_of(other) && !Word::PART.is_slab_of(pool));
        prop_assert!(word.is_page_of(pool, page));
        prop_assert!(!word.is_page_of(pool, page ^ 1) && !word.is_page_of(other, page));
    }

    #[test]
    fn one_flipped_bit_is_never_sound(frames in 1..=Order::MAX.frames(), owner: u8, core: u8, next in 0..u64::from(Slot::LIMIT), bit in 0..32) {
        let core = Word::cached(Order::MIB_2, Core::new(core));
        let slab = Word::slab(3, PoolId::new(77).unwrap(), 5);
        for word in [Word::allocated(frames, Owner::new(owner)), core, slab, Word::pending(Slot::new(next)), Word::HOLE, Word::RESERVED, Word::PART] {
            prop_assert!(!Word(word.0 ^ 1_u32 << bit).is_sound(), "{:x} {bit}", word.0);
        }
    }
}

#[test]
fn a_bit_that_a_kind_does_not_use_is_not_sound_whatever_the_parity() {
    let unused = 1 << 30;
    let heads = [Word::allocated(5, Owner::new(1)), Word::cached(Order::MIB_2, Core::new(1))];
    for word in heads.into_iter().chain([Word::HOLE, Word::RESERVED, Word::PART]) {
        assert!(word.is_sound() && !Word(word.0 ^ unused ^ PARITY).is_sound(), "{:x}", word.0);
    }
}
