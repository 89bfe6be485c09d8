//! Orders to a real (emulated) board, given by hand: what a session would make of the answer is not asked.

use host_runner::{
    board::Board,
    firmware,
    image::{Image, Symbols},
    loader::{BootCount, Incoming, Loader, Machine},
    workspace::Workspace,
};
use std::{
    rc::Rc,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use tempfile::TempDir;
use wire::{
    Beacon, BootId, Channel, FromBoard, Nonce, Parameters, ResetInto, ToBoard,
    host::{self, Heard, encode_order},
};

/// A board that was started, and its line.
struct Line {
    machine: Machine,
    inbox: Receiver<Incoming>,
    receiver: host::Receiver,
    _folder: TempDir,
}

impl Line {
    fn open() -> Self {
        let workspace = Workspace::find().unwrap();
        let board = Board::find(&workspace, "qemu-virt").unwrap();
        let elf = firmware::build(&workspace, &board, "suite", "info").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("Image");
        std::fs::write(&kernel, Image::open(&elf, workspace.root()).unwrap().kernel).unwrap();
        let (outside, inbox) = channel();
        let symbols = Rc::new(Symbols::none());
        let loader = Loader::new(&workspace, &board, kernel, symbols, &Parameters::default()).unwrap();
        let machine = loader.boot(BootCount(1), outside).unwrap();
        Self { machine, inbox, receiver: host::Receiver::default(), _folder: folder }
    }

    /// Listens until something that was heard is what `wanted` looks for.
    fn wait_for<R>(&mut self, mut wanted: impl FnMut(Heard) -> Option<R>) -> R {
        loop {
            let patience = Duration::from_secs(60);
            let Incoming::Bytes { bytes, .. } = self.inbox.recv_timeout(patience).expect("silence") else {
                panic!("the line has ended");
            };
            let mut heard = Vec::new();
            self.receiver.receive(&bytes, &mut heard);
            if let Some(found) = heard.into_iter().find_map(&mut wanted) {
                return found;
            }
        }
    }

    /// Waits for a boot without a nonce.
    fn wait_for_boot(&mut self) -> BootId {
        self.wait_for(|heard| match heard {
            Heard::Beacon { nonce: Nonce::UNBOUND, beacon: Beacon { boot, .. } } => Some(boot),
            _ => None,
        })
    }

    /// Gives the boot a nonce and waits for its hello.
    fn bind(&mut self, boot: BootId, nonce: Nonce) {
        self.machine.send(encode_order(Nonce::UNBOUND, &ToBoard::Begin { boot, nonce }));
        self.receiver.bind(nonce);
        self.wait_for(|heard| match heard {
            Heard::Beacon { nonce: Nonce::UNBOUND, beacon } => {
                assert_eq!(beacon.boot, boot, "another boot instead of a hello");
                None
            }
            Heard::Frame { channel: Channel::Control, body } => {
                matches!(host::decode_message(&body), Ok(FromBoard::Hello(_))).then_some(())
            }
            _ => None,
        });
    }
}

#[test]
fn a_board_resets_itself_when_it_is_told_to_and_takes_no_such_order_from_a_stranger() {
    for (number, into) in [ResetInto::System, ResetInto::BootLoader].into_iter().enumerate() {
        let mut line = Line::open();
        let first = line.wait_for_boot();
        let nonce = Nonce(7 + number as u64);
        line.machine.send(encode_order(nonce, &ToBoard::Reset { into }));
        line.bind(first, nonce);
        line.machine.send(encode_order(nonce, &ToBoard::Reset { into }));
        let second = line.wait_for_boot();
        assert_ne!(first, second);
        line.bind(second, Nonce(99));
    }
}
