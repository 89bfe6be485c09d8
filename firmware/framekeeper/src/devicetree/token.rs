//! The structure block, token by token (Devicetree Specification 0.4 §5.4).
//!
//! Both the check and the readers use this one cursor, so they cannot disagree. Every token that is read moves it on
//! by at least four bytes: whatever loops over it ends.

#![deny(clippy::arithmetic_side_effects)]

use super::{
    bytes::{u32_at, until_zero},
    error::{ErrorKind, TreeError},
};

/// A token and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'a> {
    BeginNode { name: &'a [u8] },
    EndNode,
    Property { name: u32, value: &'a [u8] },
    Nop,
    End,
}

/// A place in the structure block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    /// The blob from its first byte to the end of the structure block: what is behind cannot be read.
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// Where in the blob the next token starts.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Whether nothing is left of the block.
    pub(super) fn is_at_end(&self) -> bool {
        self.offset >= self.bytes.len()
    }

    /// The next token. After an error the cursor is where it was.
    pub(super) fn token(&mut self) -> Result<Token<'a>, TreeError> {
        let offset = self.offset;
        // What was last read is padded to a multiple of four, which can reach beyond the block.
        let error = |kind| TreeError { offset: offset.min(self.bytes.len()), kind };
        let found = u32_at(self.bytes, offset).ok_or(error(ErrorKind::MissingEnd))?;
        // Saturating here and below: an offset that does not exist is not in the block either.
        let body = offset.saturating_add(4);
        let (token, next) = match found {
            1 => self.begin_node(body).ok_or(error(ErrorKind::NodeNameUnterminated))?,
            2 => (Token::EndNode, body),
            3 => self.property(body).map_err(error)?,
            4 => (Token::Nop, body),
            9 => (Token::End, body),
            found => return Err(error(ErrorKind::UnknownToken { found })),
        };
        self.offset = next;
        Ok(token)
    }

    fn begin_node(&self, body: usize) -> Option<(Token<'a>, usize)> {
        let name = until_zero(self.bytes.get(body..)?)?;
        let end = body.saturating_add(name.len()).saturating_add(1);
        Some((Token::BeginNode { name }, end.checked_next_multiple_of(4)?))
    }

    fn property(&self, body: usize) -> Result<(Token<'a>, usize), ErrorKind> {
        let length = u32_at(self.bytes, body).ok_or(ErrorKind::MissingEnd)?;
        let name = u32_at(self.bytes, body.saturating_add(4)).ok_or(ErrorKind::MissingEnd)?;
        let start = body.saturating_add(8);
        let end = start.saturating_add(length as usize);
        let value = self.bytes.get(start..end).ok_or(ErrorKind::PropertyOutsideBlock { length })?;
        let next = end.checked_next_multiple_of(4).ok_or(ErrorKind::PropertyOutsideBlock { length })?;
        Ok((Token::Property { name, value }, next))
    }
}
