//! What a file about a phone says, and how it is opened by users who share it.

use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What is written into the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The user's name.
    pub user: String,
    /// The runner's process.
    pub pid: u32,
    /// When the lease began, in seconds since 1970.
    pub since: u64,
    /// When it ends at the latest.
    pub until: u64,
    /// How the phone was left.
    pub state: State,
    /// As which board it is used; empty where that is not known.
    #[serde(default)]
    pub board: String,
}

/// How a phone is, by the file about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Somebody uses it, or did and died.
    Held,
    /// It could not be brought back: why.
    Wedged(String),
}

/// What is known of a phone before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing bad.
    Free,
    /// Its last user could not bring it back.
    Wedged(Record),
    /// Its last user died, or hung until the time was over.
    Abandoned(Record),
    /// Somebody uses it now.
    InUse(Record),
}

/// What a file that nobody has locked says of its phone.
pub(super) fn before(record: Record) -> Before {
    match record.state {
        State::Held => Before::Abandoned(record),
        State::Wedged(_) => Before::Wedged(record),
    }
}

/// Opens what is there, or makes it. In this order: in a folder that everybody may write to, Linux refuses to open
/// another user's file for creation (`fs.protected_regular`).
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => return opened,
    }
    let file = options.create(true).mode(0o666).open(path)?;
    // The user's mask does not know that the file is shared.
    file.set_permissions(fs::Permissions::from_mode(0o666))?;
    Ok(file)
}

pub(super) fn read(file: &mut File) -> Option<Record> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    serde_json::from_str(&text).ok()
}

pub(super) fn write(file: &mut File, record: &Record) -> io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(serde_json::to_string(record)?.as_bytes())
}

/// This user's name.
pub(crate) fn user() -> String {
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("user {uid}"), |user| user.name)
}
