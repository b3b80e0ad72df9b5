//! The columns of a result and how their names are looked up.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Index;

use crate::error::{Error, ErrorKind, Result};
use crate::value::Kind;

/// Up to this many columns a name is found by comparing all of them, which is faster than a search in sorted order.
const LINEAR: usize = 16;

/// How many column names an error lists before it only counts the rest.
const LISTED: usize = 20;

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    name: Box<str>,
    kind: Kind,
    type_name: Option<Box<str>>,
    table: Option<Box<str>>,
}

impl Column {
    /// A column of that name, of unknown kind.
    pub fn new(name: impl Into<Box<str>>) -> Column {
        Column { name: name.into(), kind: Kind::Unknown, type_name: None, table: None }
    }

    /// The same column with the kind its values are declared to have.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Column {
        self.kind = kind;
        self
    }

    /// The same column with the database's own name for its type.
    #[must_use]
    pub fn with_type_name(mut self, type_name: impl Into<Box<str>>) -> Column {
        self.type_name = Some(type_name.into());
        self
    }

    /// The same column with the table (or the alias of a table) it comes from; it is then also found as
    /// `table.column`, see [`Columns::position`].
    #[must_use]
    pub fn with_table(mut self, table: impl Into<Box<str>>) -> Column {
        self.table = Some(table.into());
        self
    }

    /// The name, in the letters the database gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The declared kind; [`Kind::Unknown`] where the database declares none, as for an expression in SQLite. A cell
    /// can be of another kind than its column.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The database's own name for the type, where it gives one.
    pub fn type_name(&self) -> Option<&str> {
        self.type_name.as_deref()
    }

    /// The table the column comes from, where the driver tells.
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    fn is_qualified(&self, name: &str) -> bool {
        self.table
            .as_deref()
            .is_some_and(|table| name.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')) == Some(self.name()))
    }
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Unique,
    /// Several columns have this name.
    Shared,
    /// Left out of a view by prefix: has a position, but no name.
    Hidden,
}

/// The columns of a result, shared by all its batches.
///
/// Names are compared exactly, letter case included. Names that occur several times are known: such a column can be
/// read by its position, or by `table.column` where the driver tells the table, but never by its bare name.
#[derive(Clone)]
pub struct Columns {
    list: Box<[Column]>,
    naming: Box<[Naming]>,
    /// Positions of the columns that have a name here, by name and then by position; empty when there are only a few.
    sorted: Box<[u32]>,
}

impl Columns {
    /// The columns in the order of the result.
    pub fn new(list: Vec<Column>) -> Columns {
        let naming = vec![Naming::Unique; list.len()];
        Columns::index(list, naming)
    }

    /// The columns of these names, of unknown kind.
    pub fn of_names<I>(names: I) -> Columns
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        Columns::new(names.into_iter().map(Column::new).collect())
    }

    fn index(list: Vec<Column>, mut naming: Vec<Naming>) -> Columns {
        let visible = |naming: &[Naming]| (0..list.len()).filter(|&i| naming[i] != Naming::Hidden).collect::<Vec<_>>();
        let mut sorted = visible(&naming);
        sorted.sort_by(|&a, &b| list[a].name.cmp(&list[b].name));
        for pair in sorted.windows(2) {
            if list[pair[0]].name == list[pair[1]].name {
                naming[pair[0]] = Naming::Shared;
                naming[pair[1]] = Naming::Shared;
            }
        }
        if list.len() <= LINEAR {
            sorted.clear();
        }
        Columns {
            // No database has anywhere near 2^32 columns; were there more, the surplus would have no name.
            sorted: sorted.into_iter().filter_map(|i| u32::try_from(i).ok()).collect(),
            list: list.into(),
            naming: naming.into(),
        }
    }

    /// The columns whose names start with `prefix`, under the rest of their names and at the positions they have.
    ///
    /// The others keep their positions and cannot be found by name. It is what a `flatten` with a prefix reads from:
    /// `SELECT n.*, a.id AS author_id, a.name AS author_name` with the prefix `author_`.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Columns {
        let mut naming = Vec::with_capacity(self.len());
        let mut list = Vec::with_capacity(self.len());
        for (column, before) in self.list.iter().zip(&self.naming) {
            match column.name.strip_prefix(prefix).filter(|_| *before != Naming::Hidden) {
                Some(rest) => {
                    naming.push(Naming::Unique);
                    list.push(Column { name: rest.into(), table: None, ..column.clone() });
                }
                None => {
                    naming.push(Naming::Hidden);
                    list.push(column.clone());
                }
            }
        }
        Columns::index(list, naming)
    }

    /// How many columns there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the result has no columns at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The columns in the order of the result.
    pub fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.list.iter()
    }

    /// The column at a position, counted from 0.
    pub fn get(&self, position: usize) -> Option<&Column> {
        self.list.get(position)
    }

    /// The names in the order of the result, duplicates included.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.list.iter().map(Column::name)
    }

    /// The position, counted from 0, of the column of that name.
    ///
    /// The name is first compared with the names of the columns. When none of them has it, `table.column` finds a
    /// column by the table it comes from, on drivers that tell it.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchColumn`] when there is none (the message lists those there are) or when there are several
    /// (the message gives their positions).
    pub fn position(&self, name: &str) -> Result<usize> {
        self.find(name)?.ok_or_else(|| self.missing(name))
    }

    /// Like [`position`](Columns::position), with `None` for a name that no column has.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchColumn`] when several columns have that name.
    pub fn find(&self, name: &str) -> Result<Option<usize>> {
        let found = if self.sorted.is_empty() {
            self.list.iter().zip(&self.naming).position(|(c, naming)| *c.name == *name && *naming != Naming::Hidden)
        } else {
            let at = self.sorted.partition_point(|&i| *self.list[i as usize].name < *name);
            self.sorted.get(at).map(|&i| i as usize).filter(|&i| *self.list[i].name == *name)
        };
        match found {
            Some(position) if self.naming[position] == Naming::Unique => Ok(Some(position)),
            Some(_) => Err(self.ambiguous(name, |column| *column.name == *name)),
            None => self.find_qualified(name),
        }
    }

    fn find_qualified(&self, name: &str) -> Result<Option<usize>> {
        let mut found = self.visible().filter(|(_, column)| column.is_qualified(name));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(self.ambiguous(name, |column| column.is_qualified(name))),
            (first, _) => Ok(first.map(|(position, _)| position)),
        }
    }

    pub(super) fn visible(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.list.iter().enumerate().filter(|&(i, _)| self.naming[i] != Naming::Hidden)
    }

    /// The error for a name that no column has.
    #[cold]
    pub(crate) fn missing(&self, name: &str) -> Error {
        let mut message = format!("no column {name:?}; ");
        let mut other_case = self.visible().filter(|(_, column)| column.name.eq_ignore_ascii_case(name));
        if let Some((_, column)) = other_case.next() {
            let _ = write!(message, "letter case counts, there is {:?}; ", column.name());
        }
        drop(other_case);
        let mut separator = "the columns are ";
        for (_, column) in self.visible().take(LISTED) {
            let _ = write!(message, "{separator}{:?}", column.name());
            separator = ", ";
        }
        match self.visible().count() {
            0 => message.push_str("the result has none that could be named"),
            count if count > LISTED => {
                let _ = write!(message, " and {} more", count - LISTED);
            }
            _ => {}
        }
        Error::new(ErrorKind::NoSuchColumn, message)
    }

    /// The error for a position that is not in the result.
    #[cold]
    pub(crate) fn out_of_range(&self, position: impl fmt::Display) -> Error {
        let message = match self.len() {
            0 => format!("no column at position {position}; the result has no columns"),
            1 => format!("no column at position {position}; the result has one column, at position 0"),
            count => {
                format!(
                    "no column at position {position}; the result has {count} columns, at positions 0 to {}",
                    count - 1
                )
            }
        };
        Error::new(ErrorKind::NoSuchColumn, message)
    }

    #[cold]
    fn ambiguous(&self, name: &str, is: impl Fn(&Column) -> bool) -> Error {
        let positions: Vec<String> =
            self.visible().filter(|(_, column)| is(column)).map(|(position, _)| position.to_string()).collect();
        Error::new(
            ErrorKind::NoSuchColumn,
            format!(
                "{} columns are named {name:?}, at positions {}; read them by position, or name them apart with AS",
                positions.len(),
                positions.join(", ")
            ),
        )
    }
}

impl Index<usize> for Columns {
    type Output = Column;

    /// # Panics
    /// When there is no such position.
    fn index(&self, position: usize) -> &Column {
        &self.list[position]
    }
}

impl<'c> IntoIterator for &'c Columns {
    type Item = &'c Column;
    type IntoIter = std::slice::Iter<'c, Column>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Vec<Column>> for Columns {
    fn from(list: Vec<Column>) -> Columns {
        Columns::new(list)
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Columns) -> bool {
        self.list == other.list && self.naming == other.naming
    }
}

impl Eq for Columns {}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.list).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<usize>) -> String {
        let error = result.expect_err("must be an error");
        assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
        error.to_string()
    }

    #[test]
    fn names_are_found_exactly() {
        let columns = Columns::of_names(["id", "Name", "name"]);
        assert_eq!(columns.position("id").unwrap(), 0);
        assert_eq!(columns.position("Name").unwrap(), 1);
        assert_eq!(columns.position("name").unwrap(), 2);
        assert_eq!(
            message(columns.position("ID")),
            r#"no column "ID"; letter case counts, there is "id"; the columns are "id", "Name", "name""#
        );
    }

    #[test]
    fn a_name_that_occurs_twice_leads_nowhere() {
        let columns = Columns::of_names(["id", "x", "id"]);
        assert_eq!(columns.position("x").unwrap(), 1);
        let text = message(columns.position("id"));
        assert_eq!(
            text,
            "2 columns are named \"id\", at positions 0, 2; read them by position, or name them apart with AS"
        );
        assert!(columns.find("id").is_err(), "an ambiguous name is not an absent one");
        assert_eq!(columns.find("y").unwrap(), None);
    }

    #[test]
    fn many_columns_behave_as_few() {
        for count in [LINEAR - 1, LINEAR, LINEAR + 1, 200] {
            let mut names: Vec<String> = (0..count).map(|i| format!("c{i}")).collect();
            names[count - 1] = "c3".into();
            let columns = Columns::of_names(names);
            for i in (0..count - 1).filter(|&i| i != 3) {
                assert_eq!(columns.position(&format!("c{i}")).unwrap(), i, "of {count}");
            }
            assert!(message(columns.position("c3")).contains(&format!("positions 3, {}", count - 1)));
            for absent in ["", "a", "c", "zz"] {
                assert_eq!(columns.find(absent).unwrap(), None);
            }
        }
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        let columns = Columns::of_names((0..50).map(|i| format!("c{i}")));
        let text = message(columns.position("x"));
        assert!(text.ends_with("\"c19\" and 30 more"), "{text}");
    }

    #[test]
    fn a_table_tells_equal_names_apart() {
        let columns = Columns::new(vec![
            Column::new("id").with_table("notes"),
            Column::new("id").with_table("users"),
            Column::new("users.name").with_table("notes"),
            Column::new("name").with_table("users"),
            Column::new("name").with_table("a.b"),
        ]);
        assert_eq!(columns.position("notes.id").unwrap(), 0);
        assert_eq!(columns.position("users.id").unwrap(), 1);
        assert_eq!(columns.position("users.name").unwrap(), 2, "the name itself comes first");
        assert_eq!(columns.position("a.b.name").unwrap(), 4);
        assert!(columns.position("id").is_err());
        assert!(columns.position("notes.name").is_err());
        let twice = Columns::new(vec![Column::new("id").with_table("t"), Column::new("id").with_table("t")]);
        assert!(message(twice.position("t.id")).contains("positions 0, 1"));
    }

    #[test]
    fn a_view_by_prefix_keeps_positions() {
        let columns = Columns::of_names(["id", "a_id", "a_name", "a_b_id", "name"]);
        let view = columns.with_prefix("a_");
        assert_eq!(view.len(), 5);
        assert_eq!(view.position("id").unwrap(), 1);
        assert_eq!(view.position("name").unwrap(), 2);
        assert_eq!(view.with_prefix("b_").position("id").unwrap(), 3);
        assert_eq!(message(view.position("a_id")), r#"no column "a_id"; the columns are "id", "name", "b_id""#);
        assert!(message(columns.with_prefix("z_").position("id")).contains("the result has none"));
    }

    #[test]
    fn positions_out_of_range_tell_the_range() {
        let text = |names: &[&str]| Columns::of_names(names.iter().copied()).out_of_range(7).to_string();
        assert!(text(&[]).contains("no columns"));
        assert!(text(&["a"]).contains("one column, at position 0"));
        assert!(text(&["a", "b"]).contains("2 columns, at positions 0 to 1"));
    }
}
