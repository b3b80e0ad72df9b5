//! Writing a database URL: in full, and for people to see.

use std::fmt::{self, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::DatabaseUrl;
use super::shape::Shape;
use crate::secret::is_secret_name;

/// What is encoded in a user name, password, host, option name or option value: all but the unreserved characters.
pub(super) const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is encoded in a database or a path: slashes and a few marks that mean nothing there stay readable.
const PATH: &AsciiSet = &COMPONENT
    .remove(b'/')
    .remove(b':')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b'!')
    .remove(b'*')
    .remove(b'(')
    .remove(b')');

pub(super) const MASK: &str = "***";

/// Options whose value may be shown. Everything else is masked, because an option that nobody here has heard of can be
/// a password: foreign drivers have many names for it. In lower case, `-` written as `_`.
const HARMLESS: &[&str] = &[
    "acquire_timeout",
    "address",
    "application name",
    "application_name",
    "applicationintent",
    "attach",
    "batch_rows",
    "busy_timeout",
    "cache",
    "cache_size",
    "charset",
    "client_encoding",
    "collation",
    "connect_timeout",
    "database",
    "databasename",
    "dbapi_pool",
    "dbname",
    "defensive",
    "dialect",
    "driver",
    "dsn",
    "echo",
    "echo_pool",
    "encrypt",
    "force_rollback",
    "foreign_keys",
    "host",
    "hostname",
    "idle_timeout",
    "immutable",
    "isolation_level",
    "jdbc_dsn_driver",
    "dbapi_dsn_driver",
    "journal_mode",
    "keepalive",
    "leak_threshold",
    "lend",
    "loadbalancehosts",
    "max_lifetime",
    "max_overflow",
    "max_size",
    "max_stuck",
    "max_waiters",
    "min_idle",
    "min_size",
    "mode",
    "multisubnetfailover",
    "pool_recycle",
    "pool_size",
    "pool_timeout",
    "port",
    "portnumber",
    "reset",
    "schema",
    "server",
    "servername",
    "ssl",
    "sslmode",
    "ssl_mode",
    "statement_cache",
    "statement_mode",
    "synchronous",
    "target_session_attrs",
    "temp_store",
    "timeout",
    "timezone",
    "trusted_connection",
    "trusted_schema",
    "trustservercertificate",
    "uid",
    "unix_sock",
    "unix_socket",
    "user",
    "user id",
    "username",
    "vfs",
    "wal",
];

pub(super) fn is_harmless(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase().replace('-', "_");
    HARMLESS.contains(&&*name)
}

/// Writes the URL; `full` with every secret, otherwise with `***` in their places.
pub(super) fn write(url: &DatabaseUrl, full: bool) -> String {
    let mut out = url.scheme();
    if let (Shape::Opaque, Some(dsn)) = (url.shape, &url.dsn) {
        out.push(':');
        out.push_str(&if full { dsn.expose().to_string() } else { show_foreign(dsn.expose(), true) });
        return out;
    }
    out.push_str("://");
    // Writing to a `String` cannot fail; the results say nothing.
    let _ = match url.shape {
        Shape::Dsn | Shape::Opaque => match &url.dsn {
            Some(dsn) if full => out.write_str(dsn.expose()),
            Some(dsn) => out.write_str(&show_foreign(dsn.expose(), false)),
            None => Ok(()),
        },
        Shape::File => match &url.database {
            Some(path) => write!(out, "/{}", utf8_percent_encode(path, PATH)),
            None => Ok(()),
        },
        Shape::Server => server(&mut out, url, full),
    };
    for (n, (name, value)) in url.options.iter().enumerate() {
        out.push(if n == 0 { '?' } else { '&' });
        let _ = write!(out, "{}=", utf8_percent_encode(name, COMPONENT));
        if full || is_harmless(name) {
            let _ = write!(out, "{}", utf8_percent_encode(value.expose(), COMPONENT));
        } else {
            out.push_str(MASK);
        }
    }
    out
}

fn server(out: &mut String, url: &DatabaseUrl, full: bool) -> fmt::Result {
    if let Some(username) = &url.username {
        write!(out, "{}", utf8_percent_encode(username, COMPONENT))?;
    }
    match &url.password {
        Some(password) if full => write!(out, ":{}", utf8_percent_encode(password.expose(), COMPONENT))?,
        Some(_) => write!(out, ":{MASK}")?,
        None => {}
    }
    if url.username.is_some() || url.password.is_some() {
        out.push('@');
    }
    for (n, address) in url.written.iter().enumerate() {
        write!(out, "{}{address}", if n == 0 { "" } else { "," })?;
    }
    match &url.database {
        Some(database) => write!(out, "/{}", utf8_percent_encode(database, PATH)),
        None => Ok(()),
    }
}

/// A foreign connection string with everything masked that is not known to be harmless.
///
/// Foreign grammars differ, so this is strict rather than clever: where an `@` makes it doubtful what belongs to the
/// credentials, all but the sub-protocol is masked.
fn show_foreign(text: &str, sub_protocol: bool) -> String {
    // `jdbc:postgresql:` names a driver; the rest is addresses and credentials.
    let prefix = text.find(':').filter(|_| sub_protocol).map_or(0, |colon| colon + 1);
    let prefix =
        if text[..prefix].chars().all(|c| c.is_ascii_alphanumeric() || "+-_:".contains(c)) { prefix } else { 0 };
    let (prefix, rest) = text.split_at(prefix);
    let separator = rest.find(['?', ';']);
    let (head, tail) = rest.split_at(separator.unwrap_or(rest.len()));
    let mut out = prefix.to_string();
    if head.contains('=') && !head.contains('/') && (sub_protocol || !text.contains('@')) {
        // A list from its beginning, as ODBC writes it; with an `@` it could also be credentials that hold a `=`.
        out.push_str(&show_list(rest, ';'));
        return out;
    }
    if tail.contains('@') || head.contains(['(', '=']) {
        out.push_str(MASK);
        return out;
    }
    match head.rfind('@') {
        Some(at) => {
            if head.starts_with("//") {
                out.push_str("//");
            }
            out.push_str(MASK);
            out.push_str(&head[at..]);
        }
        None => out.push_str(head),
    }
    if let Some(sign) = tail.chars().next() {
        out.push(sign);
        out.push_str(&show_list(&tail[1..], if sign == '?' { '&' } else { ';' }));
    }
    out
}

fn show_list(text: &str, separator: char) -> String {
    let items: Vec<String> = items(text, separator)
        .into_iter()
        .map(|item| match item.split_once('=') {
            _ if item.trim().is_empty() => String::new(),
            // A second `=` is another grammar: `host=h password=p` is one item here and two to libpq.
            Some((name, value)) if is_harmless(name) && !value.contains('=') => item.to_string(),
            // Any other name can be the rest of a password that held the separator.
            Some((name, _)) if is_harmless(name) || is_secret_name(name) => format!("{name}={MASK}"),
            _ => MASK.to_string(),
        })
        .collect();
    items.join(separator.encode_utf8(&mut [0; 4]))
}

/// The items of a list `name=value;name={va;lue}`; a value in braces may hold the separator, and `}}` is a brace in it.
pub(crate) fn items(text: &str, separator: char) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(separator) {
            items.push(&text[start..at]);
            start = at + separator.len_utf8();
            at = start;
        } else if rest.starts_with("={") || rest.starts_with("= {") {
            let open = at + rest.find('{').unwrap_or_default() + 1;
            at = open + brace_len(&text[open..]);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    items.push(&text[start..]);
    items
}

/// How far it is to the end of a value in braces, the closing brace included.
fn brace_len(text: &str) -> usize {
    let mut at = 0;
    while let Some(brace) = text[at..].find('}') {
        at += brace + 1;
        if !text[at..].starts_with('}') {
            return at;
        }
        at += 1;
    }
    text.len()
}

impl fmt::Display for DatabaseUrl {
    /// The URL without its secrets: the password, every option value that is not known to be harmless, and whatever
    /// could be a credential in a foreign connection string are `***`. See [`expose`](DatabaseUrl::expose) for the
    /// full text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write(self, false))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({:?})", write(self, false))
    }
}
