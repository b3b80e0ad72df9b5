//! What is in the database, by the server's own catalog.

use super::core::Core;
use crate::driver::{Call, Catalog, RowSink};
use crate::error::Result;
use crate::params::Params;
use crate::sql::{POSTGRES, Statement};
use crate::value::Value;

const TABLES: &str = "
    SELECT n.nspname AS schema, c.relname AS name, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS kind
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND n.nspname NOT LIKE 'pg\\_toast%' AND (n.nspname NOT LIKE 'pg\\_temp%' OR n.oid = pg_catalog.pg_my_temp_schema())
    ORDER BY 1, 2";

/// The table of this name: as it is found without a schema, else with one in front.
const TABLE: &str = "
    (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND (c.relname = $1::text AND pg_catalog.pg_table_is_visible(c.oid) OR n.nspname || '.' || c.relname = $1::text)
     ORDER BY c.relname = $1::text DESC LIMIT 1)";

const COLUMNS: &str = "
    SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
        NOT a.attnotnull AS nullable, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS \"default\",
        coalesce(array_position(k.conkey, a.attnum), 0)::bigint AS primary_key
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'p'
    WHERE a.attrelid = {table} AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

/// The column is NULL where the index is on an expression. Columns that are only carried along are not listed.
const INDEXES: &str = "
    SELECT i.relname AS \"index\", x.indisunique AS \"unique\", (p.n - 1)::bigint AS position, a.attname::text AS \"column\",
        x.indoption[p.n - 1] & 1 = 1 AS descending
    FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) AS p (n)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[p.n - 1] AND a.attnum > 0
    WHERE x.indrelid = {table}
    ORDER BY x.indisprimary DESC, i.relname, p.n";

const FOREIGN_KEYS: &str = "
    SELECT k.conname::text AS \"key\", (p.n - 1)::bigint AS position, a.attname::text AS \"column\",
        CASE WHEN pg_catalog.pg_table_is_visible(t.oid) THEN t.relname::text ELSE n.nspname || '.' || t.relname END
            AS references_table,
        b.attname::text AS references_column
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL pg_catalog.generate_series(1, pg_catalog.cardinality(k.conkey)) AS p (n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[p.n]
    JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[p.n]
    WHERE k.contype = 'f' AND k.conrelid = {table}
    ORDER BY k.conname, p.n";

pub(super) fn describe(core: &mut Core, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
    let (text, table) = match request {
        Catalog::Tables => (TABLES, None),
        Catalog::Columns(table) => (COLUMNS, Some(table)),
        Catalog::Indexes(table) => (INDEXES, Some(table)),
        Catalog::ForeignKeys(table) => (FOREIGN_KEYS, Some(table)),
    };
    let params = table.map_or(Params::None, |table| Params::Positional(vec![Value::Text(table.clone())]));
    let statement = Statement::cached(&text.replace("{table}", TABLE), &POSTGRES)?;
    core.query(call, &statement.bind(params)?, sink)
}
