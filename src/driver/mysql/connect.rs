//! Opening a connection: addresses, TLS, login, and what the session is set to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql::consts::CapabilityFlags;
use mysql::error::{DriverError, Error as Native};
use mysql::prelude::Queryable;
use mysql::{ClientIdentity, Compression, Conn, Opts, OptsBuilder, SslOpts};

use super::error::{self, UNKNOWN_VARIABLE, io_of, number_of};
use super::infile;
use super::link::MysqlLink;
use super::options::Settings;
use super::reach::{IDENTITY, Reach};
use super::server::Server;
use crate::config::{Config, TlsMode};
use crate::driver::Call;
use crate::driver::names::look_up;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::url::Host;

/// The port where none is given.
pub(super) const PORT: u16 = 3306;

/// The largest packet that the protocol has. What the server takes is less and asked for; what it sends may be a row
/// that is larger than that.
const LARGEST_PACKET: usize = 1 << 30;

/// How often an unanswered keepalive is asked again, in seconds, and how many times.
const KEEPALIVE_AGAIN: (u32, u32) = (10, 3);

/// Makes connections.
pub(super) struct Connector {
    config: Config,
    pub(super) settings: Settings,
}

/// A place to connect to.
enum Place<'h> {
    Unix(PathBuf),
    /// With the host as it was asked for, which the server's certificate must be for.
    Tcp(&'h Host, SocketAddr),
}

impl Connector {
    pub(super) fn new(config: &Config, settings: Settings) -> Result<Connector> {
        if config.tls().key_password.is_some() {
            return Err(Error::new(
                ErrorKind::Config,
                "mysql: the driver reads no client key with a passphrase: give one without, and leave out sslpassword",
            ));
        }
        if config.tls().cert.is_some() != config.tls().key.is_some() {
            return Err(Error::new(ErrorKind::Config, "mysql: sslcert and sslkey go together: give both or none"));
        }
        if config.tls().mode == Some(TlsMode::VerifyCa) {
            return Err(Error::new(
                ErrorKind::Config,
                "mysql: sslmode=verify-ca would take any certificate of any public authority, because the driver \
                 trusts those beside yours: use verify-full, which also compares the name",
            ));
        }
        Ok(Connector { config: config.clone(), settings })
    }

    /// Opens a connection to the first host that has one.
    pub(super) fn connect(self: &Arc<Self>, call: &Call<'_>) -> Result<MysqlLink> {
        let password = self.config.password()?;
        let mut last = None;
        let hosts = self.hosts();
        let count = hosts.len();
        for (tried, (host, port)) in hosts.into_iter().enumerate() {
            // Each has an equal part of the time that is left, so that a deaf one leaves some to those after it.
            let share = call.remaining().map(|left| left / u32::try_from(count - tried).unwrap_or(u32::MAX));
            match self.connect_to(call, &host, port, password.as_ref(), share) {
                Ok(link) => return Ok(link),
                Err(error) if error.kind().is_transient() => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::new(ErrorKind::Config, "mysql: no host to connect to")))
    }

    fn hosts(&self) -> Vec<(Host, u16)> {
        if let Some(socket) = &self.settings.socket {
            return vec![(Host::Unix(socket.clone()), PORT)];
        }
        let hosts: Vec<_> = self
            .config
            .url()
            .hosts()
            .iter()
            .map(|address| (address.host.clone(), address.port.unwrap_or(PORT)))
            .collect();
        if hosts.is_empty() { vec![(Host::Name("localhost".into()), PORT)] } else { hosts }
    }

    fn connect_to(
        self: &Arc<Self>,
        call: &Call<'_>,
        host: &Host,
        port: u16,
        password: Option<&Secret>,
        share: Option<Duration>,
    ) -> Result<MysqlLink> {
        let shown = match host {
            Host::Unix(path) => path.display().to_string(),
            host => format!("{host}:{port}"),
        };
        let begun = Instant::now();
        let places = places(host, port, share.map(|share| begun + share))?;
        let share = share.map(|share| share.saturating_sub(begun.elapsed()));
        let count = u32::try_from(places.len()).unwrap_or(u32::MAX).max(1);
        let share = share.map(|share| share / count);
        let mut last = None;
        for place in places {
            if call.check().is_err() {
                break;
            }
            match self.attempt(&place, password, share) {
                Ok(link) => return Ok(link),
                Err(native) => {
                    let error = self.of_connect(native, &shown, host, call);
                    if !error.kind().is_transient() {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        Err(last
            .unwrap_or_else(|| Error::new(ErrorKind::ConnectFailed, format!("no time was left to connect to {shown}"))))
    }

    fn attempt(
        self: &Arc<Self>,
        place: &Place<'_>,
        password: Option<&Secret>,
        share: Option<Duration>,
    ) -> std::result::Result<MysqlLink, Native> {
        let mode = match place {
            Place::Unix(_) => TlsMode::Disable,
            Place::Tcp(host, _) => self.config.tls_mode(host),
        };
        match self.log_in(place, password, mode, share) {
            Err(Native::DriverError(DriverError::TlsNotSupported)) if mode == TlsMode::Prefer => {
                self.log_in(place, password, TlsMode::Disable, share)
            }
            outcome => outcome,
        }
    }

    fn log_in(
        self: &Arc<Self>,
        place: &Place<'_>,
        password: Option<&Secret>,
        mode: TlsMode,
        share: Option<Duration>,
    ) -> std::result::Result<MysqlLink, Native> {
        let plain: Opts = self.opts(place, password, mode).into();
        // A timeout of nothing would be none at all.
        let left = share.map(|share| share.max(Duration::from_millis(1)));
        let refused = infile::Refused::default();
        let timed = OptsBuilder::from_opts(plain.clone())
            .tcp_connect_timeout(left)
            .read_timeout(left)
            .write_timeout(left)
            .local_infile_handler(Some(refused.handler()));
        if mode != TlsMode::Disable {
            choose_crypto();
        }
        let mut conn = Conn::new(timed)?;
        self.set_up(&mut conn)?;
        let server = Server::ask(&mut conn)?;
        let identity = conn.query_first::<mysql::Row, _>(IDENTITY)?.map(mysql::Row::unwrap).unwrap_or_default();
        let reach = Reach::new(&conn, plain, identity)?;
        // From here on the time of a call is its handle's business.
        reach.set_patience(None)?;
        Ok(MysqlLink::new(conn, Arc::clone(self), server, reach, refused))
    }

    fn opts(&self, place: &Place<'_>, password: Option<&Secret>, mode: TlsMode) -> OptsBuilder {
        let settings = &self.settings;
        let mut flags = CapabilityFlags::CLIENT_SESSION_TRACK;
        flags.set(CapabilityFlags::CLIENT_FOUND_ROWS, settings.found_rows);
        let opts = OptsBuilder::new()
            .user(self.config.username())
            .pass(password.map(Secret::expose))
            .db_name(self.config.url().database())
            // Asking the server for its socket and moving over to that would be a surprise.
            .prefer_socket(false)
            .max_allowed_packet(Some(LARGEST_PACKET))
            .stmt_cache_size(settings.statement_cache)
            .compress(settings.compress.then(Compression::default))
            .server_key_path(settings.server_public_key.clone())
            .additional_capabilities(flags);
        let is_private = mode == TlsMode::VerifyFull || matches!(place, Place::Unix(_));
        let opts = opts.enable_cleartext_plugin(settings.cleartext_password && is_private);
        match place {
            Place::Unix(path) => opts.socket(Some(path.display().to_string())),
            Place::Tcp(host, address) => self.over_tcp(opts, host, *address, mode),
        }
    }

    fn over_tcp(&self, opts: OptsBuilder, host: &Host, address: SocketAddr, mode: TlsMode) -> OptsBuilder {
        let millis = |time: Option<Duration>| time.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
        let opts = opts.tcp_port(address.port()).tcp_keepalive_time_ms(millis(self.settings.tcp_keepalive));
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        let opts = opts
            .tcp_keepalive_probe_interval_secs(Some(KEEPALIVE_AGAIN.0))
            .tcp_keepalive_probe_count(Some(KEEPALIVE_AGAIN.1));
        #[cfg(target_os = "linux")]
        let opts = opts.tcp_user_timeout_ms(millis(self.settings.tcp_user_timeout));
        let opts = match (mode, host) {
            // The crate compares the certificate with the very name that it connects to, and looks that up again; bound to
            // an address family, it tries the addresses of that family one after another.
            (TlsMode::VerifyFull, Host::Name(name)) => {
                let any = match address.ip() {
                    IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                };
                opts.ip_or_hostname(Some(name.to_string())).bind_address(Some(SocketAddr::new(any, 0)))
            }
            _ => opts.ip_or_hostname(Some(match address {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            })),
        };
        let verifies = mode == TlsMode::VerifyFull;
        let tls = self.config.tls();
        let identity = tls.cert.clone().zip(tls.key.clone()).map(|(cert, key)| ClientIdentity::new(cert, key));
        opts.ssl_opts((mode != TlsMode::Disable).then(|| {
            SslOpts::default()
                .with_root_cert_path(tls.root_cert.clone())
                .with_client_identity(identity)
                .with_danger_accept_invalid_certs(!verifies)
                .with_danger_skip_domain_validation(!verifies)
        }))
    }

    /// Puts the session into the state in which every borrower finds it; after a reset once more.
    pub(super) fn set_up(&self, conn: &mut Conn) -> std::result::Result<(), Native> {
        let mut text = String::from("SET NAMES utf8mb4, autocommit = 1");
        match &self.settings.sql_mode {
            Some(mode) => text += &format!(", sql_mode = '{mode}'"),
            // A server may have it as its default.
            None if conn.no_backslash_escape() => {
                text += ", sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')";
            }
            None => {}
        }
        if let Some(zone) = &self.settings.time_zone {
            text += &format!(", time_zone = '{}'", zone.name());
        }
        // With this the server tells with each answer what became of the transaction; older ones do not know it.
        let told = format!("{text}, session_track_transaction_info = 'STATE'");
        match conn.query_drop(told) {
            Err(error) if number_of(&error) == Some(UNKNOWN_VARIABLE) => conn.query_drop(text),
            outcome => outcome,
        }
    }

    /// The database that a session begins in.
    pub(super) fn database(&self) -> Option<&str> {
        self.config.url().database().filter(|name| !name.is_empty())
    }

    /// The error of a statement.
    pub(super) fn of_native(&self, native: Native) -> Error {
        error::of_native(native, self.config.redactor())
    }

    /// The error of an attempt to connect.
    #[cold]
    fn of_connect(&self, native: Native, shown: &str, host: &Host, call: &Call<'_>) -> Error {
        let redactor = self.config.redactor();
        let mode = self.config.tls_mode(host);
        let setting = match self.config.tls().mode {
            Some(mode) => format!("sslmode={}", mode.as_str()),
            None => format!("sslmode={}, the default for a host other than this machine,", mode.as_str()),
        };
        let error = match &native {
            Native::MySqlError(error) => {
                return error::of_server(error, true, redactor).context(format_args!("cannot connect to {shown}"));
            }
            Native::DriverError(DriverError::TlsNotSupported) => Error::new(
                ErrorKind::Tls,
                format!(
                    "the server at {shown} offers no TLS, and {setting} demands it: give it a certificate, or say \
                     sslmode=disable to go without"
                ),
            ),
            Native::DriverError(DriverError::CleartextPluginDisabled) => Error::new(
                ErrorKind::Authentication,
                format!(
                    "the server at {shown} asks for the password as it is: it gets it with the option \
                     cleartext_password switched on, and only under sslmode=verify-full or on a Unix socket"
                ),
            ),
            Native::DriverError(DriverError::UnknownAuthPlugin(name)) => Error::new(
                ErrorKind::Authentication,
                format!(
                    "the server at {shown} asks for a login that this driver does not know: {}",
                    redactor.redact(name)
                ),
            ),
            Native::DriverError(DriverError::OldMysqlPasswordDisabled) => Error::new(
                ErrorKind::Authentication,
                format!(
                    "the server at {shown} asks for the login of before MySQL 4.1, which is not safe: set the password anew"
                ),
            ),
            _ if is_tls(&native) => Error::new(
                ErrorKind::Tls,
                format!(
                    "no TLS with the server at {shown}, under {setting} ({}): sslrootcert names the authority to trust",
                    redactor.redact(&innermost(&native))
                ),
            ),
            _ if call.deadline().is_some_and(|deadline| Instant::now() >= deadline) => {
                Error::new(ErrorKind::Timeout, format!("{shown} did not finish the handshake in time"))
            }
            Native::DriverError(DriverError::ConnectTimeout) => {
                Error::new(ErrorKind::ConnectFailed, format!("{shown} did not answer in time"))
            }
            Native::IoError(error) if is_of_a_file(error) => Error::new(
                ErrorKind::Config,
                format!(
                    "cannot read a file that an option names (sslrootcert, sslcert, sslkey, server_public_key): {error}"
                ),
            ),
            other => Error::new(
                ErrorKind::ConnectFailed,
                format!("cannot connect to {shown}: {}", redactor.redact(&innermost(other))),
            ),
        };
        error.with_effect(Effect::NotSent).with_source(redactor.source(native))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Where a host can be reached, in the order in which that is tried.
fn places(host: &Host, port: u16, deadline: Option<Instant>) -> Result<Vec<Place<'_>>> {
    let addresses = match host {
        Host::Unix(path) => return Ok(vec![Place::Unix(socket_path(path))]),
        Host::Ip4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
        Host::Ip6(address, None) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
        host => look_up(&host.to_plain(), port, deadline)?,
    };
    Ok(addresses.into_iter().map(|address| Place::Tcp(host, address)).collect())
}

/// A folder stands for the socket in it, as the servers call it.
fn socket_path(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join("mysqld.sock"),
        false => path.to_path_buf(),
    }
}

/// The crate takes the process's choice of cryptography and panics where there is none and the features of `rustls` name
/// two: whoever has not chosen gets the one that is compiled in for sure.
fn choose_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that somebody else was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn is_tls(native: &Native) -> bool {
    match native {
        Native::TlsError(_) => true,
        other => io_of(other).and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>()),
    }
}

/// A file that is not there or may not be read; a socket fails in other ways.
fn is_of_a_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory)
}

/// What happened, without the names of the crate's own errors around it.
fn innermost(native: &Native) -> String {
    match native {
        Native::DriverError(DriverError::CouldNotConnect(Some((_, reason, _)))) => reason.clone(),
        Native::TlsError(error) => error.to_string(),
        Native::DriverError(error) => error.to_string(),
        other => io_of(other).map_or_else(|| other.to_string(), io::Error::to_string),
    }
}
