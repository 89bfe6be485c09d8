//! All suites as one image.

#![no_std]
#![no_main]

use firmware as _;

#[embedded_test::tests]
mod boot {
    #[test]
    fn it_boots() {
        defmt::info!("hello");
    }

    #[test]
    fn it_fails() -> Result<(), &'static str> {
        Err("no")
    }
}
