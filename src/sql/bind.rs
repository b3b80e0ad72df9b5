//! Values for the parameters of a statement.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use super::reading::render;
use super::statement::{ParameterStyle, Statement, Write};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::params::Params;
use crate::value::Value;

/// A statement with its values: what a driver is handed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bound<'s> {
    /// The text with the driver's placeholders; borrowed unless a list was written out.
    pub sql: Cow<'s, str>,
    /// A value for each placeholder, or for each number where placeholders have numbers.
    pub values: Vec<Value>,
    order: Order<'s>,
}

/// Which parameter of the statement each value is for.
#[derive(Clone, Debug)]
enum Order<'s> {
    /// As the parameters or their places stand in the text.
    Text(&'s Statement),
    /// A list was written out.
    Lists(&'s Statement, Vec<u32>),
}

impl PartialEq for Bound<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.sql == other.sql && self.values == other.values
    }
}

impl<'s> Bound<'s> {
    /// What the caller calls the value at this position, counted from 0, for a message: `:name`, or the number of the
    /// parameter counted from 1.
    #[cold]
    pub fn parameter(&self, position: usize) -> String {
        match &self.order {
            Order::Text(statement) => statement.parameter_at(position),
            Order::Lists(statement, parameters) => statement.parameter_of(parameters, position),
        }
    }

    /// The text that a list was written out in, the values, and the parameter each of them is for; the values alone where
    /// the text is the statement's.
    pub(super) fn into_parts(self) -> (Option<(String, Vec<u32>)>, Vec<Value>) {
        let written_out = match (self.sql, self.order) {
            (Cow::Owned(sql), Order::Lists(_, parameters)) => Some((sql, parameters)),
            _ => None,
        };
        (written_out, self.values)
    }

    /// Puts together what [`into_parts`](Self::into_parts) took apart.
    pub(super) fn of_parts(
        statement: &'s Statement,
        written_out: Option<(&'s str, &[u32])>,
        values: Vec<Value>,
    ) -> Bound<'s> {
        match written_out {
            None => Bound { sql: Cow::Borrowed(statement.sql()), values, order: Order::Text(statement) },
            Some((sql, parameters)) => {
                Bound { sql: Cow::Borrowed(sql), values, order: Order::Lists(statement, parameters.to_vec()) }
            }
        }
    }
}

impl Statement {
    /// What the caller calls the value at this position, where no list was written out.
    #[cold]
    pub(super) fn parameter_at(&self, position: usize) -> String {
        match self.by_parameter() {
            true => self.parameter_name(Some(position), position),
            false => self.parameter_name(self.slots().nth(position).map(|slot| slot.parameter), position),
        }
    }

    /// What the caller calls the value at this position, where a list was; `parameters` has the parameter of each.
    #[cold]
    pub(super) fn parameter_of(&self, parameters: &[u32], position: usize) -> String {
        self.parameter_name(parameters.get(position).map(|at| *at as usize), position)
    }

    fn parameter_name(&self, parameter: Option<usize>, position: usize) -> String {
        match parameter.and_then(|parameter| self.names().nth(parameter)) {
            Some(name) => format!(":{name}"),
            None => (parameter.unwrap_or(position) + 1).to_string(),
        }
    }
}

/// From this many names on they are looked up in a table.
const MANY_NAMES: usize = 16;

impl Statement {
    /// Puts values and parameters together.
    ///
    /// Where a parameter stands alone in the parentheses of an `IN` and its value is a list, the list is written out,
    /// one placeholder for each element; everywhere else a list is one value. A name that stands in several places is
    /// bound once where the placeholders have numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Parameter`] when names are missing, unknown or given twice (one error names all of them), when the
    /// number of values is wrong, when names are given for positions or the reverse, and for an empty list where the
    /// database has no text for it; [`ErrorKind::Limit`] for more parameters than the database takes;
    /// [`ErrorKind::Misuse`] for a text of several statements and for one of none; [`ErrorKind::Conversion`] for a value that no database
    /// value is exactly. Nothing has been sent.
    pub fn bind(&self, params: Params) -> Result<Bound<'_>> {
        self.refuse_multiple()?;
        if self.is_empty() {
            return Err(no_statement());
        }
        let values = match params {
            Params::Named(list) if self.parameter_style() == ParameterStyle::Named => self.by_name(list)?,
            Params::Positional(values)
                if self.parameter_style() != ParameterStyle::Named && values.len() == self.parameter_count() =>
            {
                values
            }
            Params::None if self.parameter_count() == 0 => Vec::new(),
            Params::Named(list) if list.is_empty() && self.parameter_count() == 0 => Vec::new(),
            Params::Invalid(reason) => {
                return Err(Error::new(ErrorKind::Conversion, reason.into_string()).with_effect(Effect::NotSent));
            }
            params => return Err(self.misfit(&params)),
        };
        if self.has_lists() && self.edits().iter().any(|edit| is_list(edit.write, &values)) {
            return self.write_out(&values);
        }
        let values = if self.by_parameter() { values } else { self.by_slot(&values) };
        self.check_count(values.len())?;
        Ok(Bound { sql: Cow::Borrowed(self.sql()), values, order: Order::Text(self) })
    }

    /// The values in the order of the names. Callers mostly write them in that order.
    #[inline]
    fn by_name(&self, list: Vec<(Cow<'static, str>, Value)>) -> Result<Vec<Value>> {
        if list.len() == self.parameter_count()
            && list.iter().zip(0..).all(|((given, _), parameter)| *given == *self.name(parameter))
        {
            return Ok(list.into_iter().map(|(_, value)| value).collect());
        }
        self.by_name_in_any_order(list)
    }

    #[cold]
    fn by_name_in_any_order(&self, list: Vec<(Cow<'static, str>, Value)>) -> Result<Vec<Value>> {
        let count = self.parameter_count();
        let table: Option<HashMap<&str, usize>> = (count > MANY_NAMES).then(|| self.names().zip(0..).collect());
        let find = |name: &str| match &table {
            Some(table) => table.get(name).copied(),
            None => self.names().position(|known| known == name),
        };
        let mut values: Vec<Option<Value>> = Vec::new();
        values.resize_with(count, || None);
        let (mut unknown, mut twice) = (Vec::new(), Vec::new());
        for (name, value) in list {
            match find(&name) {
                None => unknown.push(name),
                Some(at) if values[at].is_some() => twice.push(name),
                Some(at) => values[at] = Some(value),
            }
        }
        if unknown.is_empty() && twice.is_empty() && values.iter().all(Option::is_some) {
            return Ok(values.into_iter().flatten().collect());
        }
        let missing = self.names().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        Err(self.wrong_names(missing, unknown, twice))
    }

    #[cold]
    fn wrong_names(&self, missing: Vec<&str>, unknown: Vec<Cow<'_, str>>, twice: Vec<Cow<'_, str>>) -> Error {
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("no value for {}", colons(&missing)));
        }
        if !unknown.is_empty() {
            parts.push(format!("statement has no {}", colons(&unknown)));
        }
        if !twice.is_empty() {
            parts.push(format!("value given twice for {}", colons(&twice)));
        }
        let mut message = parts.join("; ");
        if !unknown.is_empty() {
            let known: Vec<_> = self.names().collect();
            let _ = write!(message, "; it has {}", colons(&known));
        }
        if unknown.iter().any(|name| name.starts_with([':', '@', '$'])) {
            message.push_str(" (names are given without the sign in front)");
        } else if !missing.is_empty() {
            message.push_str(r" (a colon that starts no parameter is written \:)");
        }
        Error::new(ErrorKind::Parameter, message)
    }

    #[cold]
    fn misfit(&self, params: &Params) -> Error {
        let count = self.parameter_count();
        let names: Vec<_> = self.names().collect();
        let placeholders = if count == 1 { "placeholder" } else { "placeholders" };
        let message = match (self.parameter_style(), params) {
            (ParameterStyle::Named, Params::None) => return self.wrong_names(names, Vec::new(), Vec::new()),
            (ParameterStyle::Named, _) => {
                format!("statement has names, values were given by position: give them as {}", macro_call(&names))
            }
            (ParameterStyle::None, Params::Named(list)) => {
                let given: Vec<_> = list.iter().map(|(name, _)| name).collect();
                format!("statement has no {}; it has no parameters", colons(&given))
            }
            (ParameterStyle::Positional, Params::Named(_)) => {
                format!(
                    "statement has {count} {placeholders} without names, values were given by name: give them by \
                     position, in a tuple or params![..]"
                )
            }
            (_, params) => {
                let given = params.len();
                let were = if given == 1 { "value was" } else { "values were" };
                let hint = if self.has_lists() && given != count {
                    ": a list for one placeholder is given as (list,), or by name"
                } else {
                    ""
                };
                format!("statement has {count} {placeholders}, {given} {were} given{hint}")
            }
        };
        Error::new(ErrorKind::Parameter, message)
    }

    /// A value for each slot, for placeholders without numbers.
    #[cold]
    fn by_slot(&self, values: &[Value]) -> Vec<Value> {
        let slots = self.edits().iter().filter_map(|edit| match edit.write {
            Write::Slot { parameter, .. } => Some(values[parameter as usize].clone()),
            Write::Unescaped | Write::Doubled => None,
        });
        slots.collect()
    }

    #[inline]
    fn check_count(&self, count: usize) -> Result<()> {
        if count > self.dialect().max_parameters as usize { Err(self.too_many(count)) } else { Ok(()) }
    }

    #[cold]
    fn too_many(&self, count: usize) -> Error {
        let (database, max) = (self.dialect().name, self.dialect().max_parameters);
        Error::new(
            ErrorKind::Limit,
            format!("statement has {count} parameters, {database} takes at most {max}: send it in parts"),
        )
    }

    /// The statement with its lists written out.
    #[cold]
    fn write_out(&self, values: &[Value]) -> Result<Bound<'_>> {
        let dialect = self.dialect();
        let placeholder = &dialect.placeholder;
        // Counted first: a list that is too long shall not become a text of its length.
        let mut count = 0;
        let mut alone = vec![0; values.len()];
        let mut lists = vec![0; values.len()];
        for edit in self.edits() {
            let Write::Slot { parameter, .. } = edit.write else { continue };
            let at = parameter as usize;
            let (numbers, room) = match list(edit.write, values) {
                Some([]) if dialect.empty_list.is_some() => continue,
                Some([]) => return Err(self.empty_list(parameter)),
                Some(list) => (&mut lists[at], list.len()),
                None => (&mut alone[at], 1),
            };
            if *numbers == 0 || !placeholder.numbered {
                *numbers = count + 1;
                count += room;
            }
        }
        self.check_count(count)?;
        let mut bound = Vec::with_capacity(count);
        let mut parameters = Vec::with_capacity(count);
        let mut sql = String::with_capacity(self.sql().len() + count * (placeholder.room() + 2));
        // Numbers are given in the order of the text, so a number that comes next has no value yet.
        render(self.text(), self.edits(), &mut sql, |out, parameter, in_list| {
            let value = &values[parameter as usize];
            let write = Write::Slot { parameter, list: in_list };
            let (elements, first) = match list(write, values) {
                Some([]) => {
                    out.push_str(dialect.empty_list.unwrap_or_default());
                    return;
                }
                Some(elements) => (elements, lists[parameter as usize]),
                None => (std::slice::from_ref(value), alone[parameter as usize]),
            };
            for (number, element) in (first..).zip(elements) {
                if number != first {
                    out.push_str(", ");
                }
                placeholder.write(out, number as u32);
                if !placeholder.numbered || number > bound.len() {
                    bound.push(element.clone());
                    parameters.push(parameter);
                }
            }
        });
        Ok(Bound { sql: Cow::Owned(sql), values: bound, order: Order::Lists(self, parameters) })
    }

    #[cold]
    fn empty_list(&self, parameter: u32) -> Error {
        let database = self.dialect().name;
        let (which, array) = match self.parameter_style() {
            ParameterStyle::Named => (format!(":{}", self.name(parameter)), format!(":{}", self.name(parameter))),
            _ => (format!("parameter {}", parameter + 1), "?".to_owned()),
        };
        let way_out = if self.dialect().lexis.dollar_numbers {
            format!("write = ANY({array}), which takes an empty list too")
        } else {
            "leave the condition out".to_owned()
        };
        Error::new(
            ErrorKind::Parameter,
            format!("list of {which} is empty, and {database} has no IN without elements: {way_out}"),
        )
    }
}

/// The elements, where the slot takes a list and its value is one.
fn list(write: Write, values: &[Value]) -> Option<&[Value]> {
    match write {
        Write::Slot { parameter, list: true } => match &values[parameter as usize] {
            Value::Array(elements) => Some(elements),
            _ => None,
        },
        _ => None,
    }
}

fn is_list(write: Write, values: &[Value]) -> bool {
    list(write, values).is_some()
}

#[cold]
fn no_statement() -> Error {
    Error::new(ErrorKind::Misuse, "there is no statement to run: the text is empty, or all comments and semicolons")
}

fn colons(names: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!(":{}", name.as_ref())).collect();
    names.join(", ")
}

fn macro_call(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{name}: ..")).collect();
    format!("params! {{ {} }}", names.join(", "))
}
