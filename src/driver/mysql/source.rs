//! What the connections of one `Database` share.

use std::sync::Arc;

use super::connect::Connector;
use crate::driver::{Call, Link, Source};
use crate::error::Result;
use crate::sql::Dialect;

/// Makes connections to one database.
#[derive(Debug)]
pub(super) struct MysqlSource {
    connector: Arc<Connector>,
    dialect: &'static Dialect,
}

impl MysqlSource {
    pub(super) fn new(connector: Connector, dialect: &'static Dialect) -> MysqlSource {
        MysqlSource { connector: Arc::new(connector), dialect }
    }
}

impl Source for MysqlSource {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn connect(&self, call: &Call<'_>) -> Result<Box<dyn Link>> {
        Ok(Box::new(self.connector.connect(call)?))
    }
}
