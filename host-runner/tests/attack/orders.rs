//! Orders to a real (emulated) board, given by hand: what a session would make of the answer is not asked.

use host_runner::{
    board::Board,
    firmware,
    image::{Image, Symbols},
    loader::{BootCount, Incoming, Loader, Task},
    workspace::Workspace,
};
use std::{
    rc::Rc,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use wire::{
    Beacon, BootId, Channel, FromBoard, Nonce, ResetInto, ToBoard,
    host::{self, Heard, encode_order},
};

/// The line to a board that was started.
pub(crate) struct Line {
    send: Box<dyn Fn(Vec<u8>)>,
    inbox: Receiver<Vec<u8>>,
    receiver: host::Receiver,
}

impl Line {
    pub(crate) fn new(send: Box<dyn Fn(Vec<u8>)>, inbox: Receiver<Vec<u8>>) -> Self {
        Self { send, inbox, receiver: host::Receiver::default() }
    }

    /// Of `qemu-virt` with the suite.
    fn to_qemu() -> Self {
        let workspace = Workspace::find().unwrap();
        let board = Board::find(&workspace, "qemu-virt").unwrap();
        let elf = firmware::build(&workspace, &board, "suite", "info").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("Image");
        std::fs::write(&kernel, Image::open(&elf, workspace.root()).unwrap().kernel).unwrap();
        let (outside, inside) = channel();
        let symbols = Rc::new(Symbols::none());
        let loader = Loader::new(&workspace, &board, kernel, symbols, &Task::default()).unwrap();
        let machine = loader.boot(BootCount(1), outside).unwrap();
        let (bytes, inbox) = channel();
        std::thread::spawn(move || {
            while let Ok(Incoming::Bytes { bytes: said, .. }) = inside.recv() {
                if bytes.send(said).is_err() {
                    return;
                }
            }
        });
        let send = move |order| {
            // The image is read when the machine starts, which may be a while after the process does.
            let _kept = &folder;
            machine.send(order);
        };
        Self::new(Box::new(send), inbox)
    }

    pub(crate) fn order(&self, nonce: Nonce, order: &ToBoard) {
        (self.send)(encode_order(nonce, order));
    }

    /// Listens until something that was heard is what `wanted` looks for.
    fn wait_for<R>(&mut self, mut wanted: impl FnMut(Heard) -> Option<R>) -> R {
        loop {
            let patience = Duration::from_secs(60);
            let bytes = self.inbox.recv_timeout(patience).expect("silence, or the end");
            let mut heard = Vec::new();
            self.receiver.receive(&bytes, &mut heard);
            if let Some(found) = heard.into_iter().find_map(&mut wanted) {
                return found;
            }
        }
    }

    /// Waits for a boot without a nonce.
    pub(crate) fn wait_for_boot(&mut self) -> BootId {
        self.wait_for(|heard| match heard {
            Heard::Beacon { nonce: Nonce::UNBOUND, beacon: Beacon { boot, .. } } => Some(boot),
            _ => None,
        })
    }

    /// Gives the boot a nonce and waits for its hello.
    pub(crate) fn bind(&mut self, boot: BootId, nonce: Nonce) {
        self.order(Nonce::UNBOUND, &ToBoard::Begin { boot, nonce });
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
        let mut line = Line::to_qemu();
        let first = line.wait_for_boot();
        let nonce = Nonce(7 + number as u64);
        line.order(nonce, &ToBoard::Reset { into });
        line.bind(first, nonce);
        line.order(nonce, &ToBoard::Reset { into });
        let second = line.wait_for_boot();
        assert_ne!(first, second);
        line.bind(second, Nonce(99));
    }
}
