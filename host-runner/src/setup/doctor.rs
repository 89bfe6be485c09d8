//! The `doctor` command: every tool, found or missing, what for, and how to get it.

use super::{System, Tool};
use std::io::{self, Write};

/// Writes what is there and what is missing; whether everything is there.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn doctor(tools: &[Tool], system: &impl System, out: &mut impl Write) -> io::Result<bool> {
    let mut missing = 0;
    for tool in tools {
        match tool.found(system) {
            Some(version) => writeln!(out, "found    {}  {version}", tool.name())?,
            None => {
                missing += 1;
                writeln!(out, "MISSING  {}  needed for {}", tool.name(), tool.purpose())?;
                describe_remedy(tool, system, out)?;
            }
        }
    }
    match missing {
        0 => writeln!(out, "everything is there: {} of {} tools", tools.len(), tools.len())?,
        _ => writeln!(out, "MISSING: {missing} of {} tools", tools.len())?,
    }
    Ok(missing == 0)
}

fn describe_remedy(tool: &Tool, system: &impl System, out: &mut impl Write) -> io::Result<()> {
    if let Some(command) = tool.install(system) {
        writeln!(out, "           install: {command}")?;
    }
    if *tool != Tool::Qemu || tool.install(system).is_none() {
        writeln!(out, "           {}", tool.fallback())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::system::fake::FakeMachine;

    fn report(system: &FakeMachine) -> (bool, String) {
        let mut out = Vec::new();
        let healthy = doctor(&Tool::all("aarch64-unknown-none"), system, &mut out).unwrap();
        (healthy, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_bare_machine_lacks_everything_and_learns_what_to_do() {
        let (healthy, text) = report(&FakeMachine::default());
        assert!(!healthy);
        assert_eq!(text.matches("MISSING  ").count(), 8);
        assert!(text.contains("docs/closed-network.md"));
        assert!(text.ends_with("MISSING: 8 of 8 tools\n"), "{text}");
    }

    #[test]
    fn what_is_missing_comes_with_its_command() {
        let programs = [("rustup", "1"), ("rustc", "/lib"), ("apt-get", "2")].into_iter().collect();
        let (_, text) = report(&FakeMachine { programs, ..FakeMachine::default() });
        assert!(text.contains("install: rustup target add aarch64-unknown-none"), "{text}");
        assert!(
            text.contains("install: sudo apt-get update && sudo apt-get install -y --no-install-recommends qemu-system-arm"),
            "{text}"
        );
    }
}
