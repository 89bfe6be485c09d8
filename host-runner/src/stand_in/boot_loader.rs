//! What a phone's boot loader does for one `fastboot` program: answers questions, takes an image, starts it.

use super::faults::Fault;
use super::packets::{GREETING, Packets};
use crate::boot_image::BootImage;
use std::io::{ErrorKind, Read, Result};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What a Pixel 6 says that it takes at most.
const MAX_DOWNLOAD: u64 = 0xf90_0000;

/// What the stand-in says with [`Fault::Tiny`].
const TINY_DOWNLOAD: u64 = 0x1000;

/// How long a connection may be silent: longer than a runner waits for an answer, for it is not to be told of a fault by
/// the end of the connection. The program at the other end may have been stopped.
const SILENCE: Duration = Duration::from_secs(60);

/// A phone's boot loader, as far as `fastboot boot` needs one.
#[derive(Clone, Debug)]
pub(super) struct BootLoader {
    /// What it calls itself.
    pub(super) product: String,
    /// The serial number that it tells.
    pub(super) serial: String,
    /// How it misbehaves.
    pub(super) fault: Fault,
}

impl BootLoader {
    /// Serves one connection; the image, if one was started by it.
    pub(super) fn serve(&self, stream: TcpStream) -> Result<Option<BootImage>> {
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        let greeting = match self.fault {
            Fault::Greeting => *b"SSH-",
            Fault::Version => *b"FB00",
            _ => GREETING,
        };
        let mut packets = Packets::begin(stream, greeting)?;
        let mut downloaded = Vec::new();
        while let Some(command) = packets.command()? {
            if let Some(name) = command.strip_prefix("getvar:") {
                if self.fault == Fault::StallAtQuestion {
                    return stall(&mut packets);
                }
                packets.answer(&self.variable(name))?;
            } else if let Some(size) = command.strip_prefix("download:") {
                match self.download(&mut packets, size)? {
                    Some(data) => downloaded = data,
                    None => return Ok(None),
                }
            } else if command == "boot" {
                if let Some(image) = self.boot(&mut packets, &downloaded)? {
                    return Ok(Some(image));
                }
            } else {
                packets.answer("FAILunknown command")?;
            }
        }
        Ok(None)
    }

    fn max_download(&self) -> u64 {
        if self.fault == Fault::Tiny { TINY_DOWNLOAD } else { MAX_DOWNLOAD }
    }

    fn variable(&self, name: &str) -> String {
        let value = match name {
            "product" if self.fault == Fault::Product => "redfin".to_owned(),
            "product" => self.product.clone(),
            "serialno" if self.fault != Fault::Nameless => self.serial.clone(),
            "version" => "0.4".to_owned(),
            "version-bootloader" => "stand-in".to_owned(),
            "unlocked" => if self.fault == Fault::Locked { "no" } else { "yes" }.to_owned(),
            "is-userspace" => if self.fault == Fault::Userspace { "yes" } else { "no" }.to_owned(),
            "max-download-size" => format!("{:#x}", self.max_download()),
            _ => return "FAILunknown variable".to_owned(),
        };
        format!("OKAY{value}")
    }

    /// Takes the data; none if the connection is to end.
    fn download(&self, packets: &mut Packets<TcpStream>, size: &str) -> Result<Option<Vec<u8>>> {
        let size = u64::from_str_radix(size, 16).unwrap_or(u64::MAX);
        if self.fault == Fault::Download || size > self.max_download() {
            packets.answer("FAILdata too large")?;
            return Ok(Some(Vec::new()));
        }
        packets.answer(&format!("DATA{size:08x}"))?;
        if self.fault == Fault::ClosedMidData {
            std::io::copy(&mut packets.stream().take(size / 2), &mut std::io::sink())?;
            packets.stream().shutdown(Shutdown::Both)?;
            return Ok(None);
        }
        let data = packets.data(size)?;
        packets.answer("OKAY")?;
        Ok(Some(data))
    }

    fn boot(&self, packets: &mut Packets<TcpStream>, downloaded: &[u8]) -> Result<Option<BootImage>> {
        match self.fault {
            Fault::Locked | Fault::LockedAtBoot => {
                packets.answer("FAILFastboot boot command is not allowed in locked state")?;
                return Ok(None);
            }
            Fault::ClosedBeforeOkay => {
                packets.stream().shutdown(Shutdown::Both)?;
                return Ok(None);
            }
            Fault::StallAtBoot => return stall(packets),
            _ => {}
        }
        match BootImage::read(downloaded) {
            Ok(image) => {
                packets.answer("INFObooting")?;
                packets.answer("OKAY")?;
                Ok(Some(image))
            }
            Err(error) => {
                packets.answer(&format!("FAILinvalid boot image: {error}"))?;
                Ok(None)
            }
        }
    }
}

/// Says nothing until the other end has gone.
fn stall(packets: &mut Packets<TcpStream>) -> Result<Option<BootImage>> {
    loop {
        match packets.stream().read(&mut [0; 64]) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
