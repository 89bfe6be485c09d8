//! One phone, one user: a lock with a name on it, a time until which it holds, and a mark for a phone that was left unwell.
//!
//! A **lease** is a file that its holder keeps locked. The system takes the lock away when the holder dies, so no lease
//! outlives its runner; the file then still says **who** held it, and the next one knows that nobody has cleaned up
//! ([`Before::Abandoned`]). A holder that hangs loses the lease when its time is over: the next one puts a new file in the
//! place of the old, and the old holder finds out before it touches the phone again ([`Lease::renew`]). A **wedged** phone is
//! one that its last user could not bring back; the mark stays until somebody could.
//!
//! All of that is decided under a second lock, which nobody holds for longer than it takes to read and write a line.

mod error;
mod record;
#[cfg(test)]
mod tests;

pub use error::LeaseError;
pub(crate) use record::user;
pub use record::{Before, Record, State};

use record::{before, open, read, write};
use sha2::{Digest, Sha256};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many characters of what a file is about its name begins with; the rest of the name is a digest of all of it.
const READABLE: usize = 100;

/// The right to use a phone. Dropping it gives the phone back.
#[derive(Debug)]
pub struct Lease {
    place: Place,
    file: File,
    record: Record,
    /// What its last user left behind, as long as this one knows nothing better.
    found: Option<Record>,
}

/// Where the files about one phone lie.
#[derive(Clone, Debug)]
pub struct Place {
    key: String,
    folder: PathBuf,
    board: String,
}

impl Place {
    /// The files about the phone called `key`, in the folder that all users of this machine share.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self::within(shared_folder(), key)
    }

    /// The same in another folder.
    #[must_use]
    pub fn within(folder: PathBuf, key: &str) -> Self {
        Self { key: key.to_owned(), folder, board: String::new() }
    }

    /// The same, of a phone that is used as `board`.
    #[must_use]
    pub fn as_board(self, board: &str) -> Self {
        Self { board: board.to_owned(), ..self }
    }

    /// How the phone is, without touching it.
    ///
    /// # Errors
    ///
    /// When the files cannot be read.
    pub fn look(&self) -> Result<Before, LeaseError> {
        let unusable = |error: io::Error| self.unusable(&error);
        if !self.record_path().exists() {
            return Ok(Before::Free);
        }
        let _guard = self.guard().map_err(unusable)?;
        let mut file = open(&self.record_path()).map_err(unusable)?;
        let record = read(&mut file);
        match file.try_lock() {
            Ok(()) => {
                let _ = file.unlock();
                Ok(record.map_or(Before::Free, before))
            }
            Err(TryLockError::WouldBlock) => Ok(record.map_or(Before::Free, Before::InUse)),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Makes sure that nobody uses the phone.
    ///
    /// # Errors
    ///
    /// When somebody does, or the files cannot be read.
    pub fn is_free(&self, now: u64) -> Result<(), LeaseError> {
        match self.look()? {
            Before::InUse(holder) if holder.until >= now => Err(self.in_use_by(holder, now)),
            _ => Ok(()),
        }
    }

    /// Makes sure that no phone is used as this one's board but by who has the leases in `own`.
    ///
    /// # Errors
    ///
    /// When one is, or the files cannot be read.
    pub fn is_only(&self, own: &[Lease], now: u64) -> Result<(), LeaseError> {
        let unusable = |error: io::Error| self.unusable(&error);
        let _guard = self.guard().map_err(unusable)?;
        for entry in fs::read_dir(&self.folder).map_err(unusable)?.flatten() {
            let path = entry.path();
            if own.iter().any(|lease| lease.place.record_path() == path) {
                continue;
            }
            let Ok(mut file) = File::open(&path) else { continue };
            let is_locked = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            if !is_locked {
                let _ = file.unlock();
            }
            let holder = read(&mut file).filter(|holder| is_locked && holder.until >= now);
            if let Some(holder) = holder.filter(|holder| holder.board == self.board) {
                return Err(self.in_use_by(holder, now));
            }
        }
        Ok(())
    }

    /// Takes the phone until `until` at most, both in seconds since 1970, and says how it was.
    ///
    /// # Errors
    ///
    /// When somebody else has it, or the files cannot be written.
    pub fn take(&self, now: u64, until: u64) -> Result<(Lease, Before), LeaseError> {
        self.take_with(now, until, |path| fs::remove_file(path))
    }

    /// The same; `remove` takes a file away, as far as its folder lets this user.
    fn take_with(
        &self,
        now: u64,
        until: u64,
        remove: impl Fn(&Path) -> io::Result<()>,
    ) -> Result<(Lease, Before), LeaseError> {
        let unusable = |error: io::Error| self.unusable(&error);
        let _guard = self.guard().map_err(unusable)?;
        let mut file = open(&self.record_path()).map_err(unusable)?;
        let last = read(&mut file);
        let before = match file.try_lock() {
            Ok(()) => last.map_or(Before::Free, before),
            Err(TryLockError::WouldBlock) => {
                let holder = last.filter(|holder| holder.until < now).ok_or_else(|| self.in_use(now))?;
                // The old file stays locked by a runner that hangs; it belongs to no phone any more.
                remove(&self.record_path()).map_err(|error| self.not_displaced(&error, &holder, now))?;
                file = open(&self.record_path()).map_err(unusable)?;
                file.try_lock().map_err(|_| self.in_use(now))?;
                Before::Abandoned(holder)
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        };
        let (pid, board) = (std::process::id(), self.board.clone());
        let record = Record { user: user(), pid, since: now, until, state: State::Held, board };
        write(&mut file, &record).map_err(unusable)?;
        let found = match &before {
            Before::Wedged(record) | Before::Abandoned(record) => Some(record.clone()),
            Before::Free | Before::InUse(_) => None,
        };
        Ok((Lease { place: self.clone(), file, record, found }, before))
    }

    /// Leaves nothing behind of a phone that is gone for good, unless somebody holds it still.
    pub fn forget(&self) {
        if self.record_path().exists()
            && let Ok(_guard) = self.guard()
            && let Ok(file) = open(&self.record_path())
            && file.try_lock().is_ok()
        {
            // Another user's file stays.
            let _ = fs::remove_file(self.record_path());
            let _ = file.unlock();
        }
    }

    fn record_path(&self) -> PathBuf {
        // A serial number, an address or a command: nothing in it may lead out of the folder, nor be too long for a name.
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let readable: String = self.key.chars().map(plain).take(READABLE).collect();
        let digest = Sha256::digest(&self.key);
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{readable}.{digest}"))
    }

    /// Keeps everybody else from deciding anything; given back when dropped.
    fn guard(&self) -> io::Result<File> {
        if !self.folder.is_dir() {
            // Every user of the machine may have a phone here, and only take away what is theirs.
            fs::DirBuilder::new().recursive(true).mode(0o1777).create(&self.folder)?;
            fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o1777))?;
        }
        let guard = open(&self.folder.join(".guard"))?;
        guard.lock()?;
        Ok(guard)
    }

    fn in_use(&self, now: u64) -> LeaseError {
        let holder = open(&self.record_path()).ok().and_then(|mut file| read(&mut file));
        let unknown = || Record {
            user: "somebody".into(),
            pid: 0,
            since: now,
            until: now,
            state: State::Held,
            board: String::new(),
        };
        self.in_use_by(holder.unwrap_or_else(unknown), now)
    }

    fn in_use_by(&self, holder: Record, now: u64) -> LeaseError {
        let (held, left) = (now.saturating_sub(holder.since), holder.until.saturating_sub(now));
        LeaseError::InUse { key: self.key.clone(), holder: Box::new(holder), held, left }
    }

    /// In a folder that everybody may write to, only its owner and root may take a file away.
    fn not_displaced(&self, error: &io::Error, holder: &Record, now: u64) -> LeaseError {
        if error.kind() != ErrorKind::PermissionDenied {
            return self.unusable(error);
        }
        let (held, over) = (now.saturating_sub(holder.since), now.saturating_sub(holder.until));
        LeaseError::Hangs { key: self.key.clone(), holder: Box::new(holder.clone()), held, over }
    }

    fn unusable(&self, error: &io::Error) -> LeaseError {
        LeaseError::Unusable { key: self.key.clone(), path: self.record_path(), reason: error.to_string() }
    }
}

impl Lease {
    /// What it is on.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.place.key
    }

    /// Makes sure that the phone is still this runner's, before it is touched again.
    ///
    /// # Errors
    ///
    /// When the time was over and another one has taken it.
    pub fn renew(&self) -> Result<(), LeaseError> {
        let file = |data: fs::Metadata| (data.dev(), data.ino());
        match (self.file.metadata().map(file), fs::metadata(self.place.record_path()).map(file)) {
            (Ok(ours), Ok(there)) if ours == there => Ok(()),
            _ => Err(LeaseError::Lost { key: self.place.key.clone() }),
        }
    }

    /// Marks the phone as one that could not be brought back, or takes the mark away. Without either, what was found is left
    /// as it was.
    pub fn mark(&mut self, wedged: Option<String>) {
        self.found = None;
        self.record.state = wedged.map_or(State::Held, State::Wedged);
        // What cannot be written is still found out by the next runner, which only has to wait longer for it.
        let _ = write(&mut self.file, &self.record);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // One that was lost is another's.
        if let (Ok(_guard), Ok(())) = (self.place.guard(), self.renew()) {
            match (&self.found, &self.record.state) {
                (Some(found), _) => {
                    let _ = write(&mut self.file, found);
                }
                (None, State::Wedged(_)) => {}
                // No file is what a phone has of which nothing bad is known.
                (None, State::Held) => {
                    // Another user who left a mark on it owns the file: it stays, and says nothing.
                    let _ = self.file.set_len(0);
                    let _ = fs::remove_file(self.place.record_path());
                }
            }
        }
        // Closing is not enough, here and elsewhere: a process that is just being started may hold the same open file for a moment.
        let _ = self.file.unlock();
    }
}

/// The folder that all users of this machine share.
#[must_use]
pub fn shared_folder() -> PathBuf {
    let shared = Path::new("/run/lock");
    let folder = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    folder.join("framekeeper")
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
