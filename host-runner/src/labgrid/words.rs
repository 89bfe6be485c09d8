//! What the client's words mean.
//!
//! Seen with version 26.0.1: it ends with 1 and a line `labgrid-client: Error: …` or `Server error: Error: …` where it knows what
//! is wrong, and with 2 and a traceback, whose last line says most, where it does not.

use super::LabgridError;

/// Whose a place is after it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Acquired {
    /// This run's, from now on: its whole name.
    Now(String),
    /// This user's, since before.
    Before,
}

/// What came of asking for `place`; the error has what the client said.
pub(super) fn acquired(said: &str, place: &str) -> Result<Acquired, LabgridError> {
    let place = place.to_owned();
    if let Some(name) = said.lines().find_map(|line| line.strip_prefix("acquired place ")) {
        return Ok(Acquired::Now(name.to_owned()));
    }
    if said.contains(&format!("You have already acquired place {place}.")) {
        return Ok(Acquired::Before);
    }
    let said = reason(said);
    let taken = |by: &str| LabgridError::Taken { place: place.clone(), by: by.to_owned() };
    if let Some(by) = between(&said, "is already acquired by ", ". ") {
        return Err(taken(by));
    }
    if let Some(host) = between(&said, &format!("You have already acquired place {place} on "), ". ") {
        return Err(taken(&format!("this user on {host}")));
    }
    Err(match said {
        said if said.contains("has no matching remote resource") => LabgridError::Unmatched { place, said },
        said if said.contains("was not reserved for") => LabgridError::Reserved { place },
        // A part of a name fits every name that it is a part of.
        said if said.contains("matches nothing") || said.contains("matches multiple places") => {
            LabgridError::Unknown { place }
        }
        said => LabgridError::Unexpected { step: "acquiring the place", said },
    })
}

/// By what a reservation is known.
pub(super) fn token(said: &str) -> Option<String> {
    said.lines().find_map(|line| line.strip_prefix("export LG_TOKEN=")).map(str::to_owned)
}

/// Who has a place, if anybody does.
pub(super) fn user(said: &str) -> Option<&str> {
    let user = said.lines().find_map(|line| line.trim().strip_prefix("acquired: "))?;
    (user != "None").then_some(user)
}

/// Whether nobody answered who knows the places.
pub(super) fn no_coordinator(said: &str) -> Option<String> {
    said.contains("Could not connect to coordinator").then(|| {
        let why = said.lines().find_map(|line| line.split_once("coordinator is unavailable: "));
        let why = why.map_or("nothing was said", |(_, why)| why);
        why.rsplit_once("last error: ").map_or(why, |(_, last)| last).trim().to_owned()
    })
}

/// Whether a place is not this user's.
pub(super) fn is_lost(said: &str) -> bool {
    said.contains("is not acquired") || said.contains("matches nothing")
}

/// Why somebody who has acquired `place` is not told where its board is.
pub(super) fn no_way(said: &str, place: &str) -> LabgridError {
    let (place, reason) = (place.to_owned(), reason(said));
    if is_lost(said) {
        return LabgridError::Lost { place, said: reason };
    }
    // What stands before it is how Python writes a place.
    match between(&reason, "has an orphaned resource (", ")") {
        Some(said) => LabgridError::Unmatched { place, said: said.to_owned() },
        None => LabgridError::Unexpected { step: "asking where the board is", said: reason },
    }
}

/// What is wrong, in one line.
pub(super) fn reason(said: &str) -> String {
    let line = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
    line.trim_start_matches("labgrid-client: ")
        .trim_start_matches("Server error: ")
        .trim_start_matches("Error: ")
        .to_owned()
}

fn between<'a>(said: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = said.split_once(before)?;
    Some(rest.split_once(after).map_or(rest, |(found, _)| found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(said: &str) -> LabgridError {
        acquired(said, "twin").unwrap_err()
    }

    #[test]
    fn a_place_that_was_free_is_this_runs() {
        assert_eq!(acquired("acquired place twin\n", "twin"), Ok(Acquired::Now("twin".into())));
        assert_eq!(acquired("acquired place pixel6-twin\n", "twin"), Ok(Acquired::Now("pixel6-twin".into())));
    }

    #[test]
    fn a_place_that_is_in_use_is_told_with_who_has_it() {
        let by = |by: &str| LabgridError::Taken { place: "twin".into(), by: by.into() };
        let other = "labgrid-client: Error: Place twin is already acquired by lab/jane. To work simultaneously, jane can execute 'x'.\n";
        assert_eq!(refused(other), by("lab/jane"));
        let elsewhere = "labgrid-client: Error: You have already acquired place twin on lab-2. To work simultaneously, execute 'x'.\n";
        assert_eq!(refused(elsewhere), by("this user on lab-2"));
        let own = "labgrid-client: Error: You have already acquired place twin.\n";
        assert_eq!(acquired(own, "twin"), Ok(Acquired::Before));
        assert!(acquired(own, "tw").is_err(), "a part of its name is another name");
    }

    #[test]
    fn each_refusal_has_its_own_error() {
        let place = || "twin".to_owned();
        let nothing = "labgrid-client: Error: place pattern twin matches nothing\n";
        assert_eq!(refused(nothing), LabgridError::Unknown { place: place() });
        let reserved = "Server error: Error: Place twin was not reserved for lab/jane\n";
        assert_eq!(refused(reserved), LabgridError::Reserved { place: place() });
        let unmatched = "labgrid-client: Error: Match */g/* has no matching remote resource\n";
        let said = "Match */g/* has no matching remote resource".to_owned();
        assert_eq!(refused(unmatched), LabgridError::Unmatched { place: place(), said });
        let other = "Traceback (most recent call last):\n  File \"x\"\nKeyError: 7\n";
        assert_eq!(
            refused(other),
            LabgridError::Unexpected { step: "acquiring the place", said: "KeyError: 7".into() }
        );
    }

    #[test]
    fn a_board_that_cannot_be_had_any_more_is_told_with_why() {
        let place = || "twin".to_owned();
        let lost = |said: &str| LabgridError::Lost { place: place(), said: said.into() };
        for said in [
            "place twin is not acquired",
            "place twin is not acquired by your user, acquired by jane. To work simultaneously, jane can execute x",
            "place twin is not acquired on this computer, acquired on lab-2. To allow this host, use x",
            "place pattern twin matches nothing",
        ] {
            assert_eq!(no_way(&format!("labgrid-client: Error: {said}\n"), "twin"), lost(said));
        }
        let orphaned = "Server error: Error: place RemotePlace(name='twin', tags={}) has an orphaned resource (exporter lab disconnected?)\n";
        let said = "exporter lab disconnected?".to_owned();
        assert_eq!(no_way(orphaned, "twin"), LabgridError::Unmatched { place: place(), said });
        let said = "KeyError: 7".to_owned();
        let other = LabgridError::Unexpected { step: "asking where the board is", said };
        assert_eq!(no_way("Traceback\nKeyError: 7\n", "twin"), other);
    }

    #[test]
    fn who_waits_has_a_token_and_who_has_the_place_a_name() {
        assert_eq!(token("export LG_TOKEN=BFNUDRD94M\n").as_deref(), Some("BFNUDRD94M"));
        assert_eq!(user("Place 'twin':\n  acquired: lab/jane\n  acquired resources:\n"), Some("lab/jane"));
        assert_eq!(user("Place 'twin':\n  acquired: None\n"), None);
    }

    #[test]
    fn a_coordinator_that_is_not_there_is_told_apart() {
        let said = "ERROR  root: coordinator is unavailable: failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: \
                    Connection refused\nServer error: Error: Could not connect to coordinator\n";
        assert_eq!(no_coordinator(said).as_deref(), Some("UNKNOWN: ipv4:127.0.0.1:1: Connection refused"));
        assert_eq!(no_coordinator("labgrid-client: Error: place pattern x matches nothing\n"), None);
    }
}
