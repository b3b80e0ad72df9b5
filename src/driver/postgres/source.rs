//! Where connections come from: the hosts in their order, one attempt after another, until one will do.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use postgres::Client;
use postgres::config::{SslMode, SslNegotiation};

use super::core::Core;
use super::error::{of_connect, of_statement};
use super::handle::{PgHandle, Reach};
use super::link::PgLink;
use super::options::{SessionAttrs, Settings};
use super::statements::Epoch;
use super::tls::{Tls, TlsFactory};
use super::wire::{Plug, Wire};
use crate::config::{Config, TlsMode};
use crate::driver::names::look_up;
use crate::driver::{Call, Link, Notices, Source};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::random::unit;
use crate::sql::{Dialect, POSTGRES};
use crate::url::Host;

/// The port of a server that says none.
pub(super) const PORT: u16 = 5432;

/// Makes connections to one database, on whichever of its hosts.
pub(super) struct PgSource {
    config: Config,
    settings: Settings,
    tls: TlsFactory,
    epoch: Epoch,
    notices: Notices,
}

/// One place to try.
#[derive(Clone, Debug)]
struct Target {
    host: Host,
    at: At,
    /// For messages.
    place: String,
}

#[derive(Clone, Debug)]
enum At {
    Tcp(SocketAddr),
    /// The folder that the socket is in, and the port that is part of its name.
    Unix(PathBuf, u16),
}

impl PgSource {
    pub(super) fn new(config: &Config) -> Result<PgSource> {
        let settings = Settings::of(config)?;
        for address in config.url().hosts() {
            if let Host::Unix(path) = &address.host
                && path.to_string_lossy().starts_with('@')
            {
                return Err(Error::new(
                    ErrorKind::Config,
                    "PostgreSQL's client has no sockets in the abstract namespace; name a folder",
                ));
            }
        }
        Ok(PgSource {
            config: config.clone(),
            settings,
            tls: TlsFactory::new(config.tls()),
            epoch: Epoch::default(),
            notices: Notices::of(config),
        })
    }

    /// Opens a connection for the library's own use.
    pub(super) fn open(&self, call: &Call<'_>) -> Result<Core> {
        reserve_files()?;
        let mut hosts: Vec<(Host, u16)> = self
            .config
            .url()
            .hosts()
            .iter()
            .map(|address| (address.host.clone(), address.port.unwrap_or(PORT)))
            .collect();
        if hosts.is_empty() {
            hosts.push((Host::Name("localhost".into()), PORT));
        }
        if self.settings.shuffle {
            shuffle(&mut hosts);
        }
        let mut errors = Vec::new();
        let wanted = match self.settings.attrs {
            // A standby first; any other will do when there is none.
            SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any][..],
            _ => &[self.settings.attrs][..],
        };
        for attrs in wanted {
            for (at, (host, port)) in hosts.iter().enumerate() {
                call.check().map_err(|error| error.with_effect(Effect::NotSent))?;
                let share = share(call.deadline(), hosts.len() - at);
                match self.try_host(host, *port, *attrs, share) {
                    Ok(core) => return Ok(core),
                    // Another host has the same users and the same databases.
                    Err(error) if is_final(error.kind()) => return Err(error),
                    Err(error) => errors.push(error),
                }
            }
        }
        Err(all(errors))
    }

    fn try_host(&self, host: &Host, port: u16, attrs: SessionAttrs, deadline: Option<Instant>) -> Result<Core> {
        let mut targets = resolve(host, port, deadline)?;
        if self.settings.shuffle {
            shuffle(&mut targets);
        }
        let mut errors = Vec::new();
        for (at, target) in targets.iter().enumerate() {
            match self.attempt(target, attrs, share(deadline, targets.len() - at)) {
                Ok(core) => return Ok(core),
                Err(error) if is_final(error.kind()) => return Err(error),
                Err(error) => errors.push(error),
            }
        }
        Err(all(errors))
    }

    fn attempt(&self, target: &Target, attrs: SessionAttrs, deadline: Option<Instant>) -> Result<Core> {
        let tls = self.tls.of(&self.config, &target.host, self.settings.direct_tls)?;
        let is_optional = tls.as_ref().is_some_and(|tls| tls.optional);
        let mut core = match self.login(target, tls, deadline) {
            // As libpq: where TLS was only preferred, what fails with it is tried without.
            Err(error) if is_optional && matches!(error.kind(), ErrorKind::Tls | ErrorKind::Authentication) => {
                self.login(target, None, deadline)?
            }
            login => login?,
        };
        check_attrs(&mut core, attrs, &target.place)?;
        Ok(core)
    }

    fn login(&self, target: &Target, tls: Option<Tls>, deadline: Option<Instant>) -> Result<Core> {
        let mut native = self.native()?;
        match &target.at {
            At::Unix(folder, port) => native.host_path(folder).port(*port).ssl_mode(SslMode::Disable),
            // The library asks for TLS where it is told to require it, and that is how the socket comes to us.
            At::Tcp(address) => native
                .host(&target.host.to_plain())
                .hostaddr(address.ip())
                .port(address.port())
                .ssl_mode(SslMode::Require)
                .ssl_negotiation(SslNegotiation::Direct),
        };
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(late(&target.place));
            }
            native.connect_timeout(left);
        }
        let notices = self.notices.clone();
        native.notice_callback(move |notice| notices.tell(notice.severity(), notice.message()));
        let trusts = self.settings.cleartext_password;
        let wire = Wire::new(deadline, !(trusts && target.host.is_local()));
        let plug = Plug { wire: Arc::clone(&wire), tls: tls.clone(), trusts };
        let client: Client =
            native.connect(plug).map_err(|error| of_connect(error, &target.place, || self.tls_advice(&target.host)))?;
        let reach = match &target.at {
            At::Tcp(address) => Reach::Tcp { address: *address, tls: tls.filter(|_| wire.is_encrypted()) },
            At::Unix(..) => Reach::Unix(client.cancel_token()),
        };
        wire.connected();
        let handle = Arc::new(PgHandle::new(Arc::clone(&wire), reach));
        Ok(Core::new(
            client,
            wire,
            handle,
            self.settings.statement_cache,
            self.settings.keeps_statements,
            self.epoch.clone(),
        ))
    }

    /// What every connection has in common.
    fn native(&self) -> Result<postgres::Config> {
        let settings = &self.settings;
        let mut native = postgres::Config::new();
        let user = self.config.username();
        match user {
            Some(user) => native.user(user),
            None => {
                let name = std::env::var("USER").ok().filter(|name| !name.is_empty());
                native.user(&name.unwrap_or_else(|| "postgres".to_string()))
            }
        };
        if let Some(password) = self.config.password()? {
            native.password(password.expose());
        }
        if let Some(database) = self.config.url().database().filter(|name| !name.is_empty()) {
            native.dbname(database);
        }
        if let Some(name) = &settings.application_name {
            native.application_name(name);
        }
        if let Some(options) = &settings.options {
            native.options(options);
        }
        native
            .keepalives(settings.keepalives)
            .keepalives_idle(settings.keepalives_idle)
            .keepalives_interval(settings.keepalives_interval)
            .keepalives_retries(settings.keepalives_count)
            .channel_binding(settings.channel_binding);
        if let Some(timeout) = settings.tcp_user_timeout {
            native.tcp_user_timeout(timeout);
        }
        Ok(native)
    }

    /// What to do where TLS was not to be had.
    fn tls_advice(&self, host: &Host) -> String {
        let mode = self.config.tls_mode(host);
        let from = match self.config.tls().mode {
            Some(_) => format!("sslmode={} asks for it", mode.as_str()),
            None => "without sslmode a host that is not this machine must have it (verify-full)".to_string(),
        };
        match mode {
            TlsMode::VerifyFull | TlsMode::VerifyCa => format!(
                "{from}: name the root that signed the server's certificate with sslrootcert, or set sslmode=require to \
                 encrypt without asking who the server is, or sslmode=disable on a network that you trust"
            ),
            _ => format!("{from}: set sslmode=disable on a network that you trust"),
        }
    }
}

impl Source for PgSource {
    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    fn connect(&self, call: &Call<'_>) -> Result<Box<dyn Link>> {
        Ok(Box::new(PgLink::new(self.open(call)?)))
    }
}

/// The end of this attempt, if `parts` attempts are to share what is left: one deaf host must not use up the time of the others.
fn share(deadline: Option<Instant>, parts: usize) -> Option<Instant> {
    let deadline = deadline?;
    let now = Instant::now();
    let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
    Some(now + deadline.saturating_duration_since(now) / parts)
}

/// What another host would say too.
fn is_final(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Config | ErrorKind::Limit | ErrorKind::ResourceExhausted | ErrorKind::ForbiddenOption)
}

/// One error for all attempts: the last, unless an earlier one says more, with the others behind it.
fn all(mut errors: Vec<Error>) -> Error {
    let telling = |error: &Error| match error.kind() {
        ErrorKind::Timeout => 0,
        kind if kind.is_transient() => 1,
        _ => 2,
    };
    let Some(best) = (0..errors.len()).max_by_key(|at| telling(&errors[*at])) else {
        return Error::new(ErrorKind::ConnectFailed, "there is no host to connect to");
    };
    let mut error = errors.swap_remove(best);
    for other in errors {
        if error.secondary().is_none() {
            error = error.with_secondary(other);
        }
    }
    error.with_effect(Effect::NotSent)
}

fn late(place: &str) -> Error {
    Error::new(ErrorKind::Timeout, "the time to connect is over").with_effect(Effect::NotSent).context(place)
}

fn shuffle<T>(list: &mut [T]) {
    for at in (1..list.len()).rev() {
        list.swap(at, (unit() * (at + 1) as f64) as usize);
    }
}

/// The addresses of a host.
fn resolve(host: &Host, port: u16, deadline: Option<Instant>) -> Result<Vec<Target>> {
    let tcp = |address: SocketAddr, place: String| Target { host: host.clone(), at: At::Tcp(address), place };
    match host {
        Host::Unix(path) => {
            let (folder, port) = socket_of(path, port);
            let place = format!("at {}", folder.join(format!(".s.PGSQL.{port}")).display());
            Ok(vec![Target { host: host.clone(), at: At::Unix(folder, port), place }])
        }
        Host::Ip4(address) => {
            let address = SocketAddr::new(IpAddr::V4(*address), port);
            Ok(vec![tcp(address, format!("at {address}"))])
        }
        Host::Ip6(address, None) => {
            let address = SocketAddr::new(IpAddr::V6(*address), port);
            Ok(vec![tcp(address, format!("at {address}"))])
        }
        Host::Ip6(_, Some(_)) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the address {} has a zone, which this driver cannot pass on: use a name or an address without",
                host.to_plain()
            ),
        )),
        Host::Name(name) => {
            let addresses = look_up(name, port, deadline)?;
            Ok(addresses.into_iter().map(|address| tcp(address, format!("at {name} ({address})"))).collect())
        }
    }
}

/// A folder as libpq wants it, or the whole path of a socket as other databases do.
fn socket_of(path: &std::path::Path, port: u16) -> (PathBuf, u16) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match (name.strip_prefix(".s.PGSQL.").and_then(|port| port.parse().ok()), path.parent()) {
        (Some(port), Some(folder)) => (folder.to_path_buf(), port),
        _ => (path.to_path_buf(), port),
    }
}

/// The client library panics where it cannot make its runtime, so what that needs is looked for first.
fn reserve_files() -> Result<()> {
    const NEEDED: usize = 8;
    if !cfg!(unix) {
        return Ok(());
    }
    let mut held = Vec::with_capacity(NEEDED);
    for _ in 0..NEEDED {
        match std::fs::File::open("/dev/null") {
            Ok(file) => held.push(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => {
                return Err(Error::new(
                    ErrorKind::ResourceExhausted,
                    "too few file descriptors are left to open a connection: raise the limit (ulimit -n), or lower pool_size",
                )
                .with_effect(Effect::NotSent)
                .with_source(error));
            }
        }
    }
    Ok(())
}

/// Whether the server is one of those that were asked for.
fn check_attrs(core: &mut Core, attrs: SessionAttrs, place: &str) -> Result<()> {
    if attrs == SessionAttrs::Any {
        return Ok(());
    }
    let asked = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
    let answer = core.client.simple_query(asked).map_err(of_statement)?;
    let cells = answer.iter().find_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let (is_standby, is_read_only) = cells.ok_or_else(|| {
        Error::new(ErrorKind::ConnectFailed, "the server does not tell whether it is a primary").context(place)
    })?;
    let (is_fine, wanted) = match attrs {
        SessionAttrs::ReadWrite => (!is_standby && !is_read_only, "a server that can be written to"),
        SessionAttrs::ReadOnly => (is_standby || is_read_only, "a server that cannot be written to"),
        SessionAttrs::Primary => (!is_standby, "a primary"),
        SessionAttrs::Standby => (is_standby, "a standby"),
        SessionAttrs::Any | SessionAttrs::PreferStandby => (true, "any server"),
    };
    if is_fine {
        return Ok(());
    }
    let (is, state) =
        (if is_standby { "a standby" } else { "a primary" }, if is_read_only { "read-only" } else { "writable" });
    Err(Error::new(
        ErrorKind::ConnectFailed,
        format!("target_session_attrs wants {wanted}, and this one is {is}, {state}"),
    )
    .context(place))
}
