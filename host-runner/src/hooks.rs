//! Commands of a board's file that do what the runner cannot: press a phone's buttons, switch a supply.

use crate::processes::run_within;
use std::process::Command;
use std::time::Duration;

/// How long a command may take. Holding a phone's buttons takes up to a minute.
const WITHIN: Duration = Duration::from_secs(120);

/// Runs a board's command, with what is known of the board's place in its environment.
///
/// # Errors
///
/// When it does not start, fails or takes too long, in words that hold the command and its own.
pub(crate) fn run(command: &str, board: &str, place: &[(&str, String)]) -> Result<(), String> {
    run_for(command, board, place, WITHIN)
}

fn run_for(command: &str, board: &str, place: &[(&str, String)], within: Duration) -> Result<(), String> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("FRAMEKEEPER_BOARD", board);
    shell.envs(place.iter().map(|(name, value)| (name, value)));
    let outcome = run_within(&mut shell, within, |_| false)
        .map_err(|error| format!("the board's command `{command}` does not start: {error}"))?;
    let how = match outcome.status {
        Some(status) if status.success() => return Ok(()),
        Some(status) => status.to_string(),
        None => format!("not ended after {} s", within.as_secs()),
    };
    let said = outcome.said.trim().lines().next_back().unwrap_or("it said nothing").to_owned();
    Err(format!("the board's command `{command}` failed ({how}): {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_knows_its_board() {
        assert_eq!(run("test \"$FRAMEKEEPER_BOARD\" = pixel6", "pixel6", &[]), Ok(()));
        let place = [("LG_PLACE", "shelf".to_owned())];
        assert_eq!(run("test \"$LG_PLACE\" = shelf", "pixel6", &place), Ok(()));
    }

    #[test]
    fn what_goes_wrong_is_told_with_the_commands_own_words() {
        let failed = run("echo no relay >&2; exit 3", "b", &[]).unwrap_err();
        assert!(failed.contains("exit status: 3") && failed.ends_with("no relay"), "{failed}");
        let hangs = run_for("sleep 1000", "b", &[], Duration::from_millis(100)).unwrap_err();
        assert!(hangs.contains("not ended"), "{hangs}");
    }
}
