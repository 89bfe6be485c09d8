//! What ends everything that this program has started when it has ended itself, however it did: killed, or told twice to end.
//!
//! The **keeper** is a shell that is told of each group of processes, and waits for the end of the line on which it is told.
//! The system ends that line with this program. Linux' own way, a signal when the parent dies (`PR_SET_PDEATHSIG`), was not
//! taken: it is bound to the thread that started a child, reaches no grandchild, and is set between fork and exec, which
//! needs unsafe code.
//!
//! It also has a folder, which goes when this program does; what lies there to be done is done before that
//! ([`Errand`](super::Errand)). A group that was started and not yet told of is out of its reach: a few microseconds of each start.

use nix::unistd::Pid;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The keeper's program: `kill GROUP` and `spare GROUP` until the end of the input. Its folder is its argument.
const PROGRAM: &str = r#"
trap '' HUP INT QUIT TERM
groups=' '
while read -r order group; do
    case $order in
        kill) groups="$groups$group " ;;
        spare) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
for errand in "$1"/errand.*; do [ -f "$errand" ] && sh "$errand"; done
rm -rf -- "$1"
"#;

/// A keeper that waits.
#[derive(Debug)]
pub(super) struct Keeper {
    shell: Child,
    orders: Option<ChildStdin>,
    folder: PathBuf,
}

impl Keeper {
    /// Starts one, with an empty folder that nobody else can look into.
    pub(super) fn start() -> io::Result<Self> {
        // Short, because the path of a socket in it may have 107 bytes.
        let folder = tempfile::Builder::new().prefix("fk").tempdir()?;
        let mut shell = Command::new("sh");
        shell.args(["-c", PROGRAM, "keeper"]).arg(folder.path());
        // Nobody who reads this program's output is to wait for the keeper, nor anybody to be kept from unmounting.
        shell.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = shell.process_group(0).spawn()?;
        let orders = shell.stdin.take();
        Ok(Self { shell, orders, folder: folder.keep() })
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// This group is to end with this program.
    pub(super) fn kill(&mut self, group: Pid) {
        self.tell("kill", group);
    }

    /// This group has ended.
    pub(super) fn spare(&mut self, group: Pid) {
        self.tell("spare", group);
    }

    fn tell(&mut self, order: &str, group: Pid) {
        // Without a keeper everything goes its way, but for what outlives this program if that is killed.
        let _ = self.orders.as_mut().map(|orders| writeln!(orders, "{order} {group}"));
    }
}

/// What the end of this program does, while that goes on.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn sleeper() -> (Child, Pid) {
        let child = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let group = Pid::from_raw(child.id().cast_signed());
        (child, group)
    }

    #[test]
    fn what_is_left_to_be_done_is_done_at_the_end() {
        let keeper = Keeper::start().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let done = outside.path().join("done");
        let folder = keeper.folder().to_owned();
        let name = format!("{}7", crate::processes::errand::PREFIX);
        std::fs::write(folder.join(name), format!("echo done > {}\n", done.display())).unwrap();
        let other = outside.path().join("other");
        std::fs::write(folder.join("another file"), format!("touch {}\n", other.display())).unwrap();
        assert!(!done.exists());
        drop(keeper);
        assert_eq!(std::fs::read_to_string(done).unwrap(), "done\n");
        assert!(!other.exists() && !folder.exists());
    }

    #[test]
    fn what_was_not_spared_ends_with_the_program_and_the_folder_goes() {
        let mut keeper = Keeper::start().unwrap();
        let folder = keeper.folder().to_owned();
        std::fs::write(folder.join("a file"), "").unwrap();
        let [mut first, mut spared, mut last] = [sleeper(), sleeper(), sleeper()];
        [&first, &spared, &last].into_iter().for_each(|(_, group)| keeper.kill(*group));
        keeper.spare(spared.1);
        drop(keeper);
        assert!(!folder.exists());
        assert_eq!([&mut first, &mut last].map(|(child, _)| child.wait().unwrap().signal()), [Some(9); 2]);
        assert!(spared.0.try_wait().unwrap().is_none());
        spared.0.kill().unwrap();
        spared.0.wait().unwrap();
    }
}
