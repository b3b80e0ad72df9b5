//! Where in a SQL text something is wrong, and the errors that say so.

use crate::error::{Effect, Error, ErrorKind};

/// The error for a text that cannot be read; it never reaches the database.
#[cold]
pub(super) fn syntax(message: String) -> Error {
    Error::new(ErrorKind::Syntax, message).with_effect(Effect::NotSent)
}

#[cold]
pub(super) fn nul_in_text(text: &str, at: usize) -> Error {
    Error::new(ErrorKind::NulInText, format!("SQL text has a NUL character at {}", Place(text, at)))
}

/// A place in a text as people count it: lines and characters from 1.
pub(super) struct Place<'t>(pub(super) &'t str, pub(super) usize);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let before = &self.0[..self.1];
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        write!(f, "line {line}, column {column}")
    }
}
