//! A line through a board's memory: a debug server stops the board now and then, and what both sides have to say changes
//! hands.
//!
//! A board that is stopped does nothing, so it is looked at often only while there is something to say, and it is left alone for
//! as long as a look takes at least. QEMU stops its clock with it, and what a test measures does not show that it was looked at.

use crate::dump::{Dump, Region};
use crate::gdb::{Client, Core, GdbError};
use crate::loader::{BootCount, Incoming};
use crate::session::Closed;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use wire::ram::host::exchange;

/// From one look to the next while the board has something to say.
const SHORTEST: Duration = Duration::from_millis(1);
/// And while it has not. A board waits with a full ring for a second.
const LONGEST: Duration = Duration::from_millis(32);

/// How long the cores may take to tell what they do.
const INSPECTING: Duration = Duration::from_secs(5);

/// The line during one boot. Dropping it ends the connection.
#[derive(Debug)]
pub struct DebugLine {
    /// None once the boot is over.
    orders: Option<Sender<Order>>,
    over: Arc<AtomicBool>,
    why: Arc<Mutex<Option<GdbError>>>,
    worker: Option<JoinHandle<()>>,
}

/// What the worker is to do.
#[derive(Debug)]
enum Order {
    Send(Vec<u8>),
    /// Tell what the cores do.
    Inspect(Sender<Vec<Core>>),
    /// Read these pieces of memory.
    Dump(Vec<Region>, Sender<Vec<Dump>>),
}

/// What the worker works with.
struct Worker {
    ring: u64,
    orders: Receiver<Order>,
    boot: BootCount,
    inbox: Sender<Incoming>,
    outgoing: VecDeque<u8>,
}

impl DebugLine {
    /// Has the board at the other end of a connection run. What it says by the ring at `ring` goes to `inbox`. The connection is
    /// made by `connect`, which is to give up when it is told that the boot is over.
    pub fn open(
        connect: impl FnOnce(&AtomicBool) -> Result<Client, GdbError> + Send + 'static,
        ring: u64,
        boot: BootCount,
        inbox: Sender<Incoming>,
    ) -> Self {
        let (outside, orders) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let why = Arc::new(Mutex::new(None));
        let (seen, told) = (Arc::clone(&over), Arc::clone(&why));
        let worker = thread::spawn(move || {
            let ended = inbox.clone();
            let mut worker = Worker { ring, orders, boot, inbox, outgoing: VecDeque::new() };
            if let Err(error) = connect(&seen).and_then(|client| worker.work(client)) {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // Nobody listens any more when the run is over.
                let _ = ended.send(Incoming::Ended(boot));
            }
        });
        Self { orders: Some(outside), over, why, worker: Some(worker) }
    }

    /// Sends `bytes`, without waiting for the board to take them.
    pub fn send(&self, bytes: Vec<u8>) {
        self.order(Order::Send(bytes));
    }

    /// What the cores do; none if the server does not tell in time.
    #[must_use]
    pub fn cores(&self) -> Option<Vec<Core>> {
        let (outside, answer) = channel();
        self.order(Order::Inspect(outside));
        answer.recv_timeout(INSPECTING).ok()
    }

    /// What these pieces of memory hold; none if the line ends over it. A dump takes as long as it is.
    #[must_use]
    pub fn dump(&self, regions: &[Region]) -> Option<Vec<Dump>> {
        let (outside, answer) = channel();
        self.order(Order::Dump(regions.to_owned(), outside));
        // The worker answers, or is gone, and the sender with it.
        answer.recv().ok()
    }

    /// Why the line has ended. A server whose board switches itself off may end as well.
    #[must_use]
    pub fn why_ended(&self) -> Closed {
        match &*self.why.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(GdbError::Exited(how)) if how == "W00" => Closed::PoweredOff,
            Some(error) => Closed::Lost(error.to_string()),
            None => Closed::Lost("nothing is known of the debug server".to_owned()),
        }
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // The worker is gone when the server is, and it has told so.
            let _ = orders.send(order);
        }
    }
}

impl Drop for DebugLine {
    fn drop(&mut self) {
        // Relaxed: the thread is joined below.
        self.over.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl Worker {
    /// Works until nobody orders anything any more.
    fn work(&mut self, mut client: Client) -> Result<(), GdbError> {
        client.select_first()?;
        client.resume()?;
        let (mut idle, mut pause) = (SHORTEST, SHORTEST);
        loop {
            let order = match self.orders.recv_timeout(pause) {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let began = Instant::now();
            let was_ordered = order.is_some();
            client.stop()?;
            order.map_or(Ok(()), |order| self.carry_out(order, &mut client))?;
            let heard = self.look(&mut client)?;
            client.resume()?;
            let is_busy = was_ordered || !self.outgoing.is_empty() || !heard.is_empty();
            idle = if is_busy { SHORTEST } else { (idle * 2).min(LONGEST) };
            pause = idle.max(began.elapsed());
            if !heard.is_empty() {
                // Nobody listens any more when the run is over.
                let _ =
                    self.inbox.send(Incoming::Bytes { boot: self.boot, at: Instant::now(), bytes: heard });
            }
        }
    }

    fn carry_out(&mut self, order: Order, client: &mut Client) -> Result<(), GdbError> {
        match order {
            Order::Send(bytes) => self.outgoing.extend(bytes),
            Order::Inspect(answer) => match client.cores() {
                // Whoever has asked may have given up.
                Ok(cores) => drop(answer.send(cores)),
                // Nobody is told anything then; the board may go on.
                Err(GdbError::Refused { .. }) => {}
                Err(error) => return Err(error),
            },
            Order::Dump(regions, answer) => {
                let dumps: Result<_, _> = regions.into_iter().map(|region| client.dump(region)).collect();
                // As above.
                drop(answer.send(dumps?));
            }
        }
        Ok(())
    }

    /// Exchanges what there is. Before the board has mapped its memory the ring cannot be read.
    fn look(&mut self, client: &mut Client) -> Result<Vec<u8>, GdbError> {
        match exchange(client, self.ring, &mut self.outgoing) {
            Err(GdbError::Refused { .. }) => Ok(Vec::new()),
            heard => heard,
        }
    }
}
