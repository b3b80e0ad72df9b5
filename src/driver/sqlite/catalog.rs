//! What is in the database.

use parking_lot::ReentrantMutex;

use super::core::Core;
use crate::driver::way::Reentrant;
use crate::driver::{Call, Catalog, RowSink};
use crate::error::Result;
use crate::params::Params;
use crate::sql::{SQLITE, Statement};
use crate::value::Value;

/// SQLite's own tables begin with `sqlite_`; so do those of its full-text indexes, as shadows of a virtual table.
const TABLES: &str = r#"
    SELECT schema, name, CASE type WHEN 'view' THEN 'view' ELSE 'table' END AS kind
    FROM pragma_table_list
    WHERE type <> 'shadow' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
    ORDER BY schema = 'temp', schema, name"#;

const COLUMNS: &str = r#"
    SELECT name, type AS type_name, "notnull" = 0 AS nullable, dflt_value AS "default", pk AS primary_key
    FROM pragma_table_xinfo(?1)
    WHERE hidden <> 1
    ORDER BY cid"#;

/// The column is NULL where the index is on an expression.
const INDEXES: &str = r#"
    SELECT list.name AS "index", list."unique" AS "unique", info.seqno AS position, info.name AS "column",
        info.desc AS descending
    FROM pragma_index_list(?1) AS list, pragma_index_xinfo(list.name) AS info
    WHERE info.key = 1
    ORDER BY list.seq DESC, info.seqno"#;

/// A key that names no columns refers to the primary key.
const FOREIGN_KEYS: &str = r#"
    SELECT list.id AS "key", list.seq AS position, list."from" AS "column", list."table" AS references_table,
        coalesce(list."to", (SELECT name FROM pragma_table_info(list."table") WHERE pk = list.seq + 1))
            AS references_column
    FROM pragma_foreign_key_list(?1) AS list
    ORDER BY list.id DESC, list.seq"#;

pub(super) fn describe(
    core: &Core,
    place: &ReentrantMutex<Core>,
    call: &Call<'_>,
    request: &Catalog,
    sink: &mut dyn RowSink,
) -> Result<()> {
    let (text, table) = match request {
        Catalog::Tables => (TABLES, None),
        Catalog::Columns(table) => (COLUMNS, Some(table)),
        Catalog::Indexes(table) => (INDEXES, Some(table)),
        Catalog::ForeignKeys(table) => (FOREIGN_KEYS, Some(table)),
    };
    let params = table.map_or(Params::None, |table| Params::Positional(vec![Value::Text(table.clone())]));
    let statement = Statement::parse(text, &SQLITE)?;
    core.query(place, call, &statement.bind(params)?, sink)
}
