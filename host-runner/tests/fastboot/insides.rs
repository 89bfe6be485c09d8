//! Machines to put inside the stand-in: one that sends back what it hears, and QEMU's generic one.

use host_runner::boot_image::BootImage;
use host_runner::stand_in::{Inside, Machine, Next, Started};
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use tempfile::TempDir;

/// The images that were started, in turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Starts(Arc<Mutex<Vec<BootImage>>>);

impl Starts {
    pub(crate) fn take(&self) -> Vec<BootImage> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Says `up` and sends back what it hears; `off` ends it, and `leave` ends it for the boot loader.
#[derive(Debug)]
pub(crate) struct Echo {
    starts: Starts,
}

#[derive(Debug)]
struct Running {
    line: UnixStream,
    next: Arc<Mutex<Next>>,
}

impl Echo {
    pub(crate) fn new() -> (Self, Starts) {
        let starts = Starts::default();
        (Self { starts: starts.clone() }, starts)
    }
}

impl Inside for Echo {
    fn start(&mut self, image: &BootImage) -> Result<Started, String> {
        self.starts.0.lock().unwrap().push(image.clone());
        let (mut inner, outer) = UnixStream::pair().unwrap();
        let next = Arc::new(Mutex::new(Next::Gone));
        let chosen = Arc::clone(&next);
        thread::spawn(move || {
            inner.write_all(b"up\n").unwrap();
            let mut buffer = [0; 64];
            while let Ok(length @ 1..) = std::io::Read::read(&mut inner, &mut buffer) {
                match &buffer[..length] {
                    b"off" => return,
                    b"leave" => return *chosen.lock().unwrap() = Next::BootLoader,
                    heard => inner.write_all(heard).unwrap(),
                }
            }
        });
        Ok(Started {
            from_uart: Box::new(outer.try_clone().unwrap()),
            to_uart: Box::new(outer.try_clone().unwrap()),
            machine: Box::new(Running { line: outer, next }),
        })
    }
}

impl Machine for Running {
    fn next(&mut self) -> Next {
        *self.next.lock().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.line.shutdown(Shutdown::Both);
    }
}

/// QEMU's `virt`, started with the kernel of the boot image.
#[derive(Debug)]
pub(crate) struct Virt;

#[derive(Debug)]
struct VirtRunning {
    qemu: Child,
    _folder: TempDir,
}

impl Inside for Virt {
    fn start(&mut self, image: &BootImage) -> Result<Started, String> {
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("Image");
        std::fs::write(&kernel, &image.kernel).unwrap();
        let mut qemu = Command::new("qemu-system-aarch64")
            .args(["-machine", "virt,gic-version=3", "-cpu", "cortex-a72", "-m", "512M", "-nodefaults"])
            .args(["-display", "none", "-monitor", "none", "-chardev", "stdio,id=line,signal=off"])
            .args(["-serial", "chardev:line", "-kernel"])
            .arg(kernel)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        Ok(Started {
            from_uart: Box::new(qemu.stdout.take().unwrap()),
            to_uart: Box::new(qemu.stdin.take().unwrap()),
            machine: Box::new(VirtRunning { qemu, _folder: folder }),
        })
    }
}

impl Machine for VirtRunning {
    fn next(&mut self) -> Next {
        Next::BootLoader
    }
}

impl Drop for VirtRunning {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
