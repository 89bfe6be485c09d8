//! A session, a board, the line between them, and virtual time.

use crate::board::{Board, Habits};
use crate::dice::Dice;
use crate::line::{Faults, Line};
use crate::truth::{self, Truth};
use host_runner::plan::Plan;
use host_runner::session::{Action, Budgets, Closed, Event, Notice, Oracle, Session, Setup, Summary};
use std::time::Duration;
use wire::Parameters;

/// What a simulated run is exposed to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conditions {
    /// What goes wrong on the line to the host.
    pub(crate) to_host: Faults,
    /// What goes wrong on the line to the board.
    pub(crate) to_board: Faults,
    /// What the board does between tests.
    pub(crate) habits: Habits,
    /// How often per second the line is closed.
    pub(crate) closings: f64,
    /// How often per step the host does nothing for a minute.
    pub(crate) naps: f64,
    /// Output of an earlier run.
    pub(crate) stale: Stale,
    /// The board keeps few of its frames, so that some can be lost for good.
    pub(crate) forgets: bool,
    /// The budget for the whole run, if it is to be short.
    pub(crate) total: Option<Duration>,
}

/// Where output of an earlier run is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stale {
    /// Nowhere.
    #[default]
    No,
    /// All of it before anything else.
    First,
    /// Between the blocks of this run.
    Mixed,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the tests really did.
    pub(crate) truths: Vec<Truth>,
    /// What was planned.
    pub(crate) plan: Plan,
    /// What the session says.
    pub(crate) summary: Summary,
    /// What the session told, and when.
    pub(crate) notices: Vec<(Duration, Notice)>,
    /// How often the line was closed.
    pub(crate) closings: u32,
    /// What the board sent, a block for each frame, before the line damaged it.
    pub(crate) blocks: Vec<Vec<u8>>,
}

/// How long things may take. A beacon every half second makes twenty in the budget for silence: so many are not
/// lost on any line simulated here.
pub(crate) const BUDGETS: Budgets = Budgets {
    boot: Duration::from_secs(15),
    test: Duration::from_secs(14),
    silence: Duration::from_secs(10),
    total: Duration::from_secs(3600),
};

/// More steps than any run takes.
const MAX_STEPS: u32 = 2_000_000;

/// Everything that takes part.
struct World<'a> {
    conditions: Conditions,
    dice: Dice,
    now: Duration,
    session: Session,
    board: Board,
    to_host: Line,
    to_board: Line,
    is_open: bool,
    /// Until when the host does nothing.
    asleep_until: Duration,
    closing: Option<(Duration, Closed)>,
    stale: std::slice::Iter<'a, Vec<u8>>,
    script: Script,
    notices: Vec<(Duration, Notice)>,
    blocks: Vec<Vec<u8>>,
    closings: u32,
}

/// What a session was given and what it answered.
#[derive(Default)]
struct Script {
    events: Vec<(Event, Duration)>,
    actions: Vec<Vec<Action>>,
}

/// Runs `tests` tests under `conditions`. `stale` is what an earlier run's board sent.
pub(crate) fn run(seed: u64, tests: usize, conditions: Conditions, stale: &[Vec<u8>]) -> Outcome {
    let outbox = if conditions.forgets { 1200 } else { 65536 };
    let mut dice = Dice::new(seed);
    let truths = truth::roll(tests, &mut dice);
    let plan = truth::plan(&truths, &mut dice);
    let budgets = Budgets { total: conditions.total.unwrap_or(BUDGETS.total), ..BUDGETS };
    let (nonces, parameters) = (dice.next(), Parameters::default());
    let oracle = Oracle::Host(|_, _| Ok(None));
    let (keeps_memory, is_lent) = (false, seed.is_multiple_of(2));
    let setup = Setup { plan: plan.clone(), budgets, nonces, parameters, oracle, keeps_memory, is_lent };
    let mut fork = || Dice::new(dice.next());
    let mut world = World {
        conditions,
        now: Duration::ZERO,
        session: Session::new(setup.clone()),
        board: Board::new(truths.clone(), conditions.habits, outbox, fork()),
        to_host: Line::new(conditions.to_host, fork()),
        to_board: Line::new(conditions.to_board, fork()),
        is_open: false,
        asleep_until: Duration::ZERO,
        closing: None,
        stale: stale.iter(),
        script: Script::default(),
        notices: Vec::new(),
        blocks: Vec::new(),
        closings: 0,
        dice: fork(),
    };
    world.run();
    world.script.assert_replays(Session::new(setup), seed);
    assert!(world.now <= budgets.total + Duration::from_secs(2), "seed {seed}: too late, {:?}", world.now);
    let Some((_, Notice::Finished(summary))) = world.notices.last().cloned() else {
        panic!("seed {seed}: the last notice is no summary")
    };
    let World { notices, closings, blocks, .. } = world;
    Outcome { truths, plan, summary, notices, closings, blocks }
}

impl World<'_> {
    fn run(&mut self) {
        if self.conditions.stale == Stale::First {
            for block in self.stale.by_ref() {
                self.to_host.put(block.clone(), Duration::from_millis(1));
            }
        }
        let actions = self.session.start(self.now);
        self.carry_out(&actions);
        self.script.actions.push(actions);
        for _ in 0..MAX_STEPS {
            if self.session.is_finished() {
                return;
            }
            self.step();
        }
        panic!("the session does not end: {:?}", self.session);
    }

    /// Goes on to the next moment at which something happens.
    fn step(&mut self) {
        if self.dice.chance(self.conditions.naps) {
            self.asleep_until = self.now + Duration::from_secs(60);
        }
        let awake = |at: Duration| at.max(self.asleep_until);
        let wakes = [
            self.session.next_wake().map(awake),
            self.to_host.next_arrival().map(awake),
            self.to_board.next_arrival(),
            self.board.next_wake(),
            self.closing.as_ref().map(|(at, _)| awake(*at)),
        ];
        let next = wakes.into_iter().flatten().min().expect("a running session has a deadline");
        self.now = self.now.max(next);
        while let Some(block) = self.to_board.receive(self.now) {
            self.board.receive(&block, self.now);
        }
        if self.board.next_wake().is_some_and(|at| at <= self.now) {
            self.board.wake(self.now);
        }
        self.transmit();
        if self.now < self.asleep_until {
            return;
        }
        self.deliver();
        if self.session.next_wake().is_some_and(|at| at <= self.now) {
            self.hand_in(Event::Tick);
        }
    }

    /// Puts what the board sends on the line.
    fn transmit(&mut self) {
        let output = self.board.take_output();
        for block in output.blocks {
            if !self.is_open {
                continue;
            }
            if self.conditions.stale == Stale::Mixed && self.dice.chance(0.5) {
                let stale = self.stale.next().cloned().unwrap_or_default();
                self.to_host.put(stale, self.now + Duration::from_millis(1));
            }
            self.to_host.send(&block, self.now);
            self.blocks.push(block);
        }
        if output.is_off {
            // The end of the line is noticed when all that was sent has been read.
            let at = self.to_host.last_arrival().unwrap_or(self.now);
            self.closing = Some((at, Closed::PoweredOff));
        }
    }

    /// Hands what has arrived to the session.
    fn deliver(&mut self) {
        let mut bytes = Vec::new();
        while let Some(block) = self.to_host.receive(self.now) {
            bytes.extend(block);
            if self.dice.chance(0.5) {
                self.hand_in(Event::Bytes(std::mem::take(&mut bytes)));
            }
        }
        let at = self.dice.below(bytes.len());
        for part in [&bytes[..at], &bytes[at..]] {
            if !part.is_empty() {
                self.hand_in(Event::Bytes(part.to_vec()));
            }
        }
        if let Some((_, closed)) = self.closing.take_if(|(at, _)| *at <= self.now) {
            self.is_open = false;
            self.closings += u32::from(closed != Closed::PoweredOff);
            self.board.power_off();
            self.hand_in(Event::Closed(closed));
        }
    }

    fn hand_in(&mut self, event: Event) {
        let actions = self.session.on(event.clone(), self.now);
        self.script.events.push((event, self.now));
        self.carry_out(&actions);
        let is_asked = actions.contains(&Action::Ask);
        self.script.actions.push(actions);
        if is_asked {
            self.hand_in(Event::Ours);
        }
    }

    fn carry_out(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Boot => self.boot(),
                Action::Send(bytes) if self.is_open => self.to_board.send(bytes, self.now),
                Action::Send(_)
                | Action::Ask
                | Action::Inspect
                | Action::Dump
                | Action::Keep(_)
                | Action::Finish => {}
                Action::Tell(notice) => self.notices.push((self.now, notice.clone())),
            }
        }
    }

    fn boot(&mut self) {
        self.is_open = true;
        self.board.power_on(self.now);
        self.closing = None;
        if self.conditions.closings > 0.0 {
            let after = self.dice.failures(self.conditions.closings / 1000.0) as u64;
            let at = self.now + Duration::from_millis(after.min(10_000_000));
            self.closing = Some((at, Closed::Lost("the port disappeared".into())));
        }
    }
}

impl Script {
    /// The same events lead to the same actions.
    fn assert_replays(&self, mut session: Session, seed: u64) {
        assert_eq!(session.start(Duration::ZERO), self.actions[0], "seed {seed}");
        for ((event, at), actions) in self.events.iter().zip(&self.actions[1..]) {
            assert_eq!(&session.on(event.clone(), *at), actions, "seed {seed}: replay differs at {at:?}");
        }
    }
}
