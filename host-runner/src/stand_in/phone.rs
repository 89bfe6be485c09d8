//! The phone as a whole: in its boot loader, running an image, or gone, and what brings it from one to the next.

use super::boot_loader::BootLoader;
use super::console::{Adapter, Console};
use super::faults::Fault;
use super::inside::{Hears, Inside, Next, Started, Uart};
use crate::boot_image::BootImage;
use crate::lease::Place;
use crate::link::Port;
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often buttons and connections are looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// What a stand-in is to be.
#[derive(Debug)]
pub struct Settings {
    /// What it calls itself.
    pub product: String,
    /// How it misbehaves.
    pub fault: Fault,
    /// Where it listens; port 0 for any that is free.
    pub port: u16,
    /// How its UART is reached.
    pub adapter: Adapter,
    /// What it starts images on.
    pub inside: Box<dyn Inside>,
}

/// What a person at the phone can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// Holds power and volume-down: whatever runs is ended, and the phone is in its boot loader.
    BootLoader,
    /// Takes phone and adapter away for good.
    Unplug,
    /// Cuts the supply: whatever runs is ended, and no other button does anything until it is back.
    PowerOff,
    /// Gives the supply back: the phone comes up in its boot loader.
    PowerOn,
}

/// A phone that is not there. Dropping it takes it away.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    port: Port,
    buttons: Sender<Button>,
    phone: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Switches a stand-in on, in its boot loader.
    ///
    /// # Errors
    ///
    /// When the address is taken, or the system has no pseudo-terminal to give.
    pub fn begin(settings: Settings) -> io::Result<Self> {
        let Settings { product, fault, port, adapter, inside } = settings;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let console = Console::open(adapter)?;
        let port = console.port();
        let (buttons, pressed) = channel();
        let boot_loader = BootLoader { product, serial: serial(address), fault };
        let phone = Phone { address, console: Arc::new(console), boot_loader, inside, pressed };
        // With nobody listening the address stays known, and unused.
        let listener = (fault != Fault::Refused).then_some(listener);
        let phone = Some(thread::spawn(move || phone.live(listener)));
        Ok(Self { address, port, buttons, phone })
    }

    /// Where it listens for fastboot, as `fastboot -s` takes it.
    #[must_use]
    pub fn device(&self) -> String {
        format!("tcp:{}", self.address)
    }

    /// Where it listens for fastboot.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The serial port that its UART is at.
    #[must_use]
    pub const fn port(&self) -> &Port {
        &self.port
    }

    /// What presses its buttons from another thread.
    pub(super) fn buttons(&self) -> Sender<Button> {
        self.buttons.clone()
    }

    /// Presses a button.
    pub fn press(&self, button: Button) {
        // A phone that was unplugged has no buttons any more.
        let _ = self.buttons.send(button);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.press(Button::Unplug);
        if let Some(phone) = self.phone.take() {
            // A phone that panicked is gone as well.
            let _ = phone.join();
        }
        // A mark on it would wait for a phone that never comes back.
        for name in [self.device(), serial(self.address)] {
            Place::of(&name).forget();
        }
    }
}

/// What tells it from others on this machine, by whatever name its address is reached.
fn serial(address: SocketAddr) -> String {
    format!("STANDIN{}", address.port())
}

/// The thread behind a stand-in.
struct Phone {
    address: SocketAddr,
    console: Arc<Console>,
    boot_loader: BootLoader,
    inside: Box<dyn Inside>,
    pressed: Receiver<Button>,
}

/// What a phone is doing.
enum State {
    BootLoader,
    Runs(BootImage),
    Gone,
    /// Without a supply.
    Off,
    Unplugged,
}

impl Phone {
    fn live(mut self, first: Option<TcpListener>) {
        let mut listener = first;
        let mut state = State::BootLoader;
        loop {
            state = match state {
                State::BootLoader if self.boot_loader.fault == Fault::Refused => self.wait_for_button(),
                State::BootLoader => match listener.take().map_or_else(|| self.listen(), Ok) {
                    Ok(listener) => self.offer(&listener),
                    Err(_) => self.wait_for_address(),
                },
                State::Runs(image) => self.run(&image),
                State::Gone => self.wait_for_button(),
                State::Off => self.wait_for_supply(),
                State::Unplugged => return,
            };
        }
    }

    fn listen(&self) -> io::Result<TcpListener> {
        TcpListener::bind(self.address)
    }

    /// While an image ran, the system may have lent the port to a connection of somebody else's.
    fn wait_for_address(&self) -> State {
        match self.pressed.recv_timeout(GLANCE) {
            Ok(Button::Unplug) | Err(RecvTimeoutError::Disconnected) => State::Unplugged,
            Ok(Button::PowerOff) => State::Off,
            Ok(Button::BootLoader | Button::PowerOn) | Err(RecvTimeoutError::Timeout) => State::BootLoader,
        }
    }

    /// Serves `fastboot` until it starts an image.
    fn offer(&self, listener: &TcpListener) -> State {
        if listener.set_nonblocking(true).is_err() {
            return State::Gone;
        }
        loop {
            match self.pressed.try_recv() {
                Ok(Button::Unplug) | Err(TryRecvError::Disconnected) => return State::Unplugged,
                Ok(Button::PowerOff) => return State::Off,
                Ok(Button::BootLoader | Button::PowerOn) | Err(TryRecvError::Empty) => {}
            }
            match listener.accept() {
                Ok((stream, _)) => {
                    // What breaks a connection is the other end's; the boot loader waits for the next one.
                    if stream.set_nonblocking(false).is_ok()
                        && let Ok(Some(image)) = self.boot_loader.serve(stream)
                    {
                        return State::Runs(image);
                    }
                }
                Err(_) => thread::sleep(GLANCE),
            }
        }
    }

    /// Lets an image run until it ends or a button is pressed.
    fn run(&mut self, image: &BootImage) -> State {
        let Started { from_uart, mut to_uart, mut machine } = match self.inside.start(image) {
            Ok(started) => started,
            Err(reason) => {
                self.console.write(format!("boot loader: {reason}\r\n").as_bytes());
                return State::BootLoader;
            }
        };
        let ended = Arc::new(AtomicBool::new(false));
        let relay = {
            let (console, ended) = (Arc::clone(&self.console), Arc::clone(&ended));
            thread::spawn(move || relay(from_uart, &console, &ended))
        };
        let (heard, orders) = channel::<Vec<u8>>();
        let feed = thread::spawn(move || feed(&mut *to_uart, &orders));
        let button = loop {
            match self.pressed.try_recv() {
                // One that runs has its supply.
                Ok(Button::PowerOn) | Err(TryRecvError::Empty) => {}
                Ok(button) => break Some(button),
                Err(TryRecvError::Disconnected) => break Some(Button::Unplug),
            }
            // Acquire: pairs with the Release in `relay`.
            if ended.load(Ordering::Acquire) {
                break None;
            }
            if let Some(bytes) = self.console.read(GLANCE) {
                // A machine that has ended is told by its UART's end.
                let _ = heard.send(bytes);
            }
        };
        let next = match button {
            None => machine.next(),
            Some(_) => Next::BootLoader,
        };
        // Both ends of the line end with the machine.
        drop((machine, heard));
        let _ = (relay.join(), feed.join());
        match (button, next) {
            (Some(Button::Unplug), _) => State::Unplugged,
            (Some(Button::PowerOff), _) => State::Off,
            (_, Next::BootLoader) => State::BootLoader,
            (_, Next::Gone) => State::Gone,
        }
    }

    fn wait_for_button(&self) -> State {
        match self.pressed.recv() {
            Ok(Button::BootLoader) if self.boot_loader.fault == Fault::Refused => State::Gone,
            Ok(Button::BootLoader) => State::BootLoader,
            Ok(Button::PowerOff) => State::Off,
            Ok(Button::PowerOn) => State::Gone,
            Ok(Button::Unplug) | Err(_) => State::Unplugged,
        }
    }

    fn wait_for_supply(&self) -> State {
        match self.pressed.recv() {
            Ok(Button::PowerOn) => State::BootLoader,
            Ok(Button::PowerOff | Button::BootLoader) => State::Off,
            Ok(Button::Unplug) | Err(_) => State::Unplugged,
        }
    }
}

/// Gives the machine what it is to hear. One that does not listen takes nothing after a while, and keeps no button waiting.
fn feed(uart: &mut dyn Hears, orders: &Receiver<Vec<u8>>) {
    for bytes in orders {
        if uart.write_all(&bytes).and_then(|()| uart.flush()).is_err() {
            return;
        }
    }
}

fn relay(mut uart: Box<dyn Uart>, console: &Console, ended: &AtomicBool) {
    let mut buffer = [0; 16 << 10];
    loop {
        match uart.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => console.write(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // Release: pairs with the Acquire in `run`, so that everything the machine said is on the line by then.
    ended.store(true, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::{Machine, Terminal};
    use std::io::Write as _;
    use std::net::TcpStream;
    use std::os::unix::fs::OpenOptionsExt;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    /// A machine that says nothing and hears nothing.
    #[derive(Debug)]
    struct Deaf;

    #[derive(Debug)]
    struct Running {
        _line: UnixStream,
    }

    impl Inside for Deaf {
        fn start(&mut self, _: &BootImage) -> Result<Started, String> {
            let (uart, machine) = UnixStream::pair().map_err(|error| error.to_string())?;
            let from_uart = Box::new(uart.try_clone().map_err(|error| error.to_string())?);
            Ok(Started { from_uart, to_uart: Box::new(uart), machine: Box::new(Running { _line: machine }) })
        }
    }

    impl Machine for Running {
        fn next(&mut self) -> Next {
            Next::Gone
        }
    }

    fn phone(address: SocketAddr, console: Console) -> (Phone, Sender<Button>) {
        let (buttons, pressed) = channel();
        let boot_loader =
            BootLoader { product: "oriole".into(), serial: serial(address), fault: Fault::None };
        (Phone { address, console: Arc::new(console), boot_loader, inside: Box::new(Deaf), pressed }, buttons)
    }

    #[test]
    fn an_address_that_somebody_else_has_for_a_while_is_waited_for() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = other.local_addr().unwrap();
        let (phone, buttons) = phone(address, Console::open(Adapter::Here).unwrap());
        assert!(phone.listen().is_err());
        assert!(matches!(phone.wait_for_address(), State::BootLoader));
        let phone = thread::spawn(move || phone.live(None));
        drop(other);
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < until, "nobody listens again");
            thread::sleep(GLANCE);
        }
        buttons.send(Button::Unplug).unwrap();
        phone.join().unwrap();
    }

    #[test]
    fn without_a_supply_nothing_runs_and_no_button_helps() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mut phone, buttons) = phone(address, Console::open(Adapter::OverTcp).unwrap());
        let image = BootImage { command_line: String::new(), kernel: Vec::new() };
        buttons.send(Button::PowerOn).unwrap();
        buttons.send(Button::PowerOff).unwrap();
        assert!(matches!(phone.run(&image), State::Off), "it is on, and then off");
        buttons.send(Button::BootLoader).unwrap();
        assert!(matches!(phone.wait_for_supply(), State::Off));
        buttons.send(Button::PowerOn).unwrap();
        assert!(matches!(phone.wait_for_supply(), State::BootLoader));
        buttons.send(Button::PowerOff).unwrap();
        let listener = TcpListener::bind(address).unwrap();
        assert!(matches!(phone.offer(&listener), State::Off));
    }

    #[test]
    fn a_machine_that_hears_nothing_keeps_no_button_waiting() {
        let terminal = Terminal::open().unwrap();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
        let mut desk = options.open(terminal.path()).unwrap();
        let (mut phone, buttons) = phone(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Console::Here(terminal));
        let (over, ended) = channel();
        thread::spawn(move || {
            let image = BootImage { command_line: String::new(), kernel: Vec::new() };
            let _ = over.send(matches!(phone.run(&image), State::Unplugged));
        });
        // More than any buffer between here and the machine holds.
        let (mut left, until) = (1_000_000_usize, Instant::now() + Duration::from_secs(20));
        while left > 0 && Instant::now() < until {
            match desk.write(&[7; 1000]) {
                Ok(written) => left = left.saturating_sub(written),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        buttons.send(Button::Unplug).unwrap();
        assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(true));
    }
}
