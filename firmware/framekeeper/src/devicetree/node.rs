//! Nodes, and the ways from one to the next.

#![deny(clippy::arithmetic_side_effects)]

use super::{
    check::MAX_DEPTH,
    meaning::{MeaningError, MeaningErrorKind},
    property::{Cells, Property, Reg},
    token::{Cursor, Token},
    tree::Tree,
};

/// A node of a checked tree.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    tree: Tree<'a>,
    name: &'a str,
    offset: usize,
    depth: usize,
    /// What the parent says about `reg`.
    cells: Cells,
}

impl<'a> Node<'a> {
    pub(super) fn root(tree: Tree<'a>, offset: usize) -> Self {
        Self { tree, name: "", offset, depth: 0, cells: Cells::default() }
    }

    /// Its name with the unit address; that of the root is empty.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Its name without the unit address.
    #[must_use]
    pub fn base_name(&self) -> &'a str {
        self.name.split_once('@').map_or(self.name, |(base, _)| base)
    }

    /// What stands behind the `@`.
    #[must_use]
    pub fn unit_address(&self) -> Option<&'a str> {
        self.name.split_once('@').map(|(_, address)| address)
    }

    /// How many nodes it lies in: 0 for the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Where in the blob its first token stands.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Its properties.
    #[must_use]
    pub fn properties(&self) -> Properties<'a> {
        let mut cursor = self.tree.cursor(self.offset);
        // The check saw that a node starts here; if not, there are no properties.
        let _begin = cursor.token();
        Properties { tree: self.tree, cursor }
    }

    /// Its first property of this name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<Property<'a>> {
        self.properties().find(|property| property.is_called(name))
    }

    /// The string in a property; `None` also if it is not one string.
    #[must_use]
    pub fn text(&self, property: &str) -> Option<&'a str> {
        self.property(property)?.text()
    }

    /// Its children.
    #[must_use]
    pub fn children(&self) -> Children<'a> {
        let mut cells = Cells::default();
        let mut properties = self.properties();
        for property in &mut properties {
            cells.see(&property);
        }
        Children { tree: self.tree, cursor: properties.cursor, depth: self.depth.saturating_add(1), cells }
    }

    /// Its first child called `name`; without a unit address in `name`, any unit address will do.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<Self> {
        let has_address = name.contains('@');
        self.children().find(|child| name == if has_address { child.name() } else { child.base_name() })
    }

    /// Whether `compatible` has `name` in it.
    #[must_use]
    pub fn is_compatible(&self, name: &str) -> bool {
        self.property("compatible").is_some_and(|names| names.strings().any(|found| found == name))
    }

    /// Whether the node is there for us: `status` is absent, `okay` or `ok`.
    ///
    /// # Errors
    ///
    /// `status` is not a string. Nobody can tell what was meant, and a reservation is nothing to guess about.
    pub fn is_enabled(&self) -> Result<bool, MeaningError<'a>> {
        let Some(status) = self.property("status") else {
            return Ok(true);
        };
        let kind = MeaningErrorKind::BadProperty { property: "status" };
        let text = status.text().ok_or(MeaningError { node: self.name, offset: status.offset(), kind })?;
        Ok(matches!(text, "okay" | "ok"))
    }

    /// The ranges of `reg`; none if there is no `reg`.
    ///
    /// # Errors
    ///
    /// The parent's cells are not 1 or 2, or `reg` is no whole number of ranges.
    pub fn reg(&self) -> Result<Reg<'a>, MeaningError<'a>> {
        self.ranges("reg")
    }

    /// The ranges of a property that is written as `reg` is.
    ///
    /// # Errors
    ///
    /// As for [`Self::reg`].
    pub fn ranges(&self, property: &str) -> Result<Reg<'a>, MeaningError<'a>> {
        match self.property(property) {
            Some(property) => Reg::new(self.name, &property, self.cells),
            None => Ok(Reg::none(self.name)),
        }
    }
}

/// The properties of a node.
#[derive(Clone, Debug)]
pub struct Properties<'a> {
    tree: Tree<'a>,
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Properties<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut next = self.cursor;
            match next.token().ok()? {
                Token::Property { name, value } => {
                    let property = Property::new(self.tree, self.cursor.offset(), name, value);
                    self.cursor = next;
                    return Some(property);
                }
                Token::Nop => self.cursor = next,
                Token::BeginNode { .. } | Token::EndNode | Token::End => return None,
            }
        }
    }
}

/// The children of a node.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    tree: Tree<'a>,
    cursor: Cursor<'a>,
    depth: usize,
    cells: Cells,
}

impl<'a> Iterator for Children<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut child = None;
        let mut open = 0_usize;
        loop {
            let before = self.cursor;
            match self.cursor.token().ok()? {
                Token::BeginNode { name } => {
                    child.get_or_insert((before.offset(), name));
                    open = open.saturating_add(1);
                }
                Token::EndNode => {
                    let Some(left) = open.checked_sub(1) else {
                        // The parent ends, and does so again if asked again.
                        self.cursor = before;
                        return None;
                    };
                    open = left;
                }
                Token::Property { .. } | Token::Nop => continue,
                Token::End => return None,
            }
            if let Some((offset, name)) = child.filter(|_| open == 0) {
                let name = str::from_utf8(name).ok()?;
                return Some(Node { tree: self.tree, name, offset, depth: self.depth, cells: self.cells });
            }
        }
    }
}

/// Every node of a tree, parents before children.
#[derive(Clone, Debug)]
pub struct Nodes<'a> {
    tree: Tree<'a>,
    cursor: Cursor<'a>,
    depth: usize,
    /// What each open node says about the `reg` of its children, from the root on.
    cells: [Cells; MAX_DEPTH],
}

impl<'a> Nodes<'a> {
    pub(super) fn new(tree: Tree<'a>, root: usize) -> Self {
        Self { tree, cursor: tree.cursor(root), depth: 0, cells: [Cells::default(); MAX_DEPTH] }
    }

    fn open_node(&mut self) -> Option<&mut Cells> {
        self.cells.get_mut(self.depth.checked_sub(1)?)
    }
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let offset = self.cursor.offset();
            match self.cursor.token().ok()? {
                Token::BeginNode { name } => {
                    let (tree, depth) = (self.tree, self.depth);
                    let cells = self.open_node().copied().unwrap_or_default();
                    self.depth = depth.saturating_add(1);
                    *self.open_node()? = Cells::default();
                    return Some(Node { tree, name: str::from_utf8(name).ok()?, offset, depth, cells });
                }
                Token::EndNode => self.depth = self.depth.saturating_sub(1),
                Token::Property { name, value } => {
                    let property = Property::new(self.tree, offset, name, value);
                    if let Some(cells) = self.open_node() {
                        cells.see(&property);
                    }
                }
                Token::Nop => {}
                Token::End => return None,
            }
        }
    }
}
