//! Installing what is missing, with consent.

use super::{System, Tool};
use std::io::{self, BufRead, IsTerminal, Write};

/// Whether tools may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// The user said yes to everything beforehand.
    Given,
    /// The user is there to be asked.
    Ask,
    /// Nobody is there to be asked.
    Absent,
}

impl Consent {
    /// Given beforehand if `yes`, else asked for at a terminal.
    #[must_use]
    pub fn from_terminal(yes: bool) -> Self {
        match (yes, io::stdin().is_terminal() && io::stderr().is_terminal()) {
            (true, _) => Self::Given,
            (false, true) => Self::Ask,
            (false, false) => Self::Absent,
        }
    }
}

/// A tool is missing and stays so.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum Missing {
    /// It could be installed, and nobody agreed to it.
    #[error("{name} is missing; it is needed for {purpose}")]
    #[diagnostic(help("install it with `{command}`, or let host-runner do it: --yes"))]
    NotAgreed {
        /// What.
        name: String,
        /// What for.
        purpose: &'static str,
        /// What installs it.
        command: String,
    },
    /// Nothing here can install it.
    #[error("{name} is missing; it is needed for {purpose}")]
    #[diagnostic(help("{fallback}"))]
    NoWay {
        /// What.
        name: String,
        /// What for.
        purpose: &'static str,
        /// What to do instead.
        fallback: &'static str,
    },
    /// Installing was tried; its output is on stderr.
    #[error("installing {name} with `{command}` did not help")]
    #[diagnostic(help("its output is above; {fallback}"))]
    Failed {
        /// What.
        name: String,
        /// What was tried.
        command: String,
        /// What to do instead.
        fallback: &'static str,
    },
}

/// Sees to it that every one of `tools` is there.
///
/// # Errors
///
/// At the first that is missing and stays so.
pub fn ensure(tools: &[Tool], system: &impl System, consent: Consent) -> Result<(), Missing> {
    tools
        .iter()
        .filter(|tool| tool.found(system).is_none())
        .try_for_each(|tool| install(tool, system, consent))
}

fn install(tool: &Tool, system: &impl System, consent: Consent) -> Result<(), Missing> {
    let (name, purpose, fallback) = (tool.name(), tool.purpose(), tool.fallback());
    let Some(command) = tool.install(system) else {
        return Err(Missing::NoWay { name, purpose, fallback });
    };
    let agreed = match consent {
        Consent::Given => true,
        Consent::Ask => ask(&name, &command),
        Consent::Absent => false,
    };
    if !agreed {
        return Err(Missing::NotAgreed { name, purpose, command });
    }
    if system.run(&command) && tool.found(system).is_some() {
        return Ok(());
    }
    Err(Missing::Failed { name, command, fallback })
}

/// No answer is a no.
fn ask(name: &str, command: &str) -> bool {
    let mut stderr = io::stderr();
    let mut answer = String::new();
    let asked = write!(stderr, "{name} is missing. Install it with `{command}`? [y/N] ")
        .and_then(|()| stderr.flush());
    asked.and_then(|()| io::stdin().lock().read_line(&mut answer)).is_ok()
        && matches!(answer.trim(), "y" | "Y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::system::fake::FakeMachine;

    fn apt() -> FakeMachine {
        FakeMachine {
            programs: [("apt-get", "2")].into_iter().collect(),
            root: true,
            ..FakeMachine::default()
        }
    }

    #[test]
    fn nothing_is_installed_without_consent() {
        let machine = apt();
        let error = ensure(&[Tool::Qemu], &machine, Consent::Absent).unwrap_err();
        assert!(matches!(error, Missing::NotAgreed { .. }));
        assert!(machine.ran.borrow().is_empty());
    }

    #[test]
    fn with_consent_the_command_is_run_and_its_effect_checked() {
        let machine = FakeMachine { installs: true, ..apt() };
        let error = ensure(&[Tool::Qemu], &machine, Consent::Given).unwrap_err();
        assert!(matches!(error, Missing::Failed { .. }), "the program is still not there");
        assert_eq!(
            *machine.ran.borrow(),
            ["apt-get update && apt-get install -y --no-install-recommends qemu-system-arm"]
        );
    }

    #[test]
    fn without_any_way_the_fallback_is_named() {
        let error = ensure(&[Tool::Clippy], &FakeMachine::default(), Consent::Given).unwrap_err();
        assert!(matches!(error, Missing::NoWay { fallback, .. } if fallback.contains("closed-network")));
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let programs = [("qemu-system-aarch64", "QEMU emulator version 7.2")].into_iter().collect();
        let machine = FakeMachine { programs, ..FakeMachine::default() };
        assert_eq!(ensure(&[Tool::Qemu], &machine, Consent::Absent), Ok(()));
    }
}
