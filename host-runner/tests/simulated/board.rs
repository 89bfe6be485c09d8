//! A simulated board: the real end of the wire, and tests whose ends are known.

use crate::dice::Dice;
use crate::truth::{BUILD, Truth, index};
use std::collections::VecDeque;
use std::time::Duration;
use wire::{
    Backtrace, BootId, BuildId, Cause, Channel, CoreReport, Doing, FromBoard, Hello, MAX_BODY, Number,
    Outcome, PROTOCOL, RunId, Station, ToBoard, Verdict,
};

const fn ms(ms: usize) -> Duration {
    Duration::from_millis(ms as u64)
}

/// How the board behaves between tests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// With each beacon in which it waits, the board resets with this probability; not twice between two tests,
    /// which would make it a boot loop now and then.
    pub(crate) resets: f64,
    /// When it resets, it does so in the middle of a frame.
    pub(crate) brown_outs: bool,
    /// It resets as soon as it has greeted, always.
    pub(crate) loops: bool,
    /// It runs another image than the host knows.
    pub(crate) other_image: bool,
    /// Each test logs up to this many records, and sends one number more.
    pub(crate) chatter: usize,
}

/// What is to be heard on the line, and whether the board is still on.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// What was sent, a block for each frame.
    pub(crate) blocks: Vec<Vec<u8>>,
    /// It switched itself off.
    pub(crate) is_off: bool,
}

/// The board.
#[derive(Debug)]
pub(crate) struct Board {
    truths: Vec<Truth>,
    habits: Habits,
    /// How many bytes of sent frames it keeps.
    outbox: usize,
    dice: Dice,
    station: Station<Vec<u8>>,
    state: State,
    restarts: u32,
    has_reset: bool,
    output: Output,
}

#[derive(Debug)]
enum State {
    Off,
    /// The boot loader prints, and the image starts at a time.
    Loading(Duration),
    Waiting {
        beacon_at: Duration,
    },
    Testing {
        run: RunId,
        beacon_at: Duration,
        steps: VecDeque<(Duration, Step)>,
    },
    Restarting(Duration),
    Crashed {
        beacon_at: Duration,
    },
    Silent,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Log,
    /// One of so many numbers.
    Number {
        before: u64,
        all: u64,
    },
    Panic(u32),
    Crash(Cause, u32),
    Verdict(Outcome, u64),
    FallSilent,
    Reset,
    PowerOff,
}

impl Board {
    /// A board that is switched off, with an image whose tests do this.
    pub(crate) fn new(truths: Vec<Truth>, habits: Habits, outbox: usize, dice: Dice) -> Self {
        let station = Station::new(BootId(0), Vec::new());
        let (state, output) = (State::Off, Output::default());
        Self { truths, habits, outbox, dice, station, state, restarts: 0, has_reset: false, output }
    }

    /// Switches it on, or off and on.
    pub(crate) fn power_on(&mut self, now: Duration) {
        let text = format!("\r\nU-Boot 2026.10 (board {})\r\nDRAM:  8 GiB\r\n", self.dice.below(100));
        self.output.blocks.push(text.into_bytes());
        self.state = State::Loading(now + ms(self.dice.between(200, 900)));
    }

    fn reset(&mut self, now: Duration) {
        if self.habits.brown_outs {
            self.beacon();
            if let Some(last) = self.output.blocks.last_mut() {
                let left = self.dice.below(last.len());
                last.truncate(left);
            }
        }
        self.power_on(now);
    }

    /// Cuts the power.
    pub(crate) fn power_off(&mut self) {
        self.state = State::Off;
    }

    /// When [`Self::wake`] is to be called.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        match &self.state {
            State::Off | State::Silent => None,
            State::Loading(at) | State::Restarting(at) => Some(*at),
            State::Waiting { beacon_at } | State::Crashed { beacon_at } => Some(*beacon_at),
            State::Testing { beacon_at, steps, .. } => {
                Some(steps.front().map_or(*beacon_at, |(at, _)| (*at).min(*beacon_at)))
            }
        }
    }

    /// Does what is due.
    pub(crate) fn wake(&mut self, now: Duration) {
        match &mut self.state {
            State::Off | State::Silent => {}
            State::Loading(_) => self.start_image(now),
            State::Restarting(_) => self.restart(now),
            State::Waiting { .. } if !self.has_reset && self.dice.chance(self.habits.resets) => {
                self.has_reset = true;
                self.reset(now);
            }
            State::Waiting { beacon_at } => {
                *beacon_at = now + ms(100);
                self.beacon();
            }
            State::Testing { steps, .. } if steps.front().is_some_and(|(at, _)| *at <= now) => {
                let step = steps.pop_front().map(|(_, step)| step);
                self.take(step.unwrap_or(Step::Log), now);
            }
            State::Testing { beacon_at, .. } | State::Crashed { beacon_at } => {
                *beacon_at = now + ms(500);
                self.beacon();
            }
        }
    }

    /// Takes bytes from the host.
    pub(crate) fn receive(&mut self, bytes: &[u8], now: Duration) {
        if matches!(self.state, State::Off | State::Silent | State::Loading(_)) {
            return;
        }
        for &byte in bytes {
            match self.station.receive(byte) {
                Some(ToBoard::Begin { .. }) => {
                    self.greet();
                    if self.habits.loops {
                        return self.reset(now);
                    }
                }
                Some(ToBoard::Run { run, entry, .. }) => self.begin(run, index(entry), now),
                Some(ToBoard::Report) => (0..4).for_each(|core| self.report(Cause::Asked, core)),
                _ => {}
            }
        }
        let blocks = &mut self.output.blocks;
        while self.station.send_owed(&mut |bytes: &[u8]| blocks.push(bytes.to_vec())) {}
    }

    /// What was sent since the last call.
    pub(crate) fn take_output(&mut self) -> Output {
        std::mem::take(&mut self.output)
    }

    fn start_image(&mut self, now: Duration) {
        // No two boots share a number, those of recorded sessions included.
        self.station = Station::new(BootId(self.dice.next()), vec![0; self.outbox]);
        self.restarts = 0;
        self.state = State::Waiting { beacon_at: now };
    }

    fn restart(&mut self, now: Duration) {
        self.restarts += 1;
        self.greet();
        if let Doing::Running { run } = self.station.doing() {
            self.station.set_doing(Doing::Waiting { last: run });
        }
        self.state = State::Waiting { beacon_at: now };
    }

    fn greet(&mut self) {
        self.say(&FromBoard::Hello(Hello {
            protocol: PROTOCOL,
            build: if self.habits.other_image { BuildId([8; 20]) } else { BUILD },
            restarts: self.restarts,
            machine: "simulated",
            cores: 8,
            ram_bytes: 8 << 30,
            entry_level: 2,
            load_address: 0x8000_0000,
            timer_hz: 24_576_000,
        }));
    }

    fn begin(&mut self, run: RunId, index: usize, now: Duration) {
        self.has_reset = false;
        self.say(&FromBoard::Started { run });
        let steps = self.script(self.truths[index], now);
        self.state = State::Testing { run, beacon_at: now + ms(500), steps };
    }

    /// Some log, and the end.
    fn script(&mut self, truth: Truth, now: Duration) -> VecDeque<(Duration, Step)> {
        let all = 1 + self.dice.below(self.habits.chatter + 1) as u64;
        let mut steps: Vec<_> =
            (0..all).flat_map(|before| [Step::Log, Step::Number { before, all }]).skip(1).collect();
        if truth == Truth::Panics {
            steps.push(Step::Panic(0));
        }
        steps.extend(last_step(truth));
        let mut at = now;
        let mut later = || {
            at += ms(self.dice.between(1, 40));
            at
        };
        steps.into_iter().map(|step| (later(), step)).collect()
    }

    fn take(&mut self, step: Step, now: Duration) {
        match step {
            Step::Log => self.log(),
            Step::Number { before, all } => self.measure(all << 32 | before),
            Step::Panic(core) => self.panic(core, now),
            Step::Crash(cause, core) => {
                self.report(cause, core);
                self.report(Cause::Asked, (core + 1) % 8);
                self.crash(now);
            }
            Step::Verdict(outcome, lost_cores) => {
                let State::Testing { run, .. } = self.state else { return };
                self.say(&FromBoard::Verdict(Verdict { run, outcome, lost_cores }));
                self.state = State::Restarting(now + ms(self.dice.between(1, 30)));
            }
            Step::FallSilent => self.state = State::Silent,
            Step::Reset => self.reset(now),
            Step::PowerOff => {
                self.state = State::Off;
                self.output.is_off = true;
            }
        }
    }

    fn panic(&mut self, core: u32, now: Duration) {
        let mut backtrace = Backtrace::default();
        backtrace.0[0] = 0x4008_1234;
        let (message, file) = ("assertion failed: left == right", "suites/src/buddy.rs");
        self.say(&FromBoard::Panic { core, message, file, line: 42, backtrace });
        if core != 0 {
            self.crash(now);
        }
    }

    fn crash(&mut self, now: Duration) {
        if let State::Testing { run, .. } = self.state {
            self.station.set_doing(Doing::Crashed { run });
            self.state = State::Crashed { beacon_at: now + ms(5) };
        }
    }

    fn report(&mut self, cause: Cause, core: u32) {
        let (esr, far, elr, spsr, sp) = (0x9600_0045, 0xdead_0000, 0x4008_2222, 0x3c5, 0x4010_0000);
        let (x, backtrace, affinity) = ([u64::from(core); 31], Backtrace::default(), u64::from(core) << 8);
        let report = CoreReport { core, affinity, cause, esr, far, elr, spsr, sp, x, backtrace };
        self.say(&FromBoard::Core(report));
    }

    fn log(&mut self) {
        let length = self.dice.between(2, 60);
        let mut body = self.dice.bytes(length);
        body[0] %= 8;
        let blocks = &mut self.output.blocks;
        self.station.send(Channel::Log, &body, &mut |bytes: &[u8]| blocks.push(bytes.to_vec()));
    }

    /// A number that says which attempt it belongs to.
    fn measure(&mut self, value: u64) {
        let State::Testing { run, .. } = self.state else { return };
        let number = Number::Point { series: "simulated", at: u64::from(run.0), value };
        let mut body = [0; MAX_BODY];
        let body = number.encode(&mut body).expect("its name is short");
        let blocks = &mut self.output.blocks;
        self.station.send(Channel::Numbers, body, &mut |bytes: &[u8]| blocks.push(bytes.to_vec()));
    }

    fn say(&mut self, message: &FromBoard<'_>) {
        let blocks = &mut self.output.blocks;
        self.station.say(message, &mut |bytes: &[u8]| blocks.push(bytes.to_vec()));
    }

    fn beacon(&mut self) {
        let blocks = &mut self.output.blocks;
        self.station.beacon(&mut |bytes: &[u8]| blocks.push(bytes.to_vec()));
    }
}

/// How a test ends, if it does.
fn last_step(truth: Truth) -> Option<Step> {
    Some(match truth {
        Truth::Passes => Step::Verdict(Outcome::Passed, 0),
        Truth::Fails => Step::Verdict(Outcome::Failed, 0),
        Truth::Panics => Step::Verdict(Outcome::Panicked, 0),
        Truth::PanicsOn(core) => Step::Panic(core),
        Truth::Faults(core) => Step::Crash(Cause::Exception, core),
        Truth::Overflows(core) => Step::Crash(Cause::StackOverflow, core),
        Truth::Hangs => return None,
        Truth::FallsSilent => Step::FallSilent,
        Truth::Resets => Step::Reset,
        Truth::PowersOff => Step::PowerOff,
        Truth::LosesCore(core) => Step::Verdict(Outcome::Passed, 1 << core),
    })
}
