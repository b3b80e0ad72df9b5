//! What the connections of one `Database` share, whatever the host.

use std::sync::Arc;

use super::child::Launch;
use super::conversation::{Conversation, Trouble};
use super::core::{Core, Speech};
use super::error;
use super::frame::garbage;
use super::host::Hosts;
use super::message::{CONNECT, CONNECTED, Facts};
use super::reach::Reach;
use super::socket::Line;
use crate::config::Config;
use crate::driver::way::Way;
use crate::driver::{Call, Link, Notices, Source};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::sql::Dialect;

/// What differs from one kind of host to another.
pub(super) trait Foreign: Send + Sync + 'static {
    /// How a host is started.
    ///
    /// # Errors
    /// `Config` when its program cannot be found; the message lists where it was looked for.
    fn launch(&self) -> Result<Launch>;

    /// Whether each connection has a host of its own.
    fn one_each(&self) -> bool;

    /// What the host is told at `CONNECT`. Asked for each connection, since the password may be another one each time.
    ///
    /// # Errors
    /// When there is no password to be had.
    fn names(&self, config: &Config, call: &Call<'_>) -> Result<Vec<(String, Secret)>>;

    /// What a connection speaks, by what its host told.
    ///
    /// # Errors
    /// When nothing here can speak so.
    fn speech(&self, facts: &Facts) -> Result<Speech>;

    /// The dialect before the first connection has said which it is.
    fn dialect(&self) -> &'static Dialect;
}

/// What there is to know to open a connection.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) foreign: Box<dyn Foreign>,
    hosts: Arc<Hosts>,
}

impl Shared {
    /// Opens a connection.
    pub(super) fn open(self: &Arc<Shared>, call: &Call<'_>) -> Result<Core> {
        call.check().map_err(|error| error.with_effect(Effect::NotSent))?;
        let not_sent = |error: Error| error.with_effect(Effect::NotSent);
        let one_each = self.foreign.one_each();
        let (host, met) = self.hosts.meet(&self.foreign.launch()?, one_each, call.deadline()).map_err(not_sent)?;
        let reach = Reach::new(host, Arc::clone(&self.hosts), one_each, &met.data, met.side)
            .map_err(|error| super::child::exhausted("a descriptor", error))?;
        let talk = Conversation::new(Line::new(met.data), Arc::new(reach), self.hosts.notices().clone());
        talk.set_patience(call.remaining())?;
        let names = self.foreign.names(&self.config, call)?;
        let answer = talk.ask(Some(call), CONNECT, |frame| {
            frame.count(names.len());
            for (name, value) in &names {
                frame.text(name).text(value.expose());
            }
            Ok(())
        });
        let answer = answer.map_err(|trouble| match trouble {
            Trouble::Said(report) => error::of_connect(&self.config, &report),
            // It died over it.
            Trouble::Ours(error) if error.kind() == ErrorKind::ConnectionLost => {
                not_sent(error.with_kind(ErrorKind::ConnectFailed)).scrubbed(self.config.redactor())
            }
            Trouble::Ours(error) => not_sent(error),
        })?;
        if answer.kind != CONNECTED {
            return Err(not_sent(garbage("no answer to the request to connect").with_kind(ErrorKind::ConnectFailed)));
        }
        let facts = Facts::read(answer.body()).map_err(not_sent)?;
        let speech = self.foreign.speech(&facts)?;
        talk.set_patience(None)?;
        Ok(Core::new(talk, Arc::clone(self), met.hello.packing, speech))
    }
}

/// Makes connections through hosts.
pub(super) struct HostedSource(Arc<Shared>);

impl HostedSource {
    pub(super) fn new(config: &Config, foreign: Box<dyn Foreign>) -> HostedSource {
        let hosts = Arc::new(Hosts::new(Notices::of(config)));
        HostedSource(Arc::new(Shared { config: config.clone(), foreign, hosts }))
    }
}

impl Source for HostedSource {
    fn dialect(&self) -> &'static Dialect {
        self.0.foreign.dialect()
    }

    fn connect(&self, call: &Call<'_>) -> Result<Box<dyn Link>> {
        Ok(Box::new(Way::own(self.0.open(call)?)))
    }

    fn close(&self) {
        self.0.hosts.close();
    }
}

impl std::fmt::Debug for HostedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostedSource").field("url", self.0.config.url()).finish_non_exhaustive()
    }
}
