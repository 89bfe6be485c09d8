//! What can go wrong between a `fastboot` program and a phone, to be asked for by name.

use clap::ValueEnum;

/// How the stand-in misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Nobody listens.
    Refused,
    /// It greets as something else does.
    Greeting,
    /// It greets with a version of the protocol that there is not.
    Version,
    /// It starts nothing, and says so when it is asked.
    Locked,
    /// It says that it is unlocked and refuses to boot nevertheless.
    LockedAtBoot,
    /// It calls itself another phone.
    Product,
    /// It tells no serial number.
    Nameless,
    /// It is in fastbootd.
    Userspace,
    /// It takes only tiny images, and says so.
    Tiny,
    /// It refuses the image before it is sent.
    Download,
    /// It goes away in the middle of the image.
    ClosedMidData,
    /// It takes the image and goes away without a word.
    ClosedBeforeOkay,
    /// It falls silent when it is asked what it is.
    StallAtQuestion,
    /// It takes the image and falls silent.
    StallAtBoot,
}
