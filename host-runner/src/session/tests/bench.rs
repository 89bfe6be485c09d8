//! A session on the bench: a scripted board whose every word is written by the test.

use crate::plan::{Again, Plan, Selected, Test};
use crate::session::{
    Action, Answer, Budgets, Closed, Event, Measured, Notice, Oracle, Session, Setup, Status, Summary,
};
use std::time::Duration;
use wire::host::encode_order;
use wire::{
    Backtrace, Beacon, BootId, BuildId, Cause, Channel, Chunk, CoreReport, Coverage, Deframer, Doing, Frame,
    FromBoard, Hello, MAX_BODY, Nonce, Number, Outcome, PROTOCOL, Parameters, RunId, ToBoard, Verdict,
};

pub(super) const BUILD: BuildId = BuildId([7; 20]);

pub(super) const BUDGETS: Budgets = Budgets {
    boot: Duration::from_secs(10),
    test: Duration::from_secs(5),
    silence: Duration::from_secs(3),
    total: Duration::from_secs(600),
};

pub(super) const PARAMETERS: Parameters =
    Parameters { seed: 99, budget_ms: 15_000, until: Some(7), memory: Coverage::Whole };

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A test that is run.
pub(super) fn test(name: &str) -> Test {
    let entry = 0x4008_0000;
    Test { name: name.into(), entry, should_panic: false, timeout: None, selected: Selected::Yes }
}

fn setup(plan: Plan, oracle: Oracle) -> Setup {
    let (budgets, parameters, keeps_memory, is_lent) = (BUDGETS, PARAMETERS, false, false);
    Setup { plan, budgets, nonces: 1, parameters, oracle, keeps_memory, is_lent }
}

/// The session, and a board that says what it is told to.
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) now: Duration,
    /// What the session asked for since it was last looked at.
    pub(super) actions: Vec<Action>,
    /// Everything that was told.
    pub(super) notices: Vec<Notice>,
    /// The boot that speaks, the nonce it has taken, and its next sequence number.
    pub(super) boot: BootId,
    pub(super) nonce: Nonce,
    pub(super) next: u32,
}

impl Bench {
    /// A session of `count` tests that has just begun.
    pub(super) fn new(count: usize) -> Self {
        Self::of((0..count).map(|index| test(&format!("test_{index}"))).collect())
    }

    /// A session of these tests that has just begun.
    pub(super) fn of(tests: Vec<Test>) -> Self {
        Self::asking(tests, Oracle::Host(|_, _| Ok(None)))
    }

    /// A session of these tests that has just begun, and believes `oracle`.
    pub(super) fn asking(tests: Vec<Test>, oracle: Oracle) -> Self {
        Self::planned(Plan::new(BUILD, tests), oracle)
    }

    /// A session of `count` tests that has just begun, in which what fails is run again.
    pub(super) fn trying_again(count: usize, again: Again) -> Self {
        let tests = (0..count).map(|number| test(&number.to_string())).collect();
        Self::planned(Plan { again, ..Plan::new(BUILD, tests) }, Oracle::Host(|_, _| Ok(None)))
    }

    /// A session of a test that is known to fail.
    pub(super) fn quarantined() -> Self {
        let tests = vec![test("known")];
        let quarantine = [("known".to_owned(), "in quarantine".to_owned())].into();
        Self::planned(Plan { quarantine, ..Plan::new(BUILD, tests) }, Oracle::Host(|_, _| Ok(None)))
    }

    /// A session whose first test is running, as run 1, and that keeps memory of a board that goes wrong.
    pub(super) fn keeping_memory() -> Self {
        let (tests, oracle) = (vec![test("it")], Oracle::Host(|_, _| Ok(None)));
        let keeping = Setup { keeps_memory: true, ..setup(Plan::new(BUILD, tests), oracle) };
        Self::of_setup(keeping).and_running()
    }

    /// A session of two tests whose first one is running, as run 1, on a board that somebody else may take.
    pub(super) fn on_a_lent_board() -> Self {
        let plan = Plan::new(BUILD, vec![test("first"), test("second")]);
        Self::of_setup(Setup { is_lent: true, ..setup(plan, Oracle::Host(|_, _| Ok(None))) }).and_running()
    }

    fn planned(plan: Plan, oracle: Oracle) -> Self {
        Self::of_setup(setup(plan, oracle))
    }

    fn of_setup(setup: Setup) -> Self {
        let mut session = Session::new(setup);
        let actions = session.start(Duration::ZERO);
        let (now, boot, nonce) = (Duration::ZERO, BootId(100), Nonce::UNBOUND);
        let mut bench = Self { session, now, actions: Vec::new(), notices: Vec::new(), boot, nonce, next: 0 };
        bench.keep(actions);
        bench
    }

    /// The host's answers that were to be kept.
    pub(super) fn kept(&self) -> Vec<Answer> {
        let kept = |action: &Action| match action {
            Action::Keep(answer) => Some(answer.clone()),
            _ => None,
        };
        self.actions.iter().filter_map(kept).collect()
    }

    /// A session of `count` tests whose first one is running, as run 1.
    pub(super) fn running(count: usize) -> Self {
        Self::new(count).and_running()
    }

    fn and_running(mut self) -> Self {
        self.ready();
        self.start(1);
        self
    }

    /// Boots the board and takes the nonce, up to and without its greeting.
    pub(super) fn take_nonce(&mut self) {
        self.boot.0 += 1;
        self.announce(self.boot);
        self.nonce = self.offered(self.boot).expect("a new boot is offered a nonce");
        self.next = 0;
    }

    /// Boots the board until it waits for its first test.
    pub(super) fn ready(&mut self) {
        self.take_nonce();
        self.greet();
        self.wait_after(0);
    }

    /// The board says that a run begins.
    pub(super) fn start(&mut self, run: u32) {
        self.say(&FromBoard::Started { run: RunId(run) });
    }

    /// A beacon of a boot without a nonce.
    pub(super) fn announce(&mut self, boot: BootId) {
        let beacon = Beacon { boot, doing: Doing::Waiting { last: RunId(0) }, next_sequence: 0 };
        self.hear(&frame(Channel::Beacon, Nonce::UNBOUND, 0, &body(&beacon)));
    }

    /// The greeting of the image that is meant.
    pub(super) fn greet(&mut self) {
        self.say(&FromBoard::Hello(hello(BUILD)));
    }

    /// The board waits, and has run this before.
    pub(super) fn wait_after(&mut self, last: u32) {
        self.beacon(Doing::Waiting { last: RunId(last) });
    }

    /// A beacon under the nonce.
    pub(super) fn beacon(&mut self, doing: Doing) {
        let beacon = Beacon { boot: self.boot, doing, next_sequence: self.next };
        self.hear(&frame(Channel::Beacon, self.nonce, 0, &body(&beacon)));
    }

    /// A message in sequence.
    pub(super) fn say(&mut self, message: &FromBoard<'_>) {
        let bytes = self.encode(message);
        self.hear(&bytes);
    }

    /// A message in sequence that is lost on the line.
    pub(super) fn say_unheard(&mut self, message: &FromBoard<'_>) -> Vec<u8> {
        self.encode(message)
    }

    /// A number in sequence.
    pub(super) fn measure(&mut self, number: &Number<'_>) {
        let mut body = [0; MAX_BODY];
        let body = number.encode(&mut body).expect("test numbers fit");
        self.say_number(body);
    }

    /// The body of a number in sequence, whatever it is.
    pub(super) fn say_number(&mut self, body: &[u8]) {
        let bytes = frame(Channel::Numbers, self.nonce, self.next, body);
        self.next += 1;
        self.hear(&bytes);
    }

    /// What was told to be measured, each as often as it was told.
    pub(super) fn measured(&self) -> Vec<Measured> {
        let measured = self.notices.iter().filter_map(|notice| match notice {
            Notice::Measured(measured) => Some(measured.clone()),
            _ => None,
        });
        measured.flatten().collect()
    }

    /// The board no longer has the frames below `oldest`.
    pub(super) fn say_gone(&mut self, oldest: u32) {
        self.hear(&frame(Channel::Gone, self.nonce, 0, &oldest.to_le_bytes()));
    }

    /// The verdict of a run.
    pub(super) fn end(&mut self, run: u32, outcome: Outcome) {
        self.say(&verdict(run, outcome, 0));
    }

    /// Bytes from the board.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.happens(Event::Bytes(bytes.to_vec()));
    }

    /// The line is lost.
    pub(super) fn lose_line(&mut self) {
        self.happens(Event::Closed(Closed::Lost("gone".into())));
    }

    /// Something happens.
    pub(super) fn happens(&mut self, event: Event) {
        let actions = self.session.on(event, self.now);
        self.keep(actions);
    }

    /// Time passes; the session is woken whenever it wants to be.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.session.next_wake().filter(|&wake| wake <= until) {
            self.now = self.now.max(wake);
            self.happens(Event::Tick);
        }
        self.now = until;
    }

    /// Time passes, and the board says every 500 ms that it runs `run`.
    pub(super) fn pass_running(&mut self, run: u32, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.pass(ms(500).min(until - self.now));
            self.beacon(Doing::Running { run: RunId(run) });
        }
    }

    /// The orders that were sent since they were last looked at.
    pub(super) fn orders(&mut self) -> Vec<ToBoard> {
        let actions = std::mem::take(&mut self.actions);
        actions.iter().filter_map(sent).flat_map(decode).map(|(_, order)| order).collect()
    }

    /// The nonce that was last offered to `boot`.
    pub(super) fn offered(&self, boot: BootId) -> Option<Nonce> {
        let sent = self.actions.iter().filter_map(sent).flat_map(decode);
        sent.filter_map(|(_, order)| match order {
            ToBoard::Begin { boot: meant, nonce } if meant == boot => Some(nonce),
            _ => None,
        })
        .next_back()
    }

    /// Whether the board was started since the actions were last looked at.
    pub(super) fn has_booted(&mut self) -> bool {
        std::mem::take(&mut self.actions).contains(&Action::Boot)
    }

    /// How tests have ended so far.
    pub(super) fn ends(&self) -> Vec<(usize, Status)> {
        let ends = self.notices.iter().filter_map(|notice| match notice {
            Notice::Ended { index, status, .. } => Some((*index, status.clone())),
            _ => None,
        });
        ends.collect()
    }

    /// How the only test that has ended did.
    pub(super) fn only_end(&self) -> Status {
        let ends = self.ends();
        assert_eq!(ends.len(), 1, "{ends:?}");
        ends[0].1.clone()
    }

    /// The reasons why attempts were void.
    pub(super) fn retries(&self) -> Vec<&str> {
        let reasons = self.notices.iter().filter_map(|notice| match notice {
            Notice::Retry { reason, .. } => Some(reason.as_str()),
            _ => None,
        });
        reasons.collect()
    }

    /// The summary of a run that is over.
    pub(super) fn summary(&self) -> &Summary {
        assert!(self.session.is_finished());
        match self.notices.last() {
            Some(Notice::Finished(summary)) => summary,
            other => panic!("the last notice is {other:?}"),
        }
    }

    fn keep(&mut self, actions: Vec<Action>) {
        let notices = actions.iter().filter_map(|action| match action {
            Action::Tell(notice) => Some(notice.clone()),
            _ => None,
        });
        self.notices.extend(notices);
        self.actions.extend(actions);
    }

    fn encode(&mut self, message: &FromBoard<'_>) -> Vec<u8> {
        let bytes = frame(Channel::Control, self.nonce, self.next, &body(message));
        self.next += 1;
        bytes
    }
}

/// The bytes of a frame.
pub(super) fn frame(channel: Channel, nonce: Nonce, sequence: u32, body: &[u8]) -> Vec<u8> {
    Frame { channel, nonce, sequence, body }.encode().expect("test bodies fit").as_bytes().to_vec()
}

/// A body as `postcard` encodes it.
pub(super) fn body<T: serde::Serialize>(message: &T) -> Vec<u8> {
    postcard::to_stdvec(message).expect("messages can be encoded")
}

/// A greeting.
pub(super) fn hello(build: BuildId) -> Hello<'static> {
    Hello {
        protocol: PROTOCOL,
        build,
        restarts: 0,
        machine: "bench",
        cores: 4,
        ram_bytes: 1 << 30,
        entry_level: 1,
        load_address: 0x4008_0000,
        timer_hz: 62_500_000,
    }
}

/// A verdict.
pub(super) fn verdict(run: u32, outcome: Outcome, lost_cores: u64) -> FromBoard<'static> {
    FromBoard::Verdict(Verdict { run: RunId(run), outcome, lost_cores })
}

/// A core's report.
pub(super) fn core(core: u32, cause: Cause) -> FromBoard<'static> {
    let (affinity, esr, far, elr, spsr, sp) = (u64::from(core) << 8, 0x9600_0045, 0, 0x4008_1000, 0, 0);
    let (x, backtrace) = ([0; 31], Backtrace::default());
    FromBoard::Core(CoreReport { core, affinity, cause, esr, far, elr, spsr, sp, x, backtrace })
}

/// A panic.
pub(super) fn panic_on(core: u32) -> FromBoard<'static> {
    let (message, file, backtrace) = ("it broke", "buddy.rs", Backtrace::default());
    FromBoard::Panic { core, message, file, line: 7, backtrace }
}

/// An order as the line echoes it.
pub(super) fn echo(order: &ToBoard, nonce: Nonce) -> Vec<u8> {
    encode_order(nonce, order)
}

fn sent(action: &Action) -> Option<&[u8]> {
    match action {
        Action::Send(bytes) => Some(bytes),
        _ => None,
    }
}

fn decode(bytes: &[u8]) -> Vec<(Nonce, ToBoard)> {
    let mut deframer: Deframer = Deframer::new();
    let mut orders = Vec::new();
    for &byte in bytes {
        if let Some(Chunk::Frame(frame)) = deframer.receive(byte) {
            orders.push((frame.nonce, postcard::from_bytes(frame.body).expect("the session sends orders")));
        }
    }
    orders
}
