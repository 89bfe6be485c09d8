//! The Pixel 6's twin: the phone's image on QEMU, under the monitor of the `twin` package.
//!
//! The twin's RAM is a file in memory that this program holds. It puts the image and the device tree there as the
//! phone's boot loader does; the monitor leaves its record there, which can be read however the machine ended; and
//! what the image left there is still there when the machine is started again, as on the phone.
//!
//! - [`tree`]: the device tree, with what the boot loader adds. [`phone`]: what that is.
//! - [`monitor`]: building the monitor. [`ram`]: the RAM. [`machine`]: starting it all.
//! - [`account`]: what the monitor saw, for people.

pub mod account;
pub mod machine;
pub mod monitor;
pub mod phone;
pub mod ram;
pub mod tree;

pub use account::{Account, Stray};
pub use machine::Twin;
pub use phone::Shape;
