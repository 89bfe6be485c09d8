//! Reading a piece of a board's memory as far as there is any.

use super::{Client, GdbError};
use crate::dump::{Dump, Region};
use wire::ram::host::Memory;

/// What is mapped, or not, as a whole.
const PAGE: u64 = 4096;

impl Client {
    /// Reads `region` page by page, up to the first page that the server refuses.
    ///
    /// # Errors
    ///
    /// When the server is of no use any more.
    pub fn dump(&mut self, region: Region) -> Result<Dump, GdbError> {
        let mut dump = Dump { region, bytes: Vec::new(), missing: None };
        let (mut address, mut left) = (region.start, region.length());
        while left > 0 {
            let length = left.min(PAGE - address % PAGE);
            match self.read(address, length as usize) {
                Ok(bytes) => dump.bytes.extend(bytes),
                Err(error @ GdbError::Refused { .. }) => {
                    dump.missing = Some(error.to_string());
                    break;
                }
                Err(error) => return Err(error),
            }
            // A region that ends with the last address leaves nothing to read there.
            (address, left) = (address.wrapping_add(length), left - length);
        }
        Ok(dump)
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::Server;
    use super::*;

    /// The server's memory is the page from 0x1000 on.
    fn dump(text: &str) -> Dump {
        let mut client = Server::new().client();
        client.write(0x1000, &[7; 0x1000]).unwrap();
        client.dump(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_dump_ends_where_memory_does() {
        let whole = dump("0x1010+0xff0");
        assert_eq!((whole.bytes.len(), whole.missing), (0xff0, None));
        let cut = dump("0x1ff0+0x1000");
        assert_eq!(cut.bytes, [7; 16]);
        assert!(cut.missing.unwrap().contains("refuses `m2000,"), "of a page that is not there");
        let none = dump("0xfff+0x10");
        assert!(none.bytes.is_empty() && none.missing.is_some(), "{none:?}");
        assert!(dump("0xfffffffffffffff0+0x10").missing.is_some());
    }
}
