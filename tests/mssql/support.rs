//! The server, and the ways to it.

use std::time::Duration;

use pontoon::{Database, DatabaseBuilder, ErrorKind, Queryable as _};

use crate::kit::Canary;
use crate::kit::odbc::has_driver;
use crate::kit::tds::{Asked, Given, TdsServer};

/// A driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    FreeTds,
    /// Microsoft's, by its file.
    Microsoft(String),
}

/// The drivers that there are; that FreeTDS is missing is told by the kit.
fn ways() -> Vec<Way> {
    let microsoft = std::env::var("PONTOON_TEST_MSODBCSQL").ok().filter(|path| !path.is_empty());
    let free = has_driver("FreeTDS").then_some(Way::FreeTds);
    free.into_iter().chain(microsoft.map(Way::Microsoft)).collect()
}

/// A server of its own for each driver.
pub(crate) fn on_each(test: impl Fn(&Place)) {
    for way in ways() {
        test(&Place { server: TdsServer::start(), way });
    }
}

pub(crate) struct Place {
    pub(crate) server: TdsServer,
    pub(crate) way: Way,
}

impl Place {
    pub(crate) fn url(&self) -> String {
        let driver = match &self.way {
            Way::FreeTds => "FreeTDS",
            Way::Microsoft(path) => path,
        };
        format!("mssql://sa:{}@127.0.0.1:{}/shop?driver={driver}", Canary::in_url(), self.server.port())
    }

    pub(crate) fn builder(&self) -> DatabaseBuilder {
        Database::builder()
            .url(self.url())
            .allow_code_options(self.way != Way::FreeTds)
            .timeout(Some(Duration::from_secs(20)))
    }

    /// One connection, so that what is asked is asked in one order.
    pub(crate) fn open(&self) -> Database {
        self.builder().pool_size(1).open().unwrap_or_else(|error| panic!("{:?}: {error:?}", self.way))
    }

    /// The same, with this done before, and what was asked until then forgotten.
    pub(crate) fn open_with(&self, script: &str) -> Database {
        let db = self.open();
        db.execute_script(script).unwrap_or_else(|error| panic!("{:?}: {error:?}", self.way));
        // What was opened to the user is reset before it is used again; that is not to come in between.
        db.fetch_val::<i64>("SELECT 1", ()).unwrap_or_else(|error| panic!("{:?}: {error:?}", self.way));
        self.server.forget();
        db
    }

    /// The values of the only statement that was asked with these words in it.
    pub(crate) fn given_to(&self, words: &str) -> Vec<Given> {
        match self.server.asked_with(words).as_slice() {
            [Asked::Procedure(_, _, given)] => given.clone(),
            other => panic!("asked with `{words}`: {other:#?}"),
        }
    }

    /// The texts of what was asked, in order, without the questions of the library itself.
    pub(crate) fn texts(&self) -> Vec<String> {
        let asked = self.server.asked();
        let texts = asked.iter().map(|asked| asked.text().to_owned());
        texts.filter(|text| !text.is_empty() && !text.contains("XACT_STATE")).collect()
    }
}

/// The error, which is of one of these kinds.
#[track_caller]
pub(crate) fn fails<T: std::fmt::Debug>(
    kind: ErrorKind,
    result: Result<T, impl Into<pontoon::Error>>,
) -> pontoon::Error {
    let error = result.map_err(Into::into).expect_err("it fails");
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}
