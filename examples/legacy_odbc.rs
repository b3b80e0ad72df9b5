//! A look into a database of which nobody has more than an ODBC data source: which drivers there are, which tables, which
//! columns, and the first rows of each.
//!
//! ```text
//! cargo run --example legacy_odbc --features odbc-vendored
//! cargo run --example legacy_odbc --features odbc-vendored -- 'odbc:///?dsn=warehouse'
//! cargo run --example legacy_odbc --features odbc-vendored -- 'odbc:DRIVER={FreeTDS};SERVER=old;UID=app;PWD=secret'
//! ```
//!
//! The URL is that of whoever runs this program, on their own machine, and so it may name the file of a driver:
//! `allow_code_options` is set. A program that takes URLs from others leaves it alone.

#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

#[cfg(not(feature = "odbc"))]
fn main() {
    println!("This example is about ODBC: run it with the feature `odbc` or `odbc-vendored`.");
}

#[cfg(feature = "odbc")]
fn main() -> Result<(), pontoon::Error> {
    match std::env::args().nth(1) {
        Some(url) => look(&url).map(drop),
        None => list(),
    }
}

/// What is installed.
#[cfg(feature = "odbc")]
fn list() -> Result<(), pontoon::Error> {
    println!("Drivers, for odbc://host/database?driver=name");
    for driver in pontoon::driver::odbc::drivers()? {
        let place = if driver.found { driver.file } else { format!("{}, which is nowhere", driver.file) };
        println!("  {} ({place})", driver.name);
    }
    println!("Data sources, for odbc:///?dsn=name");
    for source in pontoon::driver::odbc::data_sources()? {
        println!("  {} ({})", source.name, source.driver);
    }
    Ok(())
}

/// Prints the tables of a database, and returns how many there are.
#[cfg(feature = "odbc")]
pub(crate) fn look(url: &str) -> Result<usize, pontoon::Error> {
    use pontoon::driver::Catalog;
    use pontoon::prelude::*;
    use pontoon::value::Value;

    const FIRST: usize = 3;

    let db = Database::builder().url(url).allow_code_options(true).open()?;
    println!("{}, which speaks the SQL of {}", db.url(), db.dialect().name);
    let tables = db.catalog(Catalog::Tables)?;
    for table in &tables {
        let name: String = table.get("name")?;
        println!("\n{name} ({})", table.get::<String>("kind")?);
        for column in &db.catalog(Catalog::Columns(name.clone()))? {
            let type_name: Option<String> = column.get("type_name")?;
            println!("  {} {}", column.get::<String>("name")?, type_name.unwrap_or_default());
        }
        // Whatever the types are, each value can be read: what has no type here comes as its text.
        let query = format!("SELECT * FROM {}", db.dialect().quote_ident(&name)?);
        for row in db.iterate(query, ())?.take(FIRST) {
            let row = row?;
            let cells = (0..row.len()).map(|column| row.get::<Value>(column).map(|value| format!("{value:?}")));
            println!("  | {}", cells.collect::<Result<Vec<_>, _>>()?.join(" | "));
        }
    }
    Ok(tables.len())
}
