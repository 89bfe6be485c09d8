//! Tickets: who gives back what is another's by now is told, where an address alone would take it from him.

#![expect(unsafe_code, reason = "writes behind objects")]

use std::{alloc::Layout, collections::HashSet, ptr::NonNull};

use crate::machine::{Objects, free, free_ticket, on_machine};
use framekeeper::slabs::{Debug, Hardening, Misuse, ObjectAddr, Off, Paranoid, Standard, Ticket};

fn layout() -> Layout {
    Layout::from_size_align(40, 8).unwrap()
}

/// Objects until one lies where `old` did.
fn until_again<H: Hardening>(slabs: &Objects<'_, H>, old: Ticket) -> Vec<Ticket> {
    let mut taken = Vec::new();
    while taken.last().is_none_or(|ticket: &Ticket| ticket.object() != old.object()) {
        taken.push(slabs.alloc_ticket(old.layout()).unwrap());
        assert!(taken.len() < 10_000, "it is never handed out again");
    }
    taken
}

#[test]
fn m3_a_stale_ticket_is_refused_and_the_one_of_who_has_the_object_is_not() {
    on_machine::<Debug>(8, 1, |_, slabs| {
        let old = slabs.alloc_ticket(layout()).unwrap();
        free_ticket(slabs, old).unwrap();
        assert!(matches!(free_ticket(slabs, old), Err(Misuse::DoubleFree { .. })), "while it is free");
        let taken = until_again(slabs, old);
        let new = *taken.last().unwrap();
        let (address, turns) =
            (ObjectAddr(old.object().as_ptr().addr()), [old, new].map(|ticket| ticket.turn().unwrap()));
        let [expected, found] = turns;
        let before = slabs.report();
        for _ in 0..3 {
            let stale = free_ticket(slabs, old).unwrap_err();
            assert_eq!(stale, Misuse::Stale { address, expected, found });
            let (expected, found) = (expected.number(), found.number());
            assert_eq!(
                stale.to_string(),
                format!(
                    "{address} was given back before: its turn was {expected}, and who has it now has {found}"
                )
            );
        }
        assert_eq!(slabs.report(), before, "nothing has changed");
        taken.into_iter().for_each(|ticket| free_ticket(slabs, ticket).unwrap());
        slabs.verify().unwrap();
    });
}

/// Whatever the one who has it asked for, and however he treats it.
#[test]
fn m3_a_stale_ticket_is_refused_as_such_whatever_is_there_now() {
    on_machine::<Debug>(8, 1, |_, slabs| {
        let small = Layout::from_size_align(33, 1).unwrap();
        let old = slabs.alloc_ticket(layout()).unwrap();
        assert_eq!(free_ticket(slabs, old), Ok(()));
        let mut taken = Vec::new();
        while taken.last().is_none_or(|ticket: &Ticket| ticket.object() != old.object()) {
            taken.push(slabs.alloc_ticket(small).unwrap());
            assert!(taken.len() < 10_000, "{small:?} is of another class than {:?}", layout());
        }
        let is_stale = || matches!(free_ticket(slabs, old), Err(Misuse::Stale { .. }));
        assert!(is_stale(), "another size");
        turn_behind(old.object(), small.size());
        assert!(is_stale(), "written behind");
        turn_behind(old.object(), small.size());
        taken.into_iter().for_each(|ticket| assert_eq!(free_ticket(slabs, ticket), Ok(())));
    });
}

/// Turns the byte behind an object of so many bytes over.
fn turn_behind(object: NonNull<u8>, size: usize) {
    // SAFETY: in the object's slot, and nobody has a reference to it.
    unsafe { *object.as_ptr().wrapping_add(size) ^= 0xff };
}

/// Of two objects no ticket is the other's, also of one of another kind at the same place.
#[test]
fn each_object_has_a_turn_of_its_own() {
    on_machine::<Debug>(8, 1, |_, slabs| {
        let mut turns = HashSet::new();
        for size in [1, 8, 40, 500, 8000] {
            let layout = Layout::from_size_align(size, 1).unwrap();
            for _ in 0..300 {
                let ticket = slabs.alloc_ticket(layout).unwrap();
                assert!(turns.insert(ticket.turn().unwrap()), "{ticket:?}");
                let other = slabs.alloc(layout).unwrap();
                free_ticket(slabs, ticket).unwrap();
                free(slabs, other, layout).unwrap();
            }
        }
    });
}

/// Its ticket is none of a free object then.
#[test]
fn an_object_with_a_ticket_can_be_given_back_without() {
    on_machine::<Debug>(8, 1, |_, slabs| {
        let ticket = slabs.alloc_ticket(layout()).unwrap();
        free(slabs, ticket.object(), layout()).unwrap();
        assert!(matches!(free_ticket(slabs, ticket), Err(Misuse::DoubleFree { .. })));
    });
}

#[test]
fn below_debug_a_ticket_is_an_address() {
    fn one<H: Hardening>() {
        on_machine::<H>(8, 1, |_, slabs| {
            let ticket = slabs.alloc_ticket(layout()).unwrap();
            assert_eq!((ticket.turn(), ticket.layout()), (None, layout()));
            free_ticket(slabs, ticket).unwrap();
            slabs.verify().unwrap();
        });
    }
    one::<Off>();
    one::<Standard>();
    one::<Paranoid>();
}
