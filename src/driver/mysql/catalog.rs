//! What is in the database.

use crate::driver::Catalog;
use crate::error::Result;
use crate::params::Params;
use crate::sql::{Dialect, Statement};
use crate::value::Value;

// Names are converted, because some versions give them as bytes.

const TABLES: &str = "
    SELECT CONVERT(table_schema USING utf8mb4) AS `schema`, CONVERT(table_name USING utf8mb4) AS name,
        CASE WHEN table_type LIKE '%VIEW' THEN 'view' ELSE 'table' END AS kind
    FROM information_schema.tables
    WHERE table_schema = DATABASE()
    ORDER BY table_name";

const COLUMNS: &str = "
    SELECT CONVERT(c.column_name USING utf8mb4) AS name, CONVERT(c.column_type USING utf8mb4) AS type_name,
        c.is_nullable = 'YES' AS nullable, CONVERT(c.column_default USING utf8mb4) AS `default`,
        CAST(COALESCE(s.seq_in_index, 0) AS SIGNED) AS primary_key
    FROM information_schema.columns AS c
    LEFT JOIN information_schema.statistics AS s ON s.table_schema = c.table_schema AND s.table_name = c.table_name
        AND s.column_name = c.column_name AND s.index_name = 'PRIMARY'
    WHERE c.table_schema = DATABASE() AND c.table_name = ?
    ORDER BY c.ordinal_position";

/// The column is NULL where the index is on an expression.
const INDEXES: &str = "
    SELECT CONVERT(index_name USING utf8mb4) AS `index`, non_unique = 0 AS `unique`, CAST(seq_in_index - 1 AS SIGNED) AS position,
        CONVERT(column_name USING utf8mb4) AS `column`, COALESCE(collation, 'A') = 'D' AS descending
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = ?
    ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index";

const FOREIGN_KEYS: &str = "
    SELECT CONVERT(constraint_name USING utf8mb4) AS `key`, CAST(ordinal_position - 1 AS SIGNED) AS position,
        CONVERT(column_name USING utf8mb4) AS `column`, CONVERT(referenced_table_name USING utf8mb4) AS references_table,
        CONVERT(referenced_column_name USING utf8mb4) AS references_column
    FROM information_schema.key_column_usage
    WHERE table_schema = DATABASE() AND table_name = ? AND referenced_table_name IS NOT NULL
    ORDER BY constraint_name, ordinal_position";

pub(super) fn statement(dialect: &'static Dialect, request: &Catalog) -> Result<Statement> {
    let text = match request {
        Catalog::Tables => TABLES,
        Catalog::Columns(_) => COLUMNS,
        Catalog::Indexes(_) => INDEXES,
        Catalog::ForeignKeys(_) => FOREIGN_KEYS,
    };
    Statement::parse(text, dialect)
}

pub(super) fn params(request: &Catalog) -> Params {
    match request {
        Catalog::Tables => Params::None,
        Catalog::Columns(table) | Catalog::Indexes(table) | Catalog::ForeignKeys(table) => {
            Params::Positional(vec![Value::Text(table.clone())])
        }
    }
}
