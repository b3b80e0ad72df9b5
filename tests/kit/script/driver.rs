//! The driver and its source.

use std::sync::Arc;

use pontoon::Result;
use pontoon::config::{Config, OptionKind, OptionSpec, SchemeInfo};
use pontoon::driver::{Call, Driver, Link, Source};
use pontoon::sql::Dialect;

use super::link::ScriptLink;
use super::record::Method;
use super::state::Shared;

/// Options that do nothing, for what must hold of options.
const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("note", OptionKind::Text, "A text that does nothing."),
    OptionSpec::new("token", OptionKind::Text, "A secret that does nothing.").secret(),
    OptionSpec::new("library", OptionKind::Path, "A file of code that is not loaded.").code(),
];

const SCHEMES: &[SchemeInfo] = &[SchemeInfo::new("script", "generic").options(OPTIONS)];

pub(super) struct ScriptDriver {
    shared: Arc<Shared>,
}

impl ScriptDriver {
    pub(super) fn new(shared: Arc<Shared>) -> ScriptDriver {
        ScriptDriver { shared }
    }
}

impl Driver for ScriptDriver {
    fn name(&self) -> &'static str {
        "script"
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        SCHEMES
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        let mut running = self.shared.start(0, Method::Open, "", &[]);
        let source: Arc<dyn Source> =
            Arc::new(ScriptSource { shared: Arc::clone(&self.shared), config: config.clone() });
        let result = running.answer(&|| Ok(()), |_| Ok(source), |_| None);
        running.end(result, |_| None)
    }
}

struct ScriptSource {
    shared: Arc<Shared>,
    config: Config,
}

impl Source for ScriptSource {
    fn dialect(&self) -> &'static Dialect {
        self.shared.state.lock().settings.dialect
    }

    fn connect(&self, call: &Call<'_>) -> Result<Box<dyn Link>> {
        // It logs in, like any other.
        let _ = self.config.password()?;
        let number = self.shared.state.lock().connect();
        let attempt = Attempt { shared: &self.shared, number, is_made: false };
        let mut running = self.shared.start(number, Method::Connect, "", &[]);
        let result = running.answer(&|| call.check(), |_| Ok(()), |_| None);
        running.end(result, |()| None)?;
        Ok(Box::new(ScriptLink::new(Arc::clone(&self.shared), attempt.made())))
    }

    fn lendable(&self) -> bool {
        self.shared.state.lock().settings.lendable
    }

    fn sole_writer(&self) -> Option<String> {
        self.shared.state.lock().settings.sole_writer.clone()
    }

    fn close(&self) {
        let mut running = self.shared.start(0, Method::CloseSource, "", &[]);
        let result = running.answer(&|| Ok(()), |_| Ok(()), |_| None);
        // There is nobody to tell an error to.
        let _ = running.end(result, |()| None);
    }
}

/// A connection that is being made: it is not open when making it fails or panics.
struct Attempt<'s> {
    shared: &'s Shared,
    number: u64,
    is_made: bool,
}

impl Attempt<'_> {
    fn made(mut self) -> u64 {
        self.is_made = true;
        self.number
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_made {
            return;
        }
        if let Some(connection) = self.shared.state.lock().connection(self.number) {
            connection.is_open = false;
        }
        self.shared.changed.notify_all();
    }
}
