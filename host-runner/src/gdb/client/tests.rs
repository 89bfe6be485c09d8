//! A client and a server that says what a test has it say.

use super::super::server::Server;
use super::*;

#[test]
fn memory_is_read_and_written_in_pieces_that_fit() {
    let server = Server::new();
    let mut client = server.client();
    let bytes: Vec<u8> = (0..=255).cycle().take(3_000).collect();
    client.write(0x1000, &bytes).unwrap();
    assert_eq!(client.read(0x1000, 3_000).unwrap(), bytes);
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.len() <= SMALLEST_PACKET), "{requests:?}");
    assert!(requests.iter().filter(|request| request.starts_with('M')).count() > 10);
}

#[test]
fn a_server_that_needs_no_acknowledgements_gets_none() {
    for offers in [true, false] {
        let server = Server { offers_no_acknowledgements: offers, ..Server::new() };
        let mut client = server.client();
        client.read(0x1000, 1).unwrap();
        let before = server.acknowledgements();
        for _ in 0..3 {
            client.read(0x1000, 1).unwrap();
        }
        assert_eq!(server.acknowledgements() > before, !offers);
    }
}

#[test]
fn a_stop_that_was_told_before_answers_nothing() {
    let server = Server { tells_stops_twice: true, ..Server::new() };
    let mut client = server.client();
    client.resume().unwrap();
    client.stop().unwrap();
    assert_eq!(client.read(0x1000, 2).unwrap(), [0, 0]);
}

#[test]
fn what_was_damaged_is_sent_again() {
    let server = Server { damages_every: Some(3), ..Server::new() };
    let mut client = server.client();
    client.write(0x1000, &[7; 1_000]).unwrap();
    assert_eq!(client.read(0x1000, 1_000).unwrap(), [7; 1_000]);
    let server = Server { damages_every: Some(1), ..Server::new() };
    let error = Client::connect(Box::new(server.connect())).unwrap_err();
    assert!(matches!(error, GdbError::BadLine), "{error}");
}

#[test]
fn refusals_say_what_was_refused() {
    let server = Server::new();
    let mut client = server.client();
    let error = client.read(u64::MAX, 4).unwrap_err().to_string();
    assert!(error.contains("refuses `mffffffffffffffff,4`: E01"), "{error}");
    let error = client.select(&Thread("9".into())).unwrap_err();
    assert!(matches!(error, GdbError::Refused { .. }), "{error}");
}

#[test]
fn the_end_of_the_board_and_of_the_server_are_told_apart() {
    let server = Server { exits_when_stopped: true, ..Server::new() };
    let mut client = server.client();
    client.resume().unwrap();
    let error = client.stop().unwrap_err();
    assert!(matches!(&error, GdbError::Exited(how) if how == "W00"), "{error}");
    let error = client.read(0, 1).unwrap_err();
    assert!(matches!(error, GdbError::Closed | GdbError::Broken(_)), "{error}");
}

#[test]
fn silence_has_an_end() {
    let (near, _far) = UnixStream::pair().unwrap();
    let error = Client::connect_within(Box::new(near), Duration::from_millis(10)).unwrap_err();
    assert!(
        matches!(&error, GdbError::Silent { request, .. } if request == "qSupported:multiprocess-"),
        "{error}"
    );
}

#[test]
fn cores_are_listed_and_asked_one_by_one() {
    let server = Server::new();
    let mut client = server.client();
    let threads = client.threads().unwrap();
    assert_eq!(threads, ["1", "2", "a"].map(|name| Thread(name.into())));
    client.select(&threads[2]).unwrap();
    assert_eq!(client.registers().unwrap().pc, 0xa);
}
