//! What came in one attempt at a test, kept until its end is known: only then is it clear what of it is of interest.

use super::account::{Account, Kind};
use super::cores;
use crate::session::{Crash, Status, Timeout};
use std::collections::VecDeque;

/// The last log lines that are repeated with a failure.
const LAST_LOGS: usize = 20;

/// What came since a test began.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    accounts: Vec<(u32, Account)>,
    missing: Vec<String>,
    inspected: Vec<String>,
    kept: Vec<String>,
    logs: VecDeque<String>,
}

impl Attempt {
    pub(super) fn add_account(&mut self, core: u32, account: Account) {
        self.accounts.push((core, account));
    }

    /// Something that should have come and did not, in words.
    pub(super) fn add_missing(&mut self, what: String) {
        self.missing.push(what);
    }

    pub(super) fn add_inspected(&mut self, text: &str) {
        self.inspected.extend(text.lines().map(|line| format!("  {line}")));
    }

    /// What memory was kept of the board.
    pub(super) fn add_kept(&mut self, text: &str) {
        self.kept.extend(text.lines().map(str::to_owned));
    }

    pub(super) fn add_log(&mut self, line: String) {
        self.logs.push_back(line);
        if self.logs.len() > LAST_LOGS {
            self.logs.pop_front();
        }
    }

    /// Everything that explains this end, on a board with `cores` cores.
    pub(super) fn explanation(mut self, status: &Status, cores: u32) -> Vec<String> {
        let unheard = if every_core_was_asked(status) { self.unheard(cores) } else { Vec::new() };
        let mut lines = self.last_logs();
        if matches!(status, Status::Timeout(_)) && unheard.len() == cores as usize {
            // The boot core serves the line and passes the question on.
            lines.push(
                "no core answered: core 0, which asks the others, masks interrupts or is dead".to_owned(),
            );
        } else {
            self.accounts.extend(unheard.iter().map(|&core| (core, Account::none())));
        }
        lines.append(&mut self.missing);
        lines.extend(self.told());
        // Cores that answered have said more than a debugger sees.
        if !unheard.is_empty() && !self.inspected.is_empty() {
            lines.push("what the cores are doing, as the loader sees it:".to_owned());
            lines.append(&mut self.inspected);
        }
        lines.append(&mut self.kept);
        lines
    }

    /// What the cores said: first what went wrong, in the order it came; then what the others did.
    pub(super) fn told(&self) -> Vec<String> {
        let mut accounts = self.accounts.clone();
        // What went wrong first is the cause; of the rest the order says nothing.
        accounts.sort_by_key(|(core, account)| match account.kind() {
            Kind::Grave => (Kind::Grave, 0),
            kind => (kind, *core),
        });
        let groups = cores::grouped(accounts);
        groups.iter().flat_map(|(cores, account)| account.whole(cores)).collect()
    }

    fn unheard(&self, cores: u32) -> Vec<u32> {
        (0..cores).filter(|core| self.accounts.iter().all(|(heard, _)| heard != core)).collect()
    }

    fn last_logs(&mut self) -> Vec<String> {
        let logs = std::mem::take(&mut self.logs);
        if logs.is_empty() {
            return Vec::new();
        }
        let lines = logs.into_iter().map(|line| format!("  {line}"));
        std::iter::once("the last log lines:".to_owned()).chain(lines).collect()
    }
}

/// Whether every core was to say what it did when the test ended so.
const fn every_core_was_asked(status: &Status) -> bool {
    matches!(
        status,
        Status::Crash(Crash::Exception(_) | Crash::StackOverflow(_) | Crash::PanicOn(_))
            | Status::Timeout(Timeout::Test | Timeout::Silence)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANG: Status = Status::Timeout(Timeout::Test);

    fn attempt(heard: &[u32]) -> Attempt {
        let mut attempt = Attempt::default();
        attempt.add_inspected("core 0: somewhere");
        for core in heard {
            // Any account will do.
            attempt.add_account(*core, Account::none());
        }
        attempt
    }

    #[test]
    fn memory_that_was_kept_is_told_whether_or_not_the_cores_answered() {
        for heard in [&[0, 1][..], &[]] {
            let mut attempt = attempt(heard);
            attempt.add_kept("memory 0x10+0x10 is in a file");
            let lines = attempt.explanation(&Status::Crash(Crash::Exception(0)), 2);
            assert_eq!(lines.last().unwrap(), "memory 0x10+0x10 is in a file");
        }
    }

    #[test]
    fn cores_that_did_not_answer_are_named() {
        let lines = attempt(&[]).explanation(&Status::Crash(Crash::PanicOn(1)), 4);
        assert!(lines[0].contains("cores 0–3: no answer (interrupts masked, or dead)"), "{lines:?}");
        assert_eq!(lines.last().unwrap(), "  core 0: somewhere");
    }

    #[test]
    fn a_silent_boot_core_says_nothing_about_the_others() {
        let lines = attempt(&[]).explanation(&HANG, 4);
        assert!(lines[0].starts_with("no core answered: core 0"), "{lines:?}");
    }

    #[test]
    fn the_loaders_view_is_left_out_where_every_core_has_answered() {
        let lines = attempt(&[0, 1]).explanation(&HANG, 2);
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn nobody_is_missed_where_nobody_was_asked() {
        assert!(attempt(&[]).explanation(&Status::Crash(Crash::Reset), 4).is_empty());
    }

    #[test]
    fn only_the_last_log_lines_are_kept() {
        let mut attempt = Attempt::default();
        (0..30).for_each(|number| attempt.add_log(number.to_string()));
        let lines = attempt.explanation(&Status::Crash(Crash::Reset), 4);
        assert_eq!((lines.len(), lines[1].as_str()), (21, "  10"));
    }
}
