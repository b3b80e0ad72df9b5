//! What a server tells of itself.

use mysql::prelude::Queryable;
use mysql::{Conn, Error as Native, Row, Value};

use super::error::number_of;
use crate::sql::{Dialect, MARIADB, MYSQL};

/// A server, as it was when the connection was opened.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The largest statement that it takes, values included.
    pub(super) max_packet: usize,
    pub(super) is_mariadb: bool,
    /// Whether it refuses what does not fit a column, as is the default, or cuts it.
    pub(super) is_strict: bool,
    /// What takes a session back to the roles that it began with, which its reset does not; none where there are no
    /// roles.
    pub(super) set_role: Option<String>,
}

impl Server {
    pub(super) fn ask(conn: &mut Conn) -> Result<Server, Native> {
        let row: Option<Row> = conn.query_first("SELECT @@max_allowed_packet, VERSION(), @@sql_mode")?;
        let text = |at: usize| match row.as_ref().and_then(|row| row.as_ref(at)) {
            Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let is_mariadb = text(1).to_ascii_lowercase().contains("mariadb");
        Ok(Server {
            // 1 MiB is the least that any server has had as its default.
            max_packet: text(0).parse().unwrap_or(1 << 20),
            is_mariadb,
            is_strict: ["STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"].iter().any(|mode| text(2).contains(mode)),
            set_role: if is_mariadb { role_of_mariadb(conn)? } else { role_of_mysql(&text(1)) },
        })
    }

    pub(super) fn dialect(&self) -> &'static Dialect {
        if self.is_mariadb { &MARIADB } else { &MYSQL }
    }
}

fn role_of_mariadb(conn: &mut Conn) -> Result<Option<String>, Native> {
    let role: Option<Row> = match conn.query_first("SELECT CURRENT_ROLE()") {
        // Before 10.0.5.
        Err(error) if number_of(&error).is_some() => return Ok(None),
        outcome => outcome?,
    };
    let name = match role.as_ref().and_then(|row| row.as_ref(0)) {
        Some(Value::Bytes(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => return Ok(Some("SET ROLE NONE".into())),
    };
    // A name that cannot be quoted is none that a server has.
    Ok(MARIADB.quote_ident(&name).ok().map(|name| format!("SET ROLE {name}")))
}

fn role_of_mysql(version: &str) -> Option<String> {
    let major: u32 = version.split('.').next()?.parse().ok()?;
    (major >= 8).then(|| "SET ROLE DEFAULT".into())
}
