//! The options of a driver, resolved.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::spec::{OptionValue, same_name};
use crate::secret::Secret;

/// The options of a driver by their canonical names, in the order they were given, then the defaults of the others.
///
/// The getters answer by the driver's own table: a name that the table does not have, or that was not given and has no
/// default, is `None`. So is a value of another kind than the getter's; that is a slip between a driver and its table,
/// and the driver's tests find it.
#[derive(Clone, Default)]
pub struct Options {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    name: Box<str>,
    value: OptionValue,
    given: bool,
    shown: bool,
}

impl Options {
    pub(super) fn push(&mut self, name: &str, value: OptionValue, given: bool, shown: bool) {
        self.entries.push(Entry { name: name.into(), value, given, shown });
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| same_name(&entry.name, name))
    }

    /// The value, of whatever kind; the first of several.
    pub fn get(&self, name: &str) -> Option<&OptionValue> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// All values of an option that may be given several times.
    pub fn get_all<'o>(&'o self, name: &'o str) -> impl Iterator<Item = &'o OptionValue> {
        self.entries.iter().filter(move |entry| same_name(&entry.name, name)).map(|entry| &entry.value)
    }

    /// Whether it was given, and is not only a default.
    pub fn is_given(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| entry.given)
    }

    /// The value of a `Bool`.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            OptionValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of an `Integer`.
    pub fn i64(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            OptionValue::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of a `Duration`; `None` also for `never`. Where the difference counts use [`get`](Options::get).
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name)? {
            OptionValue::Duration(value) => *value,
            _ => None,
        }
    }

    /// The value of a `Text`, `Choice`, `Words` or `Json`.
    pub fn str(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            OptionValue::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a `Path`.
    pub fn path(&self, name: &str) -> Option<&Path> {
        match self.get(name)? {
            OptionValue::Path(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a secret option, or of one that was passed through unknown.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.get(name)? {
            OptionValue::Secret(value) => Some(value),
            _ => None,
        }
    }

    /// Names and values in order, defaults last.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OptionValue)> {
        self.entries.iter().map(|entry| (&*entry.name, &entry.value))
    }

    /// Names and values that were given, in order.
    pub fn given(&self) -> impl Iterator<Item = (&str, &OptionValue)> {
        self.entries.iter().filter(|entry| entry.given).map(|entry| (&*entry.name, &entry.value))
    }
}

impl fmt::Debug for Options {
    /// Secrets are masked, and so is whatever was passed through unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for entry in &self.entries {
            if entry.shown {
                map.entry(&entry.name, &entry.value);
            } else {
                map.entry(&entry.name, &Secret::default());
            }
        }
        map.finish()
    }
}
