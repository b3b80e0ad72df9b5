//! Connection strings: `Key=value;Key={value with ; in it};…`.

use std::fmt::Write;

/// The pairs of a connection string, in order. Of several with one key the first counts, as ODBC has it.
#[derive(Clone, Default)]
pub(super) struct ConnectionString {
    pairs: Vec<(String, String)>,
}

impl ConnectionString {
    /// Reads one. What has no `=` is dropped, as drivers do.
    pub(super) fn parse(text: &str) -> ConnectionString {
        let mut pairs = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find([';', '=']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            let Some(after) = after.strip_prefix('=') else {
                rest = after.strip_prefix(';').unwrap_or_default();
                continue;
            };
            let (value, after) = value(after);
            pairs.push((key.trim().to_owned(), value));
            rest = after;
        }
        ConnectionString { pairs }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| &**value)
    }

    /// The value of the first of these keys that is there.
    pub(super) fn any(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// Puts a pair in front, where it counts before any other of its key.
    pub(super) fn first(&mut self, key: &str, value: impl Into<String>) {
        self.pairs.insert(0, (key.to_owned(), value.into()));
    }

    pub(super) fn push(&mut self, key: &str, value: impl Into<String>) {
        self.pairs.push((key.to_owned(), value.into()));
    }

    /// Adds what is not there yet under any of these keys.
    pub(super) fn push_unless(&mut self, keys: &[&str], value: &str) {
        if self.any(keys).is_none()
            && let Some(key) = keys.first()
        {
            self.push(key, value);
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.pairs.retain(|(known, _)| !known.eq_ignore_ascii_case(key));
    }

    /// The text for the driver manager, every value that needs it in braces.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.pairs {
            let _ = write!(text, "{key}={};", quoted(value));
        }
        text
    }
}

/// Cuts a value off: up to the next `;`, or in braces, in which `}}` stands for `}`.
fn value(text: &str) -> (String, &str) {
    let Some(inside) = text.trim_start().strip_prefix('{') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut rest = inside;
    while let Some((part, after)) = rest.split_once('}') {
        value.push_str(part);
        rest = after;
        match rest.strip_prefix('}') {
            Some(after) => {
                value.push('}');
                rest = after;
            }
            None => return (value, rest.split_once(';').map_or("", |(_, rest)| rest)),
        }
    }
    // A brace that nobody closed was meant as itself.
    let (value, rest) = text.split_once(';').unwrap_or((text, ""));
    (value.trim().to_owned(), rest)
}

fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:\\,@ ".contains(c);
    // Some drivers take braces for a part of the value, so they stand only where they must.
    if !value.is_empty() && value.chars().all(plain) && value.trim() == value {
        return value.to_owned();
    }
    if value.is_empty() { String::new() } else { format!("{{{}}}", value.replace('}', "}}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_they_were_written() {
        let read = ConnectionString::parse("DRIVER={SQLite3}; Database=/tmp/a b.db;PWD={a;b}}c=};junk;UID=u;X={open");
        assert_eq!(
            (read.get("driver"), read.get("DATABASE"), read.get("pwd"), read.get("uid"), read.get("x")),
            (Some("SQLite3"), Some("/tmp/a b.db"), Some("a;b}c="), Some("u"), Some("{open"))
        );
        assert_eq!(read.any(&["Nothing", "UID"]), Some("u"));
        assert_eq!(read.text(), "DRIVER=SQLite3;Database=/tmp/a b.db;PWD={a;b}}c=};UID=u;X={{open};");
    }

    #[test]
    fn the_first_of_a_key_counts() {
        let mut text = ConnectionString::parse("UID=a;uid=b");
        text.push_unless(&["UID", "User"], "c");
        assert_eq!(text.get("UID"), Some("a"));
        text.first("uid", "d");
        assert_eq!(text.get("UID"), Some("d"));
        text.remove("UID");
        assert_eq!(text.get("uid"), None);
    }

    #[test]
    fn any_value_survives() {
        for value in ["", "p", "a;b", "}", "{", "{}}", " leading", "trailing ", "ö;=😀}", "a}}b"] {
            let mut text = ConnectionString::default();
            text.push("PWD", value);
            text.push("UID", "u");
            let again = ConnectionString::parse(&text.text());
            assert_eq!((again.get("PWD"), again.get("UID")), (Some(value), Some("u")), "{}", text.text());
        }
    }
}
