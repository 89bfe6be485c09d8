//! The structural check: every token of the blob, once, before any is believed.

#![deny(clippy::arithmetic_side_effects)]

use super::{
    bytes::until_zero,
    error::{ErrorKind, TreeError},
    header::Header,
    token::{Cursor, Token},
};

/// How many nodes may lie inside one another, the root included.
pub const MAX_DEPTH: usize = 64;

/// How many steps the check may take for each byte of the blob. A step is a token, or a byte of a name.
pub const STEPS_PER_BYTE: u64 = 64;

/// What the check found out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    /// Where the root starts.
    pub(super) root: usize,
    pub(super) steps: u64,
}

/// Checks the structure block that `header` tells of.
pub(super) fn check(blob: &[u8], header: &Header) -> Result<Checked, TreeError> {
    let bytes = blob.get(..header.structure.end).unwrap_or_default();
    let strings = blob.get(header.strings.clone()).unwrap_or_default();
    let budget = STEPS_PER_BYTE.saturating_mul(blob.len() as u64);
    let mut check = Check { strings, open: 0, root: None, in_properties: false, budget, steps: 0 };
    let mut cursor = Cursor::new(bytes, header.structure.start);
    loop {
        let offset = cursor.offset();
        let token = cursor.token()?;
        check.take(token, offset).map_err(|kind| TreeError { offset, kind })?;
        if let Token::End = token {
            if header.tells_structure_size && !cursor.is_at_end() {
                return Err(TreeError { offset: cursor.offset(), kind: ErrorKind::TokensBehindEnd });
            }
            return Ok(Checked { root: check.root.unwrap_or_default(), steps: check.steps });
        }
    }
}

struct Check<'a> {
    strings: &'a [u8],
    /// How many nodes have started and not ended.
    open: usize,
    root: Option<usize>,
    /// Whether a property may come: a node has started, and neither it nor a child of it has ended.
    in_properties: bool,
    budget: u64,
    steps: u64,
}

impl Check<'_> {
    fn take(&mut self, token: Token<'_>, offset: usize) -> Result<(), ErrorKind> {
        self.spend(1)?;
        match token {
            Token::BeginNode { name } => self.begin_node(name, offset),
            Token::EndNode => self.end_node(),
            Token::Property { name, .. } => self.property(name),
            Token::End if self.open > 0 => Err(ErrorKind::EndInsideNode { open: self.open }),
            Token::End if self.root.is_none() => Err(ErrorKind::NoRoot),
            Token::Nop | Token::End => Ok(()),
        }
    }

    fn spend(&mut self, steps: usize) -> Result<(), ErrorKind> {
        self.steps = self.steps.saturating_add(steps as u64);
        if self.steps > self.budget {
            return Err(ErrorKind::TooManySteps { budget: self.budget });
        }
        Ok(())
    }

    fn begin_node(&mut self, name: &[u8], offset: usize) -> Result<(), ErrorKind> {
        self.spend(name.len())?;
        let is_root = self.open == 0;
        if is_root && self.root.is_some() {
            return Err(ErrorKind::SecondRoot);
        }
        if is_root && !name.is_empty() {
            return Err(ErrorKind::NamedRoot);
        }
        if !is_root && name.is_empty() {
            return Err(ErrorKind::EmptyNodeName);
        }
        str::from_utf8(name).map_err(|_| ErrorKind::NodeNameNotText)?;
        if self.open >= MAX_DEPTH {
            return Err(ErrorKind::TooDeep { limit: MAX_DEPTH });
        }
        self.open = self.open.saturating_add(1);
        self.root.get_or_insert(offset);
        self.in_properties = true;
        Ok(())
    }

    fn end_node(&mut self) -> Result<(), ErrorKind> {
        self.open = self.open.checked_sub(1).ok_or(ErrorKind::EndNodeOutsideNode)?;
        self.in_properties = false;
        Ok(())
    }

    fn property(&mut self, name: u32) -> Result<(), ErrorKind> {
        if self.open == 0 {
            return Err(ErrorKind::PropertyOutsideNode);
        }
        if !self.in_properties {
            return Err(ErrorKind::PropertyAfterChild);
        }
        let rest = self.strings.get(name as usize..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or(ErrorKind::PropertyNameOutsideStrings { name })?;
        let text = until_zero(rest).ok_or(ErrorKind::PropertyNameUnterminated { name })?;
        self.spend(text.len())?;
        str::from_utf8(text).map_err(|_| ErrorKind::PropertyNameNotText { name })?;
        Ok(())
    }
}
