//! Reading a database URL.
//!
//! Written by hand because no general URL parser fits: hosts come in lists, sockets hide in percent-encoding, file names
//! and foreign connection strings must survive byte for byte, and a misplaced `@` must be an error and never a guess.
//! Each component is percent-decoded exactly once. No message quotes what could be a piece of a password: in a URL that
//! went wrong that is nearly everything, so messages name the component and what to write instead.

use super::host::{Address, Host};
use super::shape::Shape;
use super::{DatabaseUrl, bad};
use crate::error::Error;
use crate::secret::Secret;

pub(super) fn parse(text: &str) -> Result<DatabaseUrl, Error> {
    if text.is_empty() {
        return Err(bad("the database URL is empty; write one like sqlite:///app.db or postgresql://user@host/db"));
    }
    if text.trim() != text {
        return Err(bad("the database URL begins or ends with a space or a line end; remove it"));
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control()) {
        return Err(bad(format!(
            "the database URL has a control character (U+{:04X}) at byte {at}; nothing in a URL can have one",
            u32::from(c)
        )));
    }
    let (scheme, rest) = text.split_once(':').ok_or_else(|| {
        bad("the database URL has no scheme; write one like sqlite:///app.db or postgresql://user@host/db")
    })?;
    let (dialect, driver) = scheme_parts(scheme)?;
    let slashes = rest.starts_with("//");
    let mut url = DatabaseUrl::empty(dialect, driver, Shape::of(&scheme_dialect(scheme), slashes));
    match url.shape {
        Shape::Opaque => {
            if url.driver.is_some() {
                return Err(bad(format!("after `{}:` there must be `//`", url.scheme())));
            }
            if rest.is_empty() {
                return Err(bad(format!("after `{}:` there is no connection string", url.scheme())));
            }
            url.dsn = Some(Secret::new(rest));
        }
        Shape::File => file(&mut url, rest)?,
        Shape::Dsn | Shape::Server => {
            let rest = rest.strip_prefix("//").ok_or_else(|| {
                // The drive of a path on Windows, or what other tools write before a path.
                if url.scheme().len() == 1 || url.scheme() == "file" {
                    return bad("the database URL is the path of a file; for one of SQLite write sqlite:app.db");
                }
                bad(format!(
                    "after `{0}:` there must be `//`; write {0}://user@host/database, and percent-encode a `:` that \
                     stands before it",
                    url.scheme()
                ))
            })?;
            if url.shape == Shape::Dsn { dsn(&mut url, rest)? } else { server(&mut url, rest)? }
        }
    }
    url.settle()
}

fn scheme_dialect(scheme: &str) -> String {
    scheme.split('+').next().unwrap_or_default().to_ascii_lowercase()
}

/// Splits `dialect+driver`, in lower case.
pub(super) fn scheme_parts(scheme: &str) -> Result<(Box<str>, Option<Box<str>>), Error> {
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    let (dialect, driver) = match scheme.split_once('+') {
        Some((dialect, driver)) => (dialect, Some(driver)),
        None => (scheme, None),
    };
    if !word(dialect) || driver.is_some_and(|driver| !word(driver)) {
        return Err(bad(
            "the scheme of a database URL must be a name, or two joined by `+`, made of letters, digits, `.`, `-` and \
             `_`, like sqlite:///app.db or postgresql://user@host/db",
        ));
    }
    Ok((dialect.to_ascii_lowercase().into(), driver.map(|driver| driver.to_ascii_lowercase().into())))
}

fn file(url: &mut DatabaseUrl, rest: &str) -> Result<(), Error> {
    let (path, query) = split_query(rest);
    let path = match path.strip_prefix("//") {
        // Of three slashes the third only ends the empty host; of four the fourth begins an absolute path.
        Some(path) => match path.strip_prefix('/') {
            Some(path) => path,
            None => {
                let first = path.split('/').next().unwrap_or_default();
                if first.contains('@') || (first.eq_ignore_ascii_case("localhost") && first.len() < path.len()) {
                    return Err(bad(format!(
                        "{0} has no host and no user; write {0}:///relative/path or {0}:////absolute/path",
                        url.scheme()
                    )));
                }
                path
            }
        },
        None => path,
    };
    let path = decode(path, "the path", false)?;
    url.database = (!path.is_empty()).then(|| path.into());
    options(url, query)
}

fn dsn(url: &mut DatabaseUrl, rest: &str) -> Result<(), Error> {
    let (dsn, query) = split_query(rest);
    if query.contains('@') {
        return Err(stray_at());
    }
    url.dsn = (!dsn.is_empty()).then(|| Secret::new(dsn));
    options(url, query)
}

fn server(url: &mut DatabaseUrl, rest: &str) -> Result<(), Error> {
    let (before, query) = split_query(rest);
    let (authority, path) = match before.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (before, ""),
    };
    let hosts = match authority.rsplit_once('@') {
        Some((userinfo, hosts)) => {
            if userinfo.contains('@') {
                return Err(bad(
                    "there are several `@` before the host; in the user name and the password write `@` as %40",
                ));
            }
            if userinfo.contains('#') {
                return Err(bad("in the user name and the password write `#` as %23"));
            }
            let (user, password) = match userinfo.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (userinfo, None),
            };
            let user = decode(user, "the user name", false)?;
            url.username = (!user.is_empty()).then(|| user.into());
            url.password = password.map(|text| decode(text, "the password", false)).transpose()?.map(Secret::new);
            hosts
        }
        None => authority,
    };
    // With `p/w` or `p?w` as password the authority ends too early: `user:p` would be taken for a host and its port,
    // and the rest, with the `@`, for the database or an option. Even beside an earlier `@`, for that can be the
    // password's too.
    if path.contains('@') || query.contains('@') {
        return Err(stray_at());
    }
    if !hosts.is_empty() {
        url.written = hosts_of(hosts)?;
    }
    let database = decode(path, "the database", false)?;
    url.database = (!database.is_empty()).then(|| database.into());
    options(url, query)
}

fn stray_at() -> Error {
    bad(
        "there is an `@` after the end of the host; in the user name and the password write `/` as %2F and `?` as %3F, in \
         the database and the options write `@` as %40",
    )
}

fn hosts_of(text: &str) -> Result<Vec<Address>, Error> {
    let many = text.contains(',');
    text.split(',')
        .enumerate()
        .map(|(n, one)| {
            let which = if many { format!("host number {}", n + 1) } else { "the host".to_string() };
            if one.is_empty() {
                return Err(bad(format!("{which} is empty; between hosts there is one comma")));
            }
            let (host, port) = match one.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((inside, after)) => {
                    let port = match after.strip_prefix(':') {
                        Some(port) => Some(port),
                        None if after.is_empty() => None,
                        None => return Err(bad(format!("after the `]` of {which} there can only be `:` and a port"))),
                    };
                    (format!("[{}]", decode(inside, &which, false)?), port)
                }
                None => {
                    // A colon inside the host is left for `Host` to explain.
                    let (host, port) = match one.rsplit_once(':') {
                        Some((host, port)) if !host.contains(':') => (host, Some(port)),
                        _ => (one, None),
                    };
                    if host.is_empty() {
                        return Err(bad(format!("{which} is missing before its port; write localhost:port")));
                    }
                    (decode(host, &which, false)?, port)
                }
            };
            let host = host.parse::<Host>()?;
            Ok(Address { host, port: port.filter(|port| !port.is_empty()).map(|p| port_of(p, &which)).transpose()? })
        })
        .collect()
}

pub(super) fn port_of(text: &str, which: &str) -> Result<u16, Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(bad(format!(
            "the port of {which} is no number from 1 to 65535; if it is a piece of the password, write `/` there as \
             %2F, `?` as %3F and `@` as %40"
        ))),
    }
}

fn options(url: &mut DatabaseUrl, query: &str) -> Result<(), Error> {
    for (n, pair) in query.split('&').enumerate() {
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, &format!("the name of option number {}", n + 1), true)?;
        check_option_name(&name).map_err(|error| error.context(format_args!("option number {}", n + 1)))?;
        let value = decode(value, &format!("the value of option `{name}`"), true)?;
        url.options.push((name.into(), Secret::new(value)));
    }
    Ok(())
}

/// An option's name is quoted in messages, so it must look like a name: anything else is likely a piece of something
/// else that a stray `?` or `&` cut off.
pub(super) fn check_option_name(name: &str) -> Result<(), Error> {
    let fine = |c: char| c.is_alphanumeric() || "_-.$ ".contains(c);
    if name.is_empty() {
        return Err(bad("its name is empty; write name=value"));
    }
    if name.trim() != name || !name.chars().all(fine) {
        return Err(bad(
            "its name has a character that no option has; write name=value, `&` between options, and inside a value or a \
             password `&` as %26 and `?` as %3F",
        ));
    }
    Ok(())
}

fn split_query(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

/// Percent-decodes one component; in options `+` is a space, as in forms.
pub(super) fn decode(text: &str, what: &str, form: bool) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' if form => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or_default(),
                    _ => return Err(bad(format!("{what} has a `%` that begins no escape; write it as %25"))),
                }
            }
            byte => byte,
        });
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| bad(format!("{what} is no UTF-8 after percent-decoding; encode it as UTF-8")))?;
    check_text(&text, what)?;
    Ok(text)
}

/// Refuses control characters, NUL among them, wherever decoded text comes in.
pub(super) fn check_text(text: &str, what: &str) -> Result<(), Error> {
    match text.char_indices().find(|(_, c)| c.is_control()) {
        None => Ok(()),
        Some((at, c)) => Err(bad(format!(
            "{what} has a control character (U+{:04X}) at byte {at}; is it a line end that was read from a file?",
            u32::from(c)
        ))),
    }
}
