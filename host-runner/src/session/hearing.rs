//! What a session concludes from what boots say.

use super::clock::GRACE;
use super::course::MAX_UNREADY;
use super::line::Said;
use super::machine::Phase;
use super::{Action, Crash, Failure, Identity, Notice, PanicNote, Session, Status};
use std::fmt::Write as _;
use wire::host::{Heard, decode_message};
use wire::{
    BuildId, Cause, Channel, CoreReport, Doing, FromBoard, Hello, Nonce, Outcome, PROTOCOL, RunId, Verdict,
};

impl Session {
    /// Takes one thing that was heard.
    pub(super) fn hear(&mut self, said: Said) {
        match said.heard {
            Heard::Noise(text) => self.tell(Notice::Text(text)),
            Heard::Stale => {}
            Heard::Unbound { channel, body } => self.show(channel, &body),
            Heard::Beacon { nonce: Nonce::UNBOUND, beacon } => self.line.meet(beacon.boot, self.now),
            heard if self.line.is_adopted(said.nonce) => self.hear_adopted(heard),
            heard if self.line.is_candidate(said.nonce) => self.hear_candidate(said.nonce, &heard),
            // Of a boot that was adopted when these bytes were read, and is not any more.
            _ => {}
        }
    }

    /// Draws conclusions from the newest beacon, once all that came with it has been heard.
    pub(super) fn look(&mut self) {
        let missing = self.line.is_missing_frames();
        if let Phase::Inquest { owed, .. } = &mut self.phase {
            *owed &= missing;
        }
        let Some(doing) = self.line.doing() else { return };
        match (&self.phase, doing) {
            (Phase::Settling { last, .. }, Doing::Waiting { last: ran }) if *last == ran => self.order_next(),
            (Phase::Ordered { .. }, Doing::Running { run }) if self.agenda.is_current(run) => self.run(),
            (Phase::Ordered { .. } | Phase::Running { .. }, Doing::Waiting { last })
                if self.agenda.is_current(last) && !missing =>
            {
                self.spoil("the test ended without a verdict");
                self.settle(last);
            }
            (Phase::Ordered { .. } | Phase::Running { .. }, Doing::Crashed { run })
                if self.agenda.is_current(run) && !missing =>
            {
                let crash = self.panicked.map(Crash::PanicOn);
                self.phase = Phase::Crashed { crash, until: self.now + GRACE };
                self.ask_for_memory();
            }
            (Phase::Crashed { crash: Some(_), .. }, Doing::Crashed { .. })
                if !missing && !self.awaits_memory =>
            {
                self.conclude();
            }
            _ => {}
        }
    }

    fn hear_adopted(&mut self, heard: Heard) {
        self.heard_at = self.now;
        match heard {
            Heard::Lost(frames) => self.hear_lost(frames),
            Heard::Frame { channel: Channel::Control, body } => match decode_message(&body) {
                Ok(message) => self.hear_message(message),
                Err(_) if self.agenda.current().is_some() => {
                    self.spoil_and_boot("a message of the board cannot be read".into());
                }
                Err(_) => {}
            },
            Heard::Frame { channel: Channel::Log, body } => self.tell_log(&body, true),
            Heard::Frame { channel: Channel::Numbers, body } => self.hear_number(&body),
            // Beacons are looked at by `look`.
            _ => {}
        }
    }

    /// The first frame under a nonce that was offered: it proves that this boot is alive, and must be a `Hello`.
    fn hear_candidate(&mut self, nonce: Nonce, heard: &Heard) {
        let Heard::Frame { channel, body } = heard else { return };
        match decode_message(body) {
            Ok(FromBoard::Hello(hello)) if *channel == Channel::Control => {
                if self.refuse(&hello) {
                    return;
                }
                self.adopt(nonce, &hello);
            }
            _ => self.cut_short(&format!(
                "the image's first message is no greeting of protocol {PROTOCOL}: it was built with another version of `wire`"
            )),
        }
    }

    fn adopt(&mut self, nonce: Nonce, hello: &Hello<'_>) {
        let is_asked_for = matches!(self.phase, Phase::Booting { .. });
        if !is_asked_for && self.is_lent {
            self.line.adopt(nonce);
            return self.doubt(identity(hello));
        }
        if is_asked_for || self.accept_reset() {
            self.line.adopt(nonce);
            self.go_on_with(identity(hello));
        }
    }

    fn go_on_with(&mut self, identity: Identity) {
        self.heard_at = self.now;
        self.tell(Notice::Ready(identity));
        self.settle(RunId(0));
    }

    /// Asks whether the board is still this run's before the test is blamed for a reset.
    fn doubt(&mut self, identity: Identity) {
        self.actions.push(Action::Ask);
        let before = match std::mem::replace(&mut self.phase, Phase::Idle) {
            // It has booted once more meanwhile.
            Phase::Doubted { before, .. } => before,
            phase => Box::new(phase),
        };
        self.phase =
            Phase::Doubted { before, identity, said: Vec::new(), until: self.now + self.budgets.boot };
    }

    /// The board is still this run's: it was the test.
    pub(super) fn believe_reset(&mut self) {
        let Phase::Doubted { before, identity, said, .. } = &mut self.phase else { return };
        let (before, identity, said) = (before.as_ref().clone(), identity.clone(), std::mem::take(said));
        self.phase = before;
        if self.accept_reset() {
            self.go_on_with(identity);
        }
        for said in said {
            self.take_said(said);
        }
    }

    /// The board has booted by itself; whether the run goes on with that boot.
    fn accept_reset(&mut self) -> bool {
        let reason = "the board booted again by itself";
        match self.phase.clone() {
            Phase::Running { .. } | Phase::Crashed { crash: None, .. } => {
                self.end(Status::Crash(Crash::Reset));
            }
            Phase::Ordered { .. } => self.suspect(Status::Crash(Crash::Reset), reason),
            Phase::Crashed { crash: Some(crash), .. } => self.end(Status::Crash(crash)),
            Phase::Inquest { timeout, .. } => self.end(Status::Timeout(timeout)),
            _ => {}
        }
        if self.unready >= MAX_UNREADY {
            self.give_up("it booted again by itself (boot loop)");
        }
        self.unready += 1;
        !self.is_finished()
    }

    /// Ends the run if another image is speaking.
    fn refuse(&mut self, hello: &Hello<'_>) -> bool {
        let (expected, found) = (self.agenda.plan().build, hello.build);
        if hello.protocol != PROTOCOL {
            let theirs = hello.protocol;
            self.cut_short(&format!("the image speaks protocol {theirs}, this program speaks {PROTOCOL}"));
        } else if expected != found {
            let (expected, found) = (hex(expected), hex(found));
            self.cut_short(&format!("the board runs another image: build id {found} instead of {expected}"));
        }
        self.is_finished()
    }

    /// Frames are lost for good. During a test a verdict or a crash may be among them.
    fn hear_lost(&mut self, frames: u32) {
        self.lost_frames += u64::from(frames);
        self.tell(Notice::Lost(frames));
        let open = match self.phase {
            Phase::Ordered { .. } | Phase::Running { .. } => true,
            Phase::Inquest { owed, .. } => owed,
            _ => false,
        };
        if open && self.agenda.has_started() {
            self.spoil_and_boot(format!("{frames} frames were lost on the line"));
        }
    }

    fn hear_message(&mut self, message: FromBoard<'_>) {
        match message {
            FromBoard::Hello(hello) => {
                self.refuse(&hello);
            }
            FromBoard::Started { run } if self.agenda.is_current(run) => {
                self.agenda.start();
                self.run();
            }
            FromBoard::Verdict(verdict) if self.agenda.is_current(verdict.run) => self.hear_verdict(verdict),
            FromBoard::Started { .. } | FromBoard::Verdict(_) => {}
            FromBoard::Panic { core, message, file, line, backtrace } => {
                self.tell(panic_notice(core, message, file, line, &backtrace));
                self.hear_panic(core);
            }
            FromBoard::Core(report) => self.hear_core(report),
            FromBoard::LogDropped { core, records } => self.tell(Notice::LogDropped { core, records }),
            FromBoard::NumbersDropped { core, numbers } => {
                self.tell(Notice::NumbersDropped { core, numbers });
            }
        }
    }

    fn hear_verdict(&mut self, verdict: Verdict) {
        match self.phase {
            Phase::Ordered { .. } | Phase::Running { .. } | Phase::Inquest { owed: true, .. } => {}
            // The test's end is decided already: it crashed, or its time was up.
            _ => return,
        }
        if !self.agenda.has_started() {
            return self.spoil_and_boot("the frame that says that the test begins was lost".into());
        }
        if self.first_verdict.is_none() {
            self.first_verdict = Some(self.since_start());
        }
        if verdict.lost_cores != 0 {
            let cores = (0..u64::BITS).filter(|core| verdict.lost_cores >> core & 1 != 0).collect();
            return self.end_and_boot(Status::Crash(Crash::LostCores(cores)));
        }
        self.end(judge(verdict.outcome, self.agenda.should_panic()));
        self.settle(verdict.run);
    }

    /// A panic on core 0 is followed by a verdict; on another one it takes the board down.
    fn hear_panic(&mut self, core: u32) {
        if !self.agenda.has_started() {
            return;
        }
        self.panicked = self.panicked.or(Some(core));
        if core != 0 {
            self.crash(Crash::PanicOn(core));
        }
    }

    fn hear_core(&mut self, report: CoreReport) {
        let crash = match report.cause {
            Cause::Exception | Cause::Nested => Some(Crash::Exception(report.core)),
            Cause::StackOverflow => Some(Crash::StackOverflow(report.core)),
            Cause::Asked => None,
        };
        self.tell(Notice::Core(Box::new(report)));
        if let Some(crash) = crash {
            self.crash(crash);
        }
    }

    /// The board is going down. The first cause decides; what else is to be heard has a little time.
    fn crash(&mut self, crash: Crash) {
        let until = self.now + GRACE;
        match &mut self.phase {
            Phase::Ordered { .. } | Phase::Running { .. } | Phase::Inquest { owed: true, .. } => {
                if self.agenda.has_started() {
                    self.phase = Phase::Crashed { crash: Some(crash), until };
                    self.ask_for_memory();
                } else {
                    self.spoil_and_boot("the board crashed before the test began".into());
                }
            }
            Phase::Crashed { crash: first @ None, .. } => *first = Some(crash),
            // Between tests: it will not get ready.
            Phase::Settling { until: limit, .. } => *limit = until.min(*limit),
            _ => {}
        }
    }

    /// Shows what a boot without a nonce says.
    fn show(&mut self, channel: Channel, body: &[u8]) {
        let notice = match channel {
            Channel::Log => return self.tell_log(body, false),
            Channel::Control => match decode_message(body) {
                Ok(FromBoard::Panic { core, message, file, line, backtrace }) => {
                    panic_notice(core, message, file, line, &backtrace)
                }
                Ok(FromBoard::Core(report)) => Notice::Core(Box::new(report)),
                _ => return,
            },
            _ => return,
        };
        self.tell(Notice::Unverified(Box::new(notice)));
    }

    fn tell_log(&mut self, body: &[u8], verified: bool) {
        if let Some((&core, bytes)) = body.split_first() {
            self.tell(Notice::Log { core: u32::from(core), bytes: bytes.to_vec(), verified });
        }
    }
}

const fn judge(outcome: Outcome, should_panic: bool) -> Status {
    match (outcome, should_panic) {
        (Outcome::Passed, false) | (Outcome::Panicked, true) => Status::Pass,
        (Outcome::Passed, true) => Status::Fail(Failure::DidNotPanic),
        (Outcome::Panicked, false) => Status::Fail(Failure::Panicked),
        (Outcome::Failed, _) => Status::Fail(Failure::Returned),
    }
}

fn panic_notice(core: u32, message: &str, file: &str, line: u32, backtrace: &wire::Backtrace) -> Notice {
    let (message, file, backtrace) = (message.into(), file.into(), backtrace.iter().collect());
    Notice::Panic(PanicNote { core, message, file, line, backtrace })
}

fn identity(hello: &Hello<'_>) -> Identity {
    Identity {
        machine: hello.machine.into(),
        cores: hello.cores,
        ram_bytes: hello.ram_bytes,
        entry_level: hello.entry_level,
        load_address: hello.load_address,
        timer_hz: hello.timer_hz,
        restarts: hello.restarts,
    }
}

fn hex(build: BuildId) -> String {
    let mut text = String::new();
    for byte in build.0 {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
