//! Where a server listens.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::utf8_percent_encode;

use super::show::COMPONENT;
use crate::error::{Error, ErrorKind};

/// A host of a database URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// A name to look up.
    Name(Box<str>),
    /// An IPv4 address.
    Ip4(Ipv4Addr),
    /// An IPv6 address with its zone (`fe80::1%eth0`), if one was given.
    Ip6(Ipv6Addr, Option<Box<str>>),
    /// A Unix domain socket: a path, or the folder it is in; a name in the abstract namespace begins with `@`.
    Unix(PathBuf),
}

impl Host {
    /// Whether it can only be this machine: a Unix socket, `localhost` and names below it, `127.0.0.0/8`, `::1`.
    pub fn is_local(&self) -> bool {
        match self {
            Host::Name(name) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                name == "localhost" || name.ends_with(".localhost")
            }
            Host::Ip4(address) => address.is_loopback(),
            Host::Ip6(address, _) => {
                address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
            }
            Host::Unix(_) => true,
        }
    }

    /// The path of a Unix socket.
    pub fn unix_path(&self) -> Option<&Path> {
        match self {
            Host::Unix(path) => Some(path),
            _ => None,
        }
    }

    /// The host as drivers and people write it outside a URL: no brackets, no percent-encoding.
    pub fn to_plain(&self) -> String {
        match self {
            Host::Name(name) => name.to_string(),
            Host::Ip4(address) => address.to_string(),
            Host::Ip6(address, None) => address.to_string(),
            Host::Ip6(address, Some(zone)) => format!("{address}%{zone}"),
            Host::Unix(path) => path.display().to_string(),
        }
    }
}

impl FromStr for Host {
    type Err = Error;

    /// Reads a host in plain (decoded) form. What begins with `/` or `@` is a Unix socket, as libpq has it. IPv6 may
    /// stand in brackets.
    fn from_str(text: &str) -> Result<Host, Error> {
        if text.is_empty() {
            return Err(bad("a host is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(bad("a host has a control character"));
        }
        if text.starts_with(['/', '@']) {
            return Ok(Host::Unix(PathBuf::from(text)));
        }
        if let Some(bracketed) = text.strip_prefix('[') {
            return match bracketed.strip_suffix(']').map(ip6) {
                Some(Some(host)) => Ok(host),
                _ => Err(bad("a host in brackets is no IPv6 address; write one like [2001:db8::1]")),
            };
        }
        if let Some(host) = ip6(text) {
            return Ok(host);
        }
        if let Ok(address) = text.parse() {
            return Ok(Host::Ip4(address));
        }
        // The text is not quoted: in a URL that went wrong it can be a piece of the password.
        match text.chars().find(|c| c.is_whitespace() || "/?#@[]<>^|\"`%,:;&=".contains(*c)) {
            Some(':') => Err(bad(
                "a host has more than one `:`; an IPv6 address must stand in brackets, like [2001:db8::1], and each of \
                 several hosts after a comma",
            )),
            Some(c) => Err(bad(format!("a host has the character {c:?}, which no host name can have"))),
            None => Ok(Host::Name(text.into())),
        }
    }
}

fn ip6(text: &str) -> Option<Host> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address: Ipv6Addr = address.parse().ok()?;
    match zone {
        None => Some(Host::Ip6(address, None)),
        Some(zone) => {
            let fine = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            (!zone.is_empty() && zone.chars().all(fine)).then(|| Host::Ip6(address, Some(zone.into())))
        }
    }
}

impl fmt::Display for Host {
    /// The host as it stands in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => write!(f, "{}", utf8_percent_encode(name, COMPONENT)),
            Host::Ip4(address) => write!(f, "{address}"),
            Host::Ip6(address, None) => write!(f, "[{address}]"),
            Host::Ip6(address, Some(zone)) => write!(f, "[{address}%25{zone}]"),
            // Only text becomes a `Host`, so the path is UTF-8 unless it was put together by hand.
            Host::Unix(path) => write!(f, "{}", utf8_percent_encode(&path.to_string_lossy(), COMPONENT)),
        }
    }
}

/// A host and the port given with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The host.
    pub host: Host,
    /// The port; `None` is the driver's default.
    pub port: Option<u16>,
}

impl Address {
    /// A host with a port, or without one.
    pub fn new(host: Host, port: impl Into<Option<u16>>) -> Address {
        Address { host, port: port.into() }
    }
}

impl fmt::Display for Address {
    /// The address as it stands in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Url, message)
}
