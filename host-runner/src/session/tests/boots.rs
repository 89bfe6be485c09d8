//! Booting, adopting, settling, and boots that nobody asked for.

use super::bench::{BUDGETS, Bench, PARAMETERS, body, echo, frame, hello, ms, verdict};
use crate::session::{Action, Crash, CutShort, Event, Notice, Status, Timeout};
use wire::{
    BootId, BuildId, Channel, Doing, FromBoard, Hello, Nonce, Outcome, PROTOCOL, ResetInto, RunId, ToBoard,
};

#[test]
fn a_run_begins_with_a_boot() {
    assert!(Bench::new(1).has_booted());
}

#[test]
fn a_boot_without_a_nonce_is_offered_one_until_it_answers() {
    let mut bench = Bench::new(1);
    bench.announce(BootId(5));
    let first = bench.offered(BootId(5));
    assert!(first.is_some_and(|nonce| nonce != Nonce::UNBOUND));
    bench.actions.clear();
    bench.pass(ms(200));
    assert_eq!(bench.offered(BootId(5)), first, "the same nonce is offered again");
    bench.nonce = first.unwrap();
    bench.wait_after(0);
    bench.orders();
    bench.pass(ms(1000));
    assert_eq!(bench.offered(BootId(5)), None, "it has taken the nonce");
}

#[test]
fn each_boot_gets_a_nonce_of_its_own() {
    let mut bench = Bench::new(1);
    bench.announce(BootId(5));
    bench.announce(BootId(6));
    assert_ne!(bench.offered(BootId(5)), bench.offered(BootId(6)));
}

#[test]
fn the_first_test_is_ordered_when_the_board_has_greeted_and_waits() {
    let mut bench = Bench::new(1);
    bench.take_nonce();
    bench.wait_after(0);
    assert!(!bench.orders().iter().any(|order| matches!(order, ToBoard::Run { .. })), "no greeting yet");
    bench.greet();
    assert!(bench.orders().contains(&ToBoard::Run {
        run: RunId(1),
        entry: 0x4008_0000,
        parameters: PARAMETERS
    }));
    assert!(bench.notices.iter().any(|notice| matches!(notice, Notice::Ready(_))));
}

#[test]
fn a_greeting_that_was_lost_is_asked_for_again() {
    let mut bench = Bench::new(1);
    bench.take_nonce();
    let greeting = bench.say_unheard(&FromBoard::Hello(hello(super::bench::BUILD)));
    bench.wait_after(0);
    assert!(bench.orders().contains(&ToBoard::Again { from: 0, until: 1 }));
    bench.hear(&greeting);
    assert!(matches!(bench.orders()[..], [ToBoard::Run { .. }]));
}

#[test]
fn an_order_to_run_is_repeated_until_the_test_begins() {
    let mut bench = Bench::new(1);
    bench.ready();
    bench.orders();
    bench.pass(ms(1000));
    assert_eq!(bench.orders().len(), 5);
    bench.start(1);
    bench.pass(ms(1000));
    assert_eq!(bench.orders(), []);
}

#[test]
fn a_beacon_shows_that_an_order_has_arrived() {
    let mut bench = Bench::new(1);
    bench.ready();
    bench.beacon(Doing::Running { run: RunId(1) });
    bench.orders();
    bench.pass(ms(1000));
    assert_eq!(bench.orders(), []);
}

#[test]
fn another_image_ends_the_run_at_once_and_both_build_ids_are_named() {
    let mut bench = Bench::new(2);
    bench.take_nonce();
    bench.say(&FromBoard::Hello(hello(BuildId([0xab; 20]))));
    let Some(CutShort::Infra(reason)) = &bench.summary().cut_short else { panic!("{:?}", bench.summary()) };
    assert!(reason.contains(&"ab".repeat(20)) && reason.contains(&"07".repeat(20)), "{reason}");
    assert!(bench.ends().iter().all(|(_, status)| matches!(status, Status::NotRun(_))));
    assert_eq!((bench.ends().len(), bench.summary().exit_code()), (2, 2));
}

#[test]
fn another_protocol_ends_the_run_at_once() {
    let mut bench = Bench::new(1);
    bench.take_nonce();
    bench.say(&FromBoard::Hello(Hello { protocol: PROTOCOL + 1, ..hello(super::bench::BUILD) }));
    assert_eq!(bench.summary().exit_code(), 2);
}

#[test]
fn a_first_message_that_is_no_greeting_ends_the_run() {
    let mut bench = Bench::new(1);
    bench.take_nonce();
    bench.start(1);
    assert!(matches!(bench.summary().cut_short, Some(CutShort::Infra(_))));
}

#[test]
fn after_a_verdict_the_next_test_waits_for_the_board() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Passed);
    bench.orders();
    bench.wait_after(0);
    assert_eq!(bench.orders(), [], "an old beacon that came late");
    bench.greet();
    bench.wait_after(1);
    assert_eq!(bench.orders(), [ToBoard::Run { run: RunId(2), entry: 0x4008_0000, parameters: PARAMETERS }]);
}

#[test]
fn a_board_that_does_not_come_back_after_a_verdict_is_started_again() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Passed);
    bench.actions.clear();
    bench.pass(BUDGETS.boot);
    assert!(bench.has_booted());
    bench.ready();
    bench.start(2);
    bench.end(2, Outcome::Passed);
    assert_eq!(bench.ends(), [(0, Status::Pass), (1, Status::Pass)]);
    assert_eq!(bench.summary().exit_code(), 0);
}

#[test]
fn a_board_that_crashes_between_tests_is_not_waited_for() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Passed);
    bench.actions.clear();
    bench.say(&super::bench::core(0, wire::Cause::Exception));
    bench.pass(ms(600));
    assert!(bench.has_booted());
    assert_eq!(bench.only_end(), Status::Pass);
}

#[test]
fn a_board_that_was_never_ready_is_given_up_after_two_boots() {
    let mut bench = Bench::new(2);
    bench.pass(BUDGETS.boot);
    assert!(bench.has_booted());
    bench.pass(BUDGETS.boot);
    assert!(matches!(bench.summary().cut_short, Some(CutShort::Infra(_))));
    assert_eq!(bench.ends()[0], (0, Status::Timeout(Timeout::Boot)));
    assert!(matches!(bench.ends()[1], (1, Status::NotRun(_))));
    assert_eq!(bench.summary().boots, 2);
}

#[test]
fn a_board_that_was_ready_before_is_given_up_after_three_boots() {
    let mut bench = Bench::running(2);
    bench.lose_line();
    bench.pass(BUDGETS.boot * 3);
    assert!(matches!(bench.summary().cut_short, Some(CutShort::Infra(_))));
    assert_eq!(bench.summary().boots, 4);
    assert_eq!(bench.ends().len(), 2);
}

#[test]
fn three_boots_whose_line_is_lost_end_the_run() {
    let mut bench = Bench::new(1);
    for _ in 0..3 {
        bench.lose_line();
    }
    assert_eq!((bench.summary().boots, bench.summary().exit_code()), (3, 2));
}

#[test]
fn a_boot_loop_ends_the_run() {
    let mut bench = Bench::new(1);
    for _ in 0..4 {
        bench.take_nonce();
        bench.greet();
    }
    let Some(CutShort::Infra(reason)) = &bench.summary().cut_short else { panic!("{:?}", bench.summary()) };
    assert!(reason.contains("boot loop"), "{reason}");
}

#[test]
fn a_board_that_cannot_be_started_ends_the_run() {
    let mut bench = Bench::new(3);
    bench.happens(Event::LoadFailed("no such device".into()));
    let Some(CutShort::Infra(reason)) = &bench.summary().cut_short else { panic!("{:?}", bench.summary()) };
    assert!(reason.contains("no such device"));
    assert_eq!(bench.ends().len(), 3);
}

#[test]
fn a_reset_is_believed_when_the_new_boot_greets_under_its_own_nonce() {
    let mut bench = Bench::running(2);
    bench.take_nonce();
    assert_eq!(bench.ends(), [], "a beacon alone may be old");
    bench.greet();
    assert_eq!(bench.only_end(), Status::Crash(Crash::Reset));
    bench.actions.clear();
    bench.wait_after(0);
    assert!(matches!(bench.orders()[..], [ToBoard::Run { run: RunId(2), .. }]), "without another boot");
}

#[test]
fn a_lent_board_that_resets_is_asked_about_before_the_test_is_blamed() {
    let mut bench = Bench::on_a_lent_board();
    bench.take_nonce();
    bench.actions.clear();
    bench.greet();
    assert_eq!((bench.ends(), bench.actions.contains(&Action::Ask)), (vec![], true));
    bench.wait_after(0);
    assert_eq!(bench.orders(), [], "there is no answer yet");
    bench.happens(Event::Ours);
    assert_eq!(bench.only_end(), Status::Crash(Crash::Reset));
    assert!(matches!(bench.orders()[..], [ToBoard::Run { run: RunId(2), .. }]), "without another boot");
}

#[test]
fn whoever_takes_a_board_and_starts_the_same_image_is_no_tests_fault() {
    let mut bench = Bench::on_a_lent_board();
    bench.take_nonce();
    bench.greet();
    bench.actions.clear();
    bench.happens(Event::Lost("taken away".into()));
    assert_eq!(bench.orders(), [], "what runs now is another one's");
    assert_eq!(bench.summary().cut_short, Some(CutShort::Infra("taken away".into())));
    let not_run = |index: usize| (index, Status::NotRun("taken away".into()));
    assert_eq!(bench.ends(), [not_run(0), not_run(1)]);
}

#[test]
fn what_a_lent_board_says_behind_its_greeting_is_heard_when_it_was_asked_about() {
    let mut bench = Bench::on_a_lent_board();
    bench.take_nonce();
    bench.greet();
    bench.say(&super::bench::core(0, wire::Cause::Exception));
    bench.actions.clear();
    bench.happens(Event::Ours);
    assert_eq!(bench.only_end(), Status::Crash(Crash::Reset));
    bench.pass(ms(600));
    assert!(bench.has_booted(), "it crashed, and is not waited for");
}

#[test]
fn a_reset_that_nobody_can_be_asked_about_any_more_is_believed() {
    for is_closed in [true, false] {
        let mut bench = Bench::on_a_lent_board();
        bench.take_nonce();
        bench.greet();
        bench.take_nonce();
        bench.greet();
        assert_eq!(bench.ends(), [], "however often it resets");
        if is_closed {
            bench.lose_line();
        } else {
            bench.pass(BUDGETS.boot);
        }
        assert_eq!(bench.only_end(), Status::Crash(Crash::Reset));
    }
}

#[test]
fn an_announced_boot_that_never_greets_changes_nothing() {
    let mut bench = Bench::running(1);
    bench.announce(BootId(9999));
    bench.end(1, Outcome::Passed);
    assert_eq!(bench.only_end(), Status::Pass);
}

#[test]
fn a_boot_that_was_adopted_before_is_not_offered_a_nonce_again() {
    let mut bench = Bench::running(1);
    let boot = bench.boot;
    bench.orders();
    bench.announce(boot);
    bench.pass(ms(500));
    assert_eq!(bench.offered(boot), None);
}

#[test]
fn a_reset_before_the_test_was_seen_to_begin_is_believed_the_third_time() {
    let mut bench = Bench::new(1);
    bench.ready();
    for _ in 0..2 {
        bench.ready();
    }
    assert_eq!((bench.retries().len(), bench.ends()), (2, vec![]));
    bench.ready();
    assert_eq!(bench.only_end(), Status::Crash(Crash::Reset));
}

#[test]
fn a_reset_between_tests_is_no_tests_fault() {
    let mut bench = Bench::running(2);
    bench.end(1, Outcome::Passed);
    bench.ready();
    bench.start(2);
    bench.end(2, Outcome::Passed);
    assert_eq!(bench.ends(), [(0, Status::Pass), (1, Status::Pass)]);
}

#[test]
fn words_of_the_boot_before_a_reset_are_stale() {
    let mut bench = Bench::running(2);
    let before = bench.nonce;
    let late = frame(Channel::Control, before, bench.next, &body(&verdict(1, Outcome::Passed, 0)));
    bench.take_nonce();
    bench.greet();
    bench.hear(&late);
    assert_eq!(bench.only_end(), Status::Crash(Crash::Reset));
}

#[test]
fn an_echo_of_our_own_orders_means_nothing() {
    let mut bench = Bench::running(1);
    let nonce = bench.nonce;
    bench.hear(&echo(&ToBoard::Run { run: RunId(1), entry: 0, parameters: PARAMETERS }, nonce));
    bench.end(1, Outcome::Passed);
    assert_eq!((bench.only_end(), bench.summary().stale_frames), (Status::Pass, 1));
}

#[test]
fn a_board_is_sent_to_its_boot_loader_before_it_is_started_again_and_at_the_end() {
    let leave = ToBoard::Reset { into: ResetInto::BootLoader };
    let mut bench = Bench::running(2);
    bench.orders();
    bench.pass(BUDGETS.test + BUDGETS.silence);
    bench.pass(BUDGETS.silence);
    let orders = bench.orders();
    assert!(orders.contains(&leave), "{orders:?}");
    bench.ready();
    bench.start(2);
    bench.orders();
    bench.end(2, Outcome::Passed);
    assert_eq!(bench.orders().last(), Some(&leave));
}

#[test]
fn a_board_that_was_never_heard_is_sent_nothing() {
    let mut bench = Bench::new(1);
    bench.pass(BUDGETS.boot);
    assert_eq!(bench.orders(), []);
}
