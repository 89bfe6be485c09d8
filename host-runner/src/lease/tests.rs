//! Leases that are taken, lost, given back and left behind.

use super::*;
use tempfile::TempDir;

fn place() -> (TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::within(folder.path().join("locks"), "tcp:127.0.0.1:5554");
    (folder, place)
}

#[test]
fn one_at_a_time_and_the_other_learns_who_and_how_long() {
    let (_folder, place) = place();
    let (lease, before) = place.take(1000, 1600).unwrap();
    assert_eq!(before, Before::Free);
    let refused = place.take(1060, 1700).unwrap_err();
    let LeaseError::InUse { holder, held: 60, left: 540, .. } = &refused else { panic!("{refused}") };
    assert_eq!(holder.pid, std::process::id());
    assert!(refused.to_string().contains("its time ends in 9 min 00 s"), "{refused}");
    assert!(matches!(place.look(), Ok(Before::InUse(_))));
    drop(lease);
    assert_eq!(place.look(), Ok(Before::Free));
    assert_eq!(place.take(1060, 1700).unwrap().1, Before::Free);
}

#[test]
fn a_runner_that_hangs_loses_its_lease_and_learns_it() {
    let (_folder, place) = place();
    let (hangs, _) = place.take(1000, 1600).unwrap();
    assert_eq!(hangs.renew(), Ok(()));
    let (next, before) = place.take(1601, 2000).unwrap();
    assert!(matches!(before, Before::Abandoned(record) if record.since == 1000));
    assert!(matches!(hangs.renew(), Err(LeaseError::Lost { .. })));
    drop(hangs);
    assert_eq!(next.renew(), Ok(()));
    assert!(matches!(place.look(), Ok(Before::InUse(record)) if record.since == 1601));
}

/// As it is where the runner that hangs is another user's.
#[test]
fn a_runner_that_hangs_and_may_not_be_displaced_is_named_with_what_ends_it() {
    let (_folder, place) = place();
    let (hangs, _) = place.take(1000, 1600).unwrap();
    let denied = |_: &Path| Err(ErrorKind::PermissionDenied.into());
    let told = place.take_with(1660, 2000, denied).unwrap_err().to_string();
    let (user, pid) = (user(), std::process::id());
    let who =
        format!("is held by {user} (process {pid}) since 11 min 00 s, and its time was over 1 min 00 s ago");
    assert!(told.contains(&who) && told.contains(&format!("`kill -KILL {pid}`")), "{told}");
    assert_eq!(hangs.renew(), Ok(()));
}

#[test]
fn what_a_runner_that_died_leaves_behind_is_known() {
    let (_folder, place) = place();
    let (lease, _) = place.take(1000, 1600).unwrap();
    // A process that dies gives up its lock and writes nothing more.
    let Lease { file, .. } = &lease;
    file.unlock().unwrap();
    assert!(matches!(place.look(), Ok(Before::Abandoned(_))));
    assert!(matches!(place.take(1001, 1700).unwrap().1, Before::Abandoned(_)));
}

#[test]
fn a_wedged_phone_stays_marked_until_it_came_back() {
    let (_folder, place) = place();
    let (mut lease, _) = place.take(1000, 1600).unwrap();
    lease.mark(Some("it stopped answering".into()));
    drop(lease);
    let (mut lease, before) = place.take(2000, 2600).unwrap();
    let wedged = State::Wedged("it stopped answering".into());
    assert!(matches!(before, Before::Wedged(record) if record.state == wedged));
    lease.mark(None);
    drop(lease);
    assert_eq!(place.look(), Ok(Before::Free));
}

#[test]
fn what_was_found_stays_as_it_was_where_nothing_better_is_known() {
    let (_folder, place) = place();
    let (mut lease, _) = place.take(1000, 1600).unwrap();
    lease.mark(Some("it stopped answering".into()));
    drop(lease);
    let wedged = place.look().unwrap();
    assert!(matches!(&wedged, Before::Wedged(record) if record.since == 1000));
    drop(place.take(2000, 2600).unwrap());
    assert_eq!(place.look().unwrap(), wedged);
    let (mut lease, _) = place.take(3000, 3600).unwrap();
    lease.mark(Some("it fell silent".into()));
    drop(lease);
    assert!(matches!(place.look(), Ok(Before::Wedged(record)) if record.since == 3000));
}

#[test]
fn of_a_phone_that_is_gone_for_good_nothing_is_left_unless_somebody_holds_it() {
    let (_folder, place) = place();
    place.forget();
    let (mut lease, _) = place.take(1000, 1600).unwrap();
    lease.mark(Some("it stopped answering".into()));
    place.forget();
    assert_eq!(lease.renew(), Ok(()));
    drop(lease);
    assert!(place.record_path().exists());
    place.forget();
    assert!(!place.record_path().exists());
}

/// As it is where the file is another user's.
#[test]
fn a_file_that_stays_says_nothing_of_a_phone_that_was_given_back() {
    let (folder, place) = place();
    let (lease, _) = place.take(1000, 1600).unwrap();
    let stays = folder.path().join("stays");
    fs::hard_link(place.record_path(), &stays).unwrap();
    drop(lease);
    assert_eq!(fs::read(&stays).unwrap(), b"");
    fs::rename(&stays, place.record_path()).unwrap();
    assert_eq!(place.look(), Ok(Before::Free));
}

#[test]
fn a_name_leads_nowhere_else() {
    let (folder, _) = place();
    let place = Place::within(folder.path().join("locks"), "../../etc/passwd");
    let _held = place.take(1, 2).unwrap();
    let names = fs::read_dir(folder.path().join("locks")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.map(|name| name.into_string().unwrap()).any(|name| name.starts_with("______etc_passwd.")));
}

/// Commands may be long, and differ in nothing but their last word, or in a sign.
#[test]
fn what_differs_in_anything_has_files_of_its_own() {
    let (folder, _) = place();
    let long = "hub --port 4 ".repeat(40);
    let keys = [format!("{long}on"), format!("{long}off"), "relay +".into(), "relay =".into()];
    let held: Vec<_> = keys.map(|key| Place::within(folder.path().to_owned(), &key).take(1, 2)).into();
    assert!(held.iter().all(Result::is_ok), "{held:?}");
}

#[test]
fn a_damaged_file_is_as_none() {
    let (_folder, place) = place();
    drop(place.take(1, 2).unwrap());
    fs::write(place.record_path(), "not json").unwrap();
    assert_eq!(place.look(), Ok(Before::Free));
}
